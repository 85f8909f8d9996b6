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
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
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
    STARTING,
    CheckRequestEvent,
)
from workflows.dead_letter import CONDITION_FAILED, DeadLetterStore, Net
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, EXECUTION_INPUT, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.machine import standard_machine
from workflows.retry_policy import (
    DYNAMODB_FAULTS,
    DYNAMODB_SDK_FAULTS,
    SCHEDULER_SDK_FAULTS,
    STEP_FUNCTIONS_SDK_FAULTS,
    TIME_OUTS,
    retry,
)
from workflows.wildcards import acknowledge_wildcard

KEY = "taskId"
# What is due is found by these.
INDEX = "due"
INDEX_KEYS = ("status", "dueAt")
LISTED_MAX = 100

TIME_OUT = sfn.Timeout.duration(cdk.Duration.seconds(30))
# A schedule is carried out within its minute; what is due earlier than this is waited for.
SOON = cdk.Duration.minutes(15)
MACHINE_TIME_OUT = cdk.Duration.hours(1)

ALREADY_SCHEDULED = "Scheduler.ConflictException"
NO_SCHEDULE = "Scheduler.ResourceNotFoundException"
ALREADY_STARTED = "Sfn.ExecutionAlreadyExistsException"

text = tasks.DynamoAttributeValue.from_string
STATUS = {"#status": "status"}


def when(expression: str) -> sfn.Condition:
    return sfn.Condition.jsonata(jsonata(expression))


