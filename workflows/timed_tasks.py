"""The TimedTasks machine: starts any workflow at a time or after a delay, once; cancels that; lists
what is due.

A task that is due soon is waited for, to the second; a later one is a one-time schedule that starts
this machine again when it is due (within a minute) and then deletes itself. Either way the task is
claimed in its item first, and the execution that is started has the task's id as its name: two
deliveries have one effect, and a cancelled task has none.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.timed_tasks.payloads import (
    CANCEL,
    CANCELLED,
    LIST,
    REFUSED,
    SCHEDULE,
    SCHEDULED,
    STARTED,
    CheckRequestEvent,
)
from workflows.attribute_values import text
from workflows.dead_letter import CONDITION_FAILED, DeadLetterStore, Net
from workflows.durations import timeout
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, EXECUTION_INPUT, is_true, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.machine import Machine, standard_machine
from workflows.one_time_schedules import ALREADY_SCHEDULED, NO_SCHEDULE, OneTimeSchedules
from workflows.queue import Queue
from workflows.retry_policy import STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS, retry
from workflows.timed_task_items import TaskItems

TIME_OUT = timeout(30)
# A schedule is carried out within its minute; what is due earlier than this is waited for.
SOON = cdk.Duration.minutes(15)
MACHINE_TIME_OUT = cdk.Duration.hours(1)

ALREADY_STARTED = "Sfn.ExecutionAlreadyExistsException"


class TimedTasks(Construct):
    """Its input is one of the requests in lambdas.timed_tasks.payloads. `workflows` are those that
    can be started, by name; `table` has the tasks."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workflows: Mapping[str, Machine],
        table: dynamodb.Table,
        check_request: ThinFunction,
        dead_letters: DeadLetterStore,
        lost_schedules: Queue,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        items = TaskItems(self, table)
        one_time = OneTimeSchedules(
            self, lost_schedules=lost_schedules, time_out=TIME_OUT, removal_policy=removal_policy
        )
        self.schedules = one_time.group
        net = Net(self, "DeadLetter", store=dead_letters)

        know_workflows = sfn.Pass.jsonata(
            self,
            "KnowWorkflows",
            assign={"workflows": {name: machine.arn for name, machine in workflows.items()}},
        )
        check = lambda_task(
            self,
            "CheckRequest",
            function=check_request,
            event=CheckRequestEvent(
                executionArn=value_of(EXECUTION_ARN),
                request=value_of(EXECUTION_INPUT),
                now=value_of("$states.context.Execution.StartTime"),
                workflows=value_of("$keys($workflows)"),
            ),
            assign={"task": jsonata("$states.result.Payload")},
        )
        what_is_asked = sfn.Choice.jsonata(self, "WhatIsAsked")
        refused = sfn.Succeed.jsonata(
            self, "Refused", outputs={"status": REFUSED, "why": jsonata("$why")}
        )

        record = items.record("Record")
        read_task = items.read("ReadTask")
        is_it_the_same = sfn.Choice.jsonata(self, "IsItTheSame")
        is_it_soon = sfn.Choice.jsonata(self, "IsItSoon")
        wait_until_due = sfn.Wait.jsonata(
            self, "WaitUntilDue", time=sfn.WaitTime.timestamp(jsonata("$task.dueAt"))
        )
        create_schedule = one_time.create(
            self,
            "CreateSchedule",
            name="$task.taskId",
            at="$substring($task.dueAt, 0, 19)",
            # The machine cannot name itself while it is being made.
            target_arn=jsonata("$states.context.StateMachine.Id"),
            target_input=jsonata("$string({'action': 'START', 'taskId': $task.taskId})"),
        )
        scheduled = sfn.Succeed.jsonata(
            self,
            "Scheduled",
            outputs={
                "taskId": jsonata("$task.taskId"),
                "status": SCHEDULED,
                "dueAt": jsonata("$task.dueAt"),
            },
        )

        claim = items.claim("Claim")
        nothing_to_start = sfn.Succeed.jsonata(
            self,
            "NothingToStart",
            outputs={
                "taskId": jsonata("$task.taskId"),
                "why": "it was started, or cancelled, or is not known",
            },
        )
        start = self._start(workflows)
        mark_started = items.mark(
            "MarkStarted",
            "SET #status = :started, startedAt = :now",
            "attribute_exists(taskId)",
            {":started": text(STARTED), ":now": text(jsonata("$now()"))},
        )
        started = sfn.Succeed.jsonata(
            self,
            "Started",
            outputs={"taskId": jsonata("$task.taskId"), "status": STARTED},
        )

        mark_cancelled = items.mark(
            "MarkCancelled",
            "SET #status = :cancelled, cancelledAt = :now",
            "#status IN (:scheduled, :cancelled)",
            {
                ":cancelled": text(CANCELLED),
                ":scheduled": text(SCHEDULED),
                ":now": text(jsonata("$now()")),
            },
        )
        read_uncancelled = items.read("ReadUncancelled")
        say_why = sfn.Pass.jsonata(
            self,
            "SayWhy",
            assign={
                "why": jsonata(
                    """$found.status
                    ? 'taskId: ' & $task.taskId & ' is ' & $found.status & ' since ' & $found.at
                    : 'taskId: there is no task ' & $task.taskId"""
                )
            },
        )
        delete_schedule = one_time.delete(self, "DeleteSchedule", name="$task.taskId")
        cancelled = sfn.Succeed.jsonata(
            self,
            "Cancelled",
            outputs={"taskId": jsonata("$task.taskId"), "status": CANCELLED},
        )
        list_due = items.list_due("ListDue")
        listed = sfn.Succeed.jsonata(self, "Listed")

        check.add_catch(
            refused,
            errors=["RequestRefused"],
            assign={
                "why": jsonata(
                    """$substring($states.errorOutput.Cause, 0, 1) = '{'
                    ? $parse($states.errorOutput.Cause).errorMessage : $states.errorOutput.Cause"""
                )
            },
        )
        record.add_catch(read_task, errors=[CONDITION_FAILED])
        create_schedule.add_catch(scheduled, errors=[ALREADY_SCHEDULED])
        claim.add_catch(nothing_to_start, errors=[CONDITION_FAILED])
        start.add_catch(mark_started, errors=[ALREADY_STARTED])
        mark_cancelled.add_catch(read_uncancelled, errors=[CONDITION_FAILED])
        delete_schedule.add_catch(cancelled, errors=[NO_SCHEDULE])
        net.catch(
            *(check, record, read_task, create_schedule, claim, start, mark_started),
            *(mark_cancelled, read_uncancelled, delete_schedule, list_due),
        )

        story = know_workflows.next(check).next(
            what_is_asked.when(is_true(f"$task.action = '{SCHEDULE}'"), record)
            .when(is_true(f"$task.action = '{CANCEL}'"), mark_cancelled)
            .when(is_true(f"$task.action = '{LIST}'"), list_due)
            .otherwise(claim)
        )
        record.next(is_it_soon)
        read_task.next(
            is_it_the_same.when(
                is_true("$found.request != $string($states.context.Execution.Input)"),
                refused,
                assign={"why": jsonata("'taskId: there is another task ' & $task.taskId")},
            )
            .when(
                is_true(f"$found.status = '{SCHEDULED}'"),
                is_it_soon,
                assign={"task": jsonata("$merge([$task, {'dueAt': $found.dueAt}])")},
            )
            .otherwise(claim)
        )
        is_it_soon.when(
            is_true(f"$toMillis($task.dueAt) - $millis() <= {int(SOON.to_milliseconds())}"),
            wait_until_due.next(claim),
        ).otherwise(create_schedule.next(scheduled))
        claim.next(start).next(mark_started).next(started)
        mark_cancelled.next(delete_schedule).next(cancelled)
        read_uncancelled.next(say_why).next(refused)
        list_due.next(listed)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        one_time.grant_to(self.machine.role, named_after="task")
        self.machine.grant_start_execution(one_time.role)

    def _start(self, workflows: Mapping[str, Machine]) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            "StartWorkflow",
            service="sfn",
            action="startExecution",
            iam_action="states:StartExecution",
            iam_resources=[machine.arn for machine in workflows.values()],
            parameters={
                "StateMachineArn": jsonata("$lookup($workflows, $task.workflow)"),
                "Name": jsonata("$task.taskId"),
                "Input": jsonata("$task.input"),
            },
            task_timeout=TIME_OUT,
        )
        retry(task, STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS)
        return task
