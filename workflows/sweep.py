"""The Sweep machine and its schedule: what stands behind the rule, whose events are best effort.

Every hour it lists the failed runs that stopped in the last hours and starts the Recorder for
each; the windows overlap, so several sweeps must be lost before a run is. ListExecutions sorts by
start, and a run may fail a year after it, so all pages are read. Each page after the first is a
run of its own: none takes longer for the number of failures.

Express: it takes seconds, and may be done twice, since a Recorder leaves alone what another has
recorded. Its outer net is the next sweep, and an alarm on runs that fail or time out.
https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.durations import timeout
from workflows.failed_runs import FAILED_STATUSES
from workflows.jsonata import is_true, jsonata
from workflows.machine import Machine, express_machine
from workflows.queue import Queue
from workflows.retry_policy import (
    STEP_FUNCTIONS_FAULTS,
    STEP_FUNCTIONS_SDK_FAULTS,
    TIME_OUTS,
    retry,
)
from workflows.schedule import schedule_machine

EVERY = cdk.Duration.hours(1)
LOOK_BACK_HOURS = 6
MACHINE_TIME_OUT = cdk.Duration.minutes(5)
TASK_SECONDS_MAX = 30

# An execution takes up to about 1 kB of the answer, and the answer may have 256 KiB.
EXECUTIONS_PER_PAGE = 100
# One that is tried again for minutes holds up no other.
LISTS_AT_ONCE = 6
RECORDERS_STARTED_AT_ONCE = 5


class Sweep(Construct):
    """Sweeps the failed runs of `watched` into `recorder`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        watched: Sequence[Machine],
        recorder: Machine,
        lost_schedules: Queue,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)

        # A following page keeps the window of the first one.
        set_window = sfn.Pass.jsonata(
            self,
            "SetWindow",
            assign={
                "since": jsonata(
                    f"""$exists($states.input.since) ? $states.input.since
                    : $fromMillis($toMillis($states.context.Execution.StartTime)
                        - {LOOK_BACK_HOURS * 3_600_000})"""
                )
            },
        )

        # Raw: NextToken is there from the second page on, which only an expression can say.
        list_failed = sfn.CustomState(
            self,
            "ListFailed",
            state_json={
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:sfn:listExecutions",
                "Arguments": jsonata(
                    f"""$merge([{{
                    'StateMachineArn': $states.input.stateMachineArn,
                    'StatusFilter': $states.input.status,
                    'MaxResults': {EXECUTIONS_PER_PAGE}
                    }}, {{'NextToken': $states.input.nextToken}}])"""
                ),
                "TimeoutSeconds": TASK_SECONDS_MAX,
                "Assign": {
                    "following": jsonata(
                        """$exists($states.result.NextToken) ? [$merge([
                        $states.input, {'nextToken': $states.result.NextToken}])] : []"""
                    ),
                },
                "Output": jsonata(
                    """[$states.result.Executions[$toMillis(StopDate) >= $toMillis($since)].{
                    'executionArn': ExecutionArn,
                    'status': Status,
                    'redriveCount': RedriveCount
                    }]"""
                ),
            },
        )
        retry(list_failed, STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS)

        start_recorder = tasks.StepFunctionsStartExecution.jsonata(
            self,
            "StartRecorder",
            state_machine=recorder,
            input=sfn.TaskInput.from_text(jsonata("$states.input")),
            task_timeout=timeout(TASK_SECONDS_MAX),
        )
        retry(start_recorder, STEP_FUNCTIONS_FAULTS, TIME_OUTS)
        record_each = sfn.Map.jsonata(
            self,
            "RecordEach",
            items=sfn.ProvideItems.jsonata(jsonata("$states.input")),
            max_concurrency=RECORDERS_STARTED_AT_ONCE,
            outputs={},
        ).item_processor(start_recorder)

        is_last_page = sfn.Choice.jsonata(self, "IsLastPage")
        page_done = sfn.Pass.jsonata(self, "PageDone")

        # Raw: the machine cannot name itself while it is being made.
        sweep_following_page = sfn.CustomState(
            self,
            "SweepFollowingPage",
            state_json={
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution",
                "Arguments": {
                    "StateMachineArn": jsonata("$states.context.StateMachine.Id"),
                    "Input": {"since": jsonata("$since"), "lists": jsonata("$following")},
                },
                "TimeoutSeconds": TASK_SECONDS_MAX,
            },
        )
        retry(sweep_following_page, STEP_FUNCTIONS_FAULTS, TIME_OUTS)

        each_list = sfn.Map.jsonata(
            self,
            "EachList",
            items=sfn.ProvideItems.jsonata(jsonata("$states.context.Execution.Input.lists")),
            max_concurrency=LISTS_AT_ONCE,
            outputs={},
        ).item_processor(
            list_failed.next(record_each).next(
                is_last_page.when(is_true("$count($following) = 0"), page_done).otherwise(
                    sweep_following_page
                )
            )
        )

        self.machine = express_machine(
            self,
            construct_id,
            chain=set_window.next(each_list),
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["states:ListExecutions"],
                resources=[machine.arn for machine in watched],
            )
        )
        iam.Policy(
            self,
            "SweepFollowingPagePolicy",
            roles=[self.machine.role],
            statements=[
                iam.PolicyStatement(actions=["states:StartExecution"], resources=[self.machine.arn])
            ],
        )

        schedule_machine(
            self,
            "Hourly",
            machine=self.machine,
            expression=scheduler.ScheduleExpression.rate(EVERY),
            description="Sweeps failed runs into the Recorder",
            machine_input={
                "lists": [
                    {"stateMachineArn": machine.arn, "status": status}
                    for machine in watched
                    for status in FAILED_STATUSES
                ]
            },
            lost_starts=lost_schedules,
            max_event_age=EVERY,
            removal_policy=removal_policy,
        )
