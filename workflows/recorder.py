"""Net 2: the Recorder machine and the rule that starts it for runs that no Catch could save.

A machine time-out, an abort, States.Runtime or a full history ends a run without its dead-letter
branch. The rule hears of it from EventBridge, the Recorder reads the run with DescribeExecution
and delivers the same letter. Runs that wrote their own letter come here too and lose the
conditional put, unless they archived it and died before they could send it.
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import text
from workflows.dead_letter import (
    CONDITION_FAILED,
    PENDING,
    TIME_OUT,
    DeadLetterBranch,
    DeadLetterStore,
    letter_key,
)
from workflows.failed_runs import FAILED_STATUSES, start_for_failed_runs
from workflows.findings import acknowledge_wildcard
from workflows.jsonata import EXECUTION_ARN, EXECUTION_INPUT, is_true, jsonata
from workflows.letter import CAUSE_CHARACTERS_MAX, FailedRun
from workflows.machine import ANY_EXECUTION, Machine, standard_machine
from workflows.queue import Queue
from workflows.retry_policy import (
    DYNAMODB_FAULTS,
    STEP_FUNCTIONS_SDK_FAULTS,
    TIME_OUTS,
    retry,
)

FOUND = {"executionArn": jsonata("$run.executionArn")}

# A Recorder that archived a letter sends it within its own time-out, or never: later than this,
# a PENDING letter is taken over by whoever finds it.
MACHINE_MINUTES_MAX = 10
TAKE_OVER_AFTER_MINUTES = 15

DESCRIBED_RUN = FailedRun(
    execution_arn="$run.executionArn",
    execution_name="$run.name",
    state_machine="$run.stateMachine",
    input="$run.input",
    redrive_count="$run.redriveCount",
    start_time="$run.startTime",
)

RUN = jsonata(
    """{
    'executionArn': $states.result.ExecutionArn,
    'name': $states.result.Name,
    'stateMachine': $states.result.StateMachineVersionArn
        ? $states.result.StateMachineVersionArn : $states.result.StateMachineArn,
    'status': $states.result.Status,
    'redriveCount': $states.result.RedriveCount ? $states.result.RedriveCount : 0,
    'startTime': $states.result.StartDate,
    'input': $parse($states.result.Input)
    }"""
)
FAILURE = jsonata(
    f"""{{
    'state': null,
    'error': $states.result.Error ? $states.result.Error : $states.result.Status,
    'cause': $states.result.Cause
        ? $substring($states.result.Cause, 0, {CAUSE_CHARACTERS_MAX}) : '',
    'attempts': null,
    'failedAt': $states.result.StopDate ? $states.result.StopDate : $now()
    }}"""
)

# What the rule and the sweep tell, and the run's ARN says: enough for a letter without input.
RUN_AS_TOLD = jsonata(
    f"""(
    $told := {EXECUTION_INPUT};
    $arn := $split($told.executionArn, ':');
    {{
        'executionArn': $told.executionArn,
        'name': $arn[7],
        'stateMachine': $join($append($arn[[0..4]], ['stateMachine', $arn[6]]), ':'),
        'status': $told.status ? $told.status : 'FAILED',
        'redriveCount': $told.redriveCount ? $told.redriveCount : 0,
        'startTime': null
    }}
    )"""
)
FAILURE_AS_TOLD = jsonata(
    f"""{{
    'state': null,
    'error': {EXECUTION_INPUT}.status ? {EXECUTION_INPUT}.status : 'FAILED',
    'cause': '',
    'attempts': null,
    'failedAt': $now()
    }}"""
)


class Recorder(Construct):
    """Records the failed runs of `watched`, which must not be itself. Its input is the detail of a
    status-change event, or as much of it: executionArn, status, redriveCount."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        watched: Sequence[Machine],
        store: DeadLetterStore,
        lost_events: Queue,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self.watched = watched
        self.store = store

        read_execution = tasks.CallAwsService.jsonata(
            self,
            "ReadExecution",
            service="sfn",
            action="describeExecution",
            iam_action="states:DescribeExecution",
            iam_resources=[machine.execution_arn("*") for machine in watched],
            parameters={"ExecutionArn": jsonata("$states.input.executionArn")},
            task_timeout=TIME_OUT,
            assign={"run": RUN, "failure": FAILURE},
        )
        for machine in watched:
            acknowledge_wildcard(self, machine.execution_arn("*"), ANY_EXECUTION)
        retry(read_execution, STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS)
        take_as_told = sfn.Pass.jsonata(
            self, "TakeAsTold", assign={"run": RUN_AS_TOLD, "failure": FAILURE_AS_TOLD}
        )
        has_failed = sfn.Choice.jsonata(self, "HasFailed")
        nothing_to_record = sfn.Succeed.jsonata(self, "NothingToRecord", outputs=FOUND)

        take_over = tasks.DynamoUpdateItem.jsonata(
            self,
            "TakeOver",
            table=store.archive,
            key=letter_key("$letter"),
            update_expression="SET archivedBy = :me, archivedAt = :now",
            condition_expression=(
                "#status = :pending AND (archivedBy = :failedRun OR archivedAt < :longAgo)"
            ),
            expression_attribute_names={"#status": "status"},
            expression_attribute_values={
                ":me": text(jsonata(EXECUTION_ARN)),
                ":now": text(jsonata("$now()")),
                ":pending": text(PENDING),
                ":failedRun": text(jsonata("$letter.executionArn")),
                ":longAgo": text(
                    jsonata(f"$fromMillis($millis() - {TAKE_OVER_AFTER_MINUTES * 60_000})")
                ),
            },
            return_values=tasks.DynamoReturnValues.ALL_NEW,
            task_timeout=TIME_OUT,
            assign={"letter": jsonata("$parse($states.result.Attributes.letter.S)")},
        )
        retry(take_over, DYNAMODB_FAULTS, TIME_OUTS)
        already_recorded = sfn.Succeed.jsonata(self, "AlreadyRecorded", outputs=FOUND)
        recorded = sfn.Succeed.jsonata(self, "Recorded", outputs=FOUND)

        branch = DeadLetterBranch(
            self,
            "Branch",
            store=store,
            run=DESCRIBED_RUN,
            delivered=recorded,
            already_archived=take_over,
        )

        store.acknowledge_for(self)

        # The input is a text in the answer, and its escapes can make it more than a state may hold.
        read_execution.add_catch(take_as_told, errors=["States.DataLimitExceeded"])
        take_over.add_catch(already_recorded, errors=[CONDITION_FAILED])

        # Redriven since, a run is no failure any more.
        story = read_execution.next(
            has_failed.when(
                is_true(f"$run.status in {list(FAILED_STATUSES)}"),
                branch.start,
            ).otherwise(nothing_to_record)
        )
        take_as_told.next(has_failed)
        take_over.next(branch.send)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=cdk.Duration.minutes(MACHINE_MINUTES_MAX),
            removal_policy=removal_policy,
        )

        start_for_failed_runs(self, self.machine, watched=watched, lost_events=lost_events)
