"""The tasks of a heal that are more than one call of Lambda's API: the canary, the budget of a day,
which task of an execution has failed, and whom a heal is told to."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import number, text
from workflows.durations import timeout
from workflows.heal_target import HealTarget
from workflows.jsonata import EXECUTION_ARN, EXECUTION_INPUT, jsonata
from workflows.live_alias import way_back
from workflows.retry_policy import (
    DYNAMODB_FAULTS,
    EVENTBRIDGE_FAULTS,
    LAMBDA_FAULTS,
    SNS_FAULTS,
    STEP_FUNCTIONS_SDK_FAULTS,
    TIME_OUTS,
    RetryClass,
    retry,
)

TIME_OUT = timeout(30)
CANARY_SECONDS_MAX = 60
CANDIDATES_MAX = 5
HEALS_PER_DAY = 3
BUDGET_KEY = "target"
BUDGET_DAY = "day"
BUDGET_EXPIRES = "expiresAt"
HISTORY_EVENTS_MAX = 200
SOURCE = "operations.heal"
HEALED_EVENT = "Function Healed"
NO_SUCH_VERSION = "Lambda.ResourceNotFoundException"


NEWEST = "$string($max([$alias.version, $keys($alias.weights)].$number($)))"
# The alias's other version first, then those before the suspect; some of these may be deleted.
CANDIDATES = f"""(
    $all := [$alias.version, $keys($alias.weights)];
    $suspect := $max($all.$number($));
    $before := [1..{CANDIDATES_MAX}].($suspect - $)[$ > 0].$string($);
    [$distinct($append($all[$ != $string($suspect)], $before))]
    )"""

TOLD = f"""$outcome & ': ' & $target.name & '\\n\\n' & $reason & '.\\n'
    & ($count($changes) > 0 ? 'What is different: ' & $join($changes, ', ') & '.\\n' : '')
    & ($outcome = 'HEALED' ? 'Back again: ' & {way_back("$before")} & '\\n' : '')
    & ($outcome = 'REFUSED' ? 'Once more: aws stepfunctions start-execution --state-machine-arn '
        & $states.context.StateMachine.Id & " --input '"
        & $string({{'target': $target.target}}) & "'\\n" : '')
    & 'Run: ' & $states.context.Execution.Id"""


def read_the_history(scope: Construct, executions: str) -> tasks.CallAwsService:
    """Which state it was whose task failed last."""
    task = tasks.CallAwsService.jsonata(
        scope,
        "ReadHistory",
        service="sfn",
        action="getExecutionHistory",
        iam_action="states:GetExecutionHistory",
        iam_resources=[executions],
        parameters={
            "ExecutionArn": jsonata(f"{EXECUTION_INPUT}.executionArn"),
            "ReverseOrder": True,
            "IncludeExecutionData": False,
            "MaxResults": HISTORY_EVENTS_MAX,
        },
        task_timeout=TIME_OUT,
        assign={
            "failedState": jsonata(
                """(
                $events := $states.result.Events;
                $failed := $events[Type = 'TaskFailed'][0];
                $entered := $events[Type = 'TaskStateEntered' and Id < $failed.Id][0];
                $entered ? $entered.StateEnteredEventDetails.Name : ''
                )"""
            )
        },
    )
    retry(task, STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS)
    return task


def call_the_canary(scope: Construct, targets: Sequence[HealTarget]) -> sfn.CustomState:
    """Of `$version`. Raw, since the version is known then only."""
    task = sfn.CustomState(
        scope,
        "CallCanary",
        state_json={
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {
                "FunctionName": jsonata("$target.functionArn & ':' & $version"),
                "Payload": jsonata("$target.canary"),
            },
            "TimeoutSeconds": CANARY_SECONDS_MAX,
            "Assign": {"canaryError": ""},
        },
    )
    answers = sorted({answer for one in targets for answer in one.answers})
    retry(
        task,
        RetryClass(
            (*answers, NO_SUCH_VERSION),
            interval_seconds=1,
            max_attempts=0,
            max_delay_seconds=10,
        ),
        LAMBDA_FAULTS,
        # One call that fails may be an accident.
        RetryClass(
            ("States.TaskFailed",), interval_seconds=5, max_attempts=2, max_delay_seconds=10
        ),
    )
    return task


def take_a_budget(scope: Construct, budgets: dynamodb.ITable) -> tasks.DynamoUpdateItem:
    """A set of runs, so that a retry takes nothing twice."""
    task = tasks.DynamoUpdateItem.jsonata(
        scope,
        "TakeBudget",
        table=budgets,
        key={
            BUDGET_KEY: text(jsonata("$target.name")),
            BUDGET_DAY: text(jsonata("$substring($now(), 0, 10)")),
        },
        update_expression=f"ADD runs :runs SET {BUDGET_EXPIRES} = :expires",
        condition_expression=(
            "attribute_not_exists(runs) OR size(runs) < :most OR contains(runs, :run)"
        ),
        expression_attribute_values={
            ":runs": tasks.DynamoAttributeValue.from_string_set([jsonata(EXECUTION_ARN)]),
            ":run": text(jsonata(EXECUTION_ARN)),
            ":most": tasks.DynamoAttributeValue.from_number(HEALS_PER_DAY),
            ":expires": number(jsonata("$string($floor($millis() / 1000) + 30 * 86400)")),
        },
        task_timeout=TIME_OUT,
    )
    retry(task, DYNAMODB_FAULTS, TIME_OUTS)
    return task


def announce_heal(scope: Construct, bus: events.IEventBus) -> tasks.EventBridgePutEvents:
    """Whoever has dead letters of the function hears of it, and replays them."""
    task = tasks.EventBridgePutEvents.jsonata(
        scope,
        "Announce",
        entries=[
            tasks.EventBridgePutEventsEntry(
                source=SOURCE,
                detail_type=HEALED_EVENT,
                event_bus=bus,
                detail=sfn.TaskInput.from_object(
                    {
                        "target": jsonata("$target.target"),
                        "function": jsonata("$target.function"),
                        "version": jsonata("$version"),
                        "deadLetters": jsonata("$target.deadLetters"),
                        "reason": jsonata("$reason"),
                        "healedBy": jsonata(EXECUTION_ARN),
                    }
                ),
            )
        ],
        task_timeout=TIME_OUT,
    )
    retry(task, EVENTBRIDGE_FAULTS, TIME_OUTS)
    return task


def page_people(scope: Construct, people: sns.ITopic) -> tasks.SnsPublish:
    task = tasks.SnsPublish.jsonata(
        scope,
        "Page",
        topic=people,
        subject=jsonata("$outcome & ': ' & $target.target"),
        message=sfn.TaskInput.from_text(jsonata(TOLD)),
        task_timeout=TIME_OUT,
    )
    retry(task, SNS_FAULTS, TIME_OUTS)
    return task