class TimedTasks(Construct):
    """Its input is one of the requests in lambdas.timed_tasks.payloads. `workflows` are those that
    can be started, by name; `table` has the tasks."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workflows: Mapping[str, sfn.StateMachine],
        table: dynamodb.Table,
        check_request: ThinFunction,
        dead_letters: DeadLetterStore,
        lost_schedules: sqs.IQueue,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._table = table
        self.schedules = scheduler.ScheduleGroup(self, "Schedules", removal_policy=removal_policy)
        schedule_role = self._schedule_role(lost_schedules)
        net = Net(self, "DeadLetter", store=dead_letters)

        know_workflows = sfn.Pass.jsonata(
            self,
            "KnowWorkflows",
            assign={
                "workflows": {
                    name: machine.state_machine_arn for name, machine in workflows.items()
                }
            },
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

        record = self._record()
        read_task = self._read("ReadTask")
        is_it_the_same = sfn.Choice.jsonata(self, "IsItTheSame")
        is_it_soon = sfn.Choice.jsonata(self, "IsItSoon")
        wait_until_due = sfn.Wait.jsonata(
            self, "WaitUntilDue", time=sfn.WaitTime.timestamp(jsonata("$task.dueAt"))
        )
        create_schedule = self._create_schedule(schedule_role, lost_schedules)
        scheduled = sfn.Succeed.jsonata(
            self,
            "Scheduled",
            outputs={
                "taskId": jsonata("$task.taskId"),
                "status": SCHEDULED,
                "dueAt": jsonata("$task.dueAt"),
            },
        )

        claim = self._claim()
        nothing_to_start = sfn.Succeed.jsonata(
            self,
            "NothingToStart",
            outputs={
                "taskId": jsonata("$task.taskId"),
                "why": "it was started, or cancelled, or is not known",
            },
        )
        start = self._start(workflows)
        mark_started = self._update(
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

        mark_cancelled = self._update(
            "MarkCancelled",
            "SET #status = :cancelled, cancelledAt = :now",
            "#status IN (:scheduled, :cancelled)",
            {
                ":cancelled": text(CANCELLED),
                ":scheduled": text(SCHEDULED),
                ":now": text(jsonata("$now()")),
            },
        )
        read_uncancelled = self._read("ReadUncancelled")
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
        delete_schedule = self._delete_schedule()
        cancelled = sfn.Succeed.jsonata(
            self,
            "Cancelled",
            outputs={"taskId": jsonata("$task.taskId"), "status": CANCELLED},
        )
        list_due = self._list_due()
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
            what_is_asked.when(when(f"$task.action = '{SCHEDULE}'"), record)
            .when(when(f"$task.action = '{CANCEL}'"), mark_cancelled)
            .when(when(f"$task.action = '{LIST}'"), list_due)
            .otherwise(claim)
        )
        record.next(is_it_soon)
        read_task.next(
            is_it_the_same.when(
                when("$found.request != $string($states.context.Execution.Input)"),
                refused,
                assign={"why": jsonata("'taskId: there is another task ' & $task.taskId")},
            )
            .when(
                when(f"$found.status = '{SCHEDULED}'"),
                is_it_soon,
                assign={"task": jsonata("$merge([$task, {'dueAt': $found.dueAt}])")},
            )
            .otherwise(claim)
        )
        is_it_soon.when(
            when(f"$toMillis($task.dueAt) - $millis() <= {int(SOON.to_milliseconds())}"),
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
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[schedule_role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            )
        )
        acknowledge_wildcard(self, self._schedule_arns, "A schedule is named after its task.")
        self.machine.grant_start_execution(schedule_role)

    # The task's item

    def _key(self) -> dict[str, tasks.DynamoAttributeValue]:
        return {KEY: text(jsonata("$task.taskId"))}

    def _record(self) -> tasks.DynamoPutItem:
        task = tasks.DynamoPutItem.jsonata(
            self,
            "Record",
            table=self._table,
            item={
                **self._key(),
                "status": text(SCHEDULED),
                "dueAt": text(jsonata("$task.dueAt")),
                "workflow": text(jsonata("$task.workflow")),
                "input": text(jsonata("$string($task.input)")),
                "request": text(jsonata(f"$string({EXECUTION_INPUT})")),
                "recordedAt": text(jsonata("$now()")),
                "recordedBy": text(jsonata(EXECUTION_ARN)),
            },
            condition_expression=f"attribute_not_exists({KEY})",
            task_timeout=TIME_OUT,
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def _read(self, state: str) -> tasks.DynamoGetItem:
        task = tasks.DynamoGetItem.jsonata(
            self,
            state,
            table=self._table,
            key=self._key(),
            consistent_read=True,
            task_timeout=TIME_OUT,
            assign={
                "found": jsonata(
                    """$not($exists($states.result.Item)) ? {} : $states.result.Item.{
                    'status': status.S,
                    'dueAt': dueAt.S,
                    'request': request.S,
                    'at': startedAt ? startedAt.S : cancelledAt ? cancelledAt.S : recordedAt.S
                    }"""
                )
            },
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def _update(
        self,
        state: str,
        update: str,
        condition: str,
        values: Mapping[str, tasks.DynamoAttributeValue],
        **more: object,
    ) -> tasks.DynamoUpdateItem:
        task = tasks.DynamoUpdateItem.jsonata(
            self,
            state,
            table=self._table,
            key=self._key(),
            update_expression=update,
            condition_expression=condition,
            expression_attribute_names=STATUS,
            expression_attribute_values=dict(values),
            task_timeout=TIME_OUT,
            **more,  # type: ignore[arg-type]
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def _claim(self) -> tasks.DynamoUpdateItem:
        """From here on it is not cancelled any more. A run that died after this is followed by one
        that finds it STARTING, and goes on."""
        return self._update(
            "Claim",
            "SET #status = :starting",
            "#status IN (:scheduled, :starting)",
            {":starting": text(STARTING), ":scheduled": text(SCHEDULED)},
            return_values=tasks.DynamoReturnValues.ALL_NEW,
            assign={
                "task": {
                    "taskId": jsonata("$task.taskId"),
                    "workflow": jsonata("$states.result.Attributes.workflow.S"),
                    "input": jsonata("$states.result.Attributes.input.S"),
                }
            },
        )

    def _list_due(self) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            "ListDue",
            service="dynamodb",
            action="query",
            iam_action="dynamodb:Query",
            iam_resources=[f"{self._table.table_arn}/index/{INDEX}"],
            parameters={
                "TableName": self._table.table_name,
                "IndexName": INDEX,
                "KeyConditionExpression": "#status = :scheduled AND dueAt <= :until",
                "ExpressionAttributeNames": STATUS,
                "ExpressionAttributeValues": {
                    ":scheduled": {"S": SCHEDULED},
                    ":until": {"S": jsonata("$task.until ? $task.until : '9999'")},
                },
                "Limit": LISTED_MAX,
            },
            task_timeout=TIME_OUT,
            outputs={
                "due": jsonata(
                    """[$states.result.Items.{
                    'taskId': taskId.S, 'workflow': workflow.S, 'dueAt': dueAt.S
                    }]"""
                ),
                "more": jsonata("$exists($states.result.LastEvaluatedKey)"),
            },
        )
        retry(task, DYNAMODB_SDK_FAULTS, TIME_OUTS)
        return task

    # Schedules and executions

    def _schedule_role(self, lost_schedules: sqs.IQueue) -> iam.Role:
        role = iam.Role(
            self,
            "ScheduleRole",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": cdk.Stack.of(self).account,
                        "aws:SourceArn": self.schedules.schedule_group_arn,
                    }
                },
            ),
        )
        lost_schedules.grant(role, "sqs:SendMessage")
        return role

    @property
    def _schedule_arns(self) -> str:
        return cdk.Stack.of(self).format_arn(
            service="scheduler",
            resource="schedule",
            resource_name=f"{self.schedules.schedule_group_name}/*",
        )

    def _create_schedule(self, role: iam.IRole, lost_schedules: sqs.IQueue) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            "CreateSchedule",
            service="scheduler",
            action="createSchedule",
            iam_action="scheduler:CreateSchedule",
            iam_resources=[self._schedule_arns],
            parameters={
                "GroupName": self.schedules.schedule_group_name,
                "Name": jsonata("$task.taskId"),
                "ClientToken": jsonata("$task.taskId"),
                "ScheduleExpression": jsonata("'at(' & $substring($task.dueAt, 0, 19) & ')'"),
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "ActionAfterCompletion": "DELETE",
                "Target": {
                    # The machine cannot name itself while it is being made.
                    "Arn": jsonata("$states.context.StateMachine.Id"),
                    "RoleArn": role.role_arn,
                    "Input": jsonata("$string({'action': 'START', 'taskId': $task.taskId})"),
                    "DeadLetterConfig": {"Arn": lost_schedules.queue_arn},
                },
            },
            task_timeout=TIME_OUT,
        )
        retry(task, SCHEDULER_SDK_FAULTS, TIME_OUTS)
        return task

    def _delete_schedule(self) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            "DeleteSchedule",
            service="scheduler",
            action="deleteSchedule",
            iam_action="scheduler:DeleteSchedule",
            iam_resources=[self._schedule_arns],
            parameters={
                "GroupName": self.schedules.schedule_group_name,
                "Name": jsonata("$task.taskId"),
                "ClientToken": jsonata("$task.taskId"),
            },
            task_timeout=TIME_OUT,
        )
        retry(task, SCHEDULER_SDK_FAULTS, TIME_OUTS)
        return task

    def _start(self, workflows: Mapping[str, sfn.StateMachine]) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            "StartWorkflow",
            service="sfn",
            action="startExecution",
            iam_action="states:StartExecution",
            iam_resources=[machine.state_machine_arn for machine in workflows.values()],
            parameters={
                "StateMachineArn": jsonata("$lookup($workflows, $task.workflow)"),
                "Name": jsonata("$task.taskId"),
                "Input": jsonata("$task.input"),
            },
            task_timeout=TIME_OUT,
        )
        retry(task, STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS)
        return task
