"""What DeadLetters does with one message: look at what became of its work, decide, tell, act, tell.

It decides by what is there and not by what it remembers, so it can be repeated at any point: the
names of replays follow from their letter's, and the first that has not failed decides. A message is
deleted only when the run that brings its work back has SUCCEEDED, or when a copy of it is in the
queue of parked letters.
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.dead_letters.payloads import LETTER, LOST_START, MESSAGE, StartReplayEvent
from workflows.audit import Audit
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, EXECUTION_NAME, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.machine import ANY_EXECUTION
from workflows.retry_policy import (
    DYNAMODB_FAULTS,
    SQS_FAULTS,
    SQS_SDK_FAULTS,
    STEP_FUNCTIONS_SDK_FAULTS,
    TIME_OUTS,
    retry,
)
from workflows.wildcards import acknowledge_wildcard

TIME_OUT = sfn.Timeout.duration(cdk.Duration.seconds(30))
NEVER_RUN = "Sfn.ExecutionDoesNotExistException"

# As long as a page may take to be looked at; who waits for a run hides its message again.
HIDDEN_SECONDS = 120
POLL_SECONDS_MAX = 60

# How often a message went back to its consumer is known as long as it may come again.
MOVES_KEY = "message"
MOVES_EXPIRE_BY = "expiresAt"
MOVES_KEPT_DAYS = 30

text = tasks.DynamoAttributeValue.from_string

# What is to be done with a letter, by what became of its run.
TODO = """(
    $ended := $states.result.Status in ['FAILED', 'TIMED_OUT', 'ABORTED'];
    $replay := $count($letter.replays) > 0 ? 'REPLAY' : 'PARK';
    $redrive := $states.result.RedriveStatus != 'REDRIVABLE' ? 'LEAVE'
        : $states.result.RedriveCount >= $request.maxTries ? 'PARK' : 'REDRIVE';
    $states.result.Status = 'SUCCEEDED' ? 'DELETE'
    : $not($ended) ? 'LEAVE'
    : $request.action = 'REPLAY' ? $replay
    : $request.action = 'REDRIVE' ? ($letter.caught ? 'LEAVE' : $redrive)
    : $letter.caught or $redrive = 'LEAVE' ? $replay : $redrive
    )"""
WHY = """(
    $states.result.Status in ['RUNNING', 'PENDING_REDRIVE']
    ? 'its run is ' & $states.result.Status
    : $letter.caught ? 'a Catch led it to Fail, where a redrive would only fail again: replay it'
    : $states.result.RedriveStatusReason ? $states.result.RedriveStatusReason : ''
    )"""
TODO_AFTER_REPLAY = """(
    $states.result.Status = 'SUCCEEDED' ? 'DELETE'
    : $states.result.Status in ['RUNNING', 'PENDING_REDRIVE'] ? 'LEAVE'
    : $try + 1 < $count($letter.replays) ? 'REPLAY' : 'PARK'
    )"""
REPLAY_ARN = (
    "$replace($letter.stateMachineArn, ':stateMachine:', ':execution:')"
    " & ':' & $letter.replays[$try]"
)
UNDO = f"""$lookup({{
    'REPLAY': 'aws stepfunctions stop-execution --execution-arn ' & {REPLAY_ARN},
    'REDRIVE': 'aws stepfunctions stop-execution --execution-arn ' & $letter.executionArn,
    'PARK': 'start DeadLetters with the queue ' & $parking & ' and more maxTries',
    'DELETE': 'none is needed: ' & $run.arn & ' has done the work'
    }}, $todo)"""
OUTCOME = """(
    $request.dryRun and $not($todo in ['LEAVE', 'FAILED']) ? 'WOULD_' & $todo
    : $todo in ['REPLAY', 'REDRIVE'] and $run.status in ['FAILED', 'TIMED_OUT', 'ABORTED']
    ? 'FAILED_AGAIN'
    : $lookup({
        'DELETE': 'DONE', 'PARK': 'PARKED', 'MOVE': 'TO_MOVE', 'LEAVE': 'LEFT',
        'REPLAY': 'STARTED', 'REDRIVE': 'STARTED', 'FAILED': 'FAILED'
    }, $todo)
    )"""


def when(expression: str) -> sfn.Condition:
    return sfn.Condition.jsonata(jsonata(expression))


@dataclass(frozen=True, slots=True)
class ReturnPlaces:
    """`queues` are those whose messages are handled, `executions` are the ARNs of the runs that are
    brought back, `parked` is where poison letters wait for a person, `moves` counts moves by
    message."""

    queues: Sequence[sqs.IQueue]
    executions: Sequence[str]
    parked: sqs.IQueue
    moves: dynamodb.ITable


class LetterReturn(Construct):
    """`start` is the first state for one received letter, its input. It reads the variables
    `$request` (the machine's input, defaults filled in), `$queue` (name, url) and `$parking`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        places: ReturnPlaces,
        start_replay: ThinFunction,
        audit: Audit,
    ) -> None:
        super().__init__(scope, construct_id)
        self._places = places
        for arn in places.executions:
            acknowledge_wildcard(scope, arn, ANY_EXECUTION)
        acknowledge_wildcard(
            scope,
            f"{start_replay.function.function_arn}:*",
            "The CDK grants the versions and aliases of a function with the function.",
        )

        look_at = sfn.Pass.jsonata(
            self,
            "LookAt",
            assign={
                "letter": jsonata("$states.input"),
                "run": {"arn": jsonata("$states.input.executionArn"), "status": ""},
                "try": 0,
                "todo": "LEAVE",
                "why": jsonata("$states.input.why"),
                "polls": 0,
                "waitUntil": jsonata("$millis() + $request.waitMinutes * 60000"),
            },
            outputs={},
        )
        what_is_it = sfn.Choice.jsonata(self, "WhatIsIt")
        read_run = self._describe(
            "ReadRun",
            "$letter.executionArn",
            {"todo": jsonata(TODO), "why": jsonata(WHY)},
        )
        is_to_be_replayed = sfn.Choice.jsonata(self, "IsToBeReplayed")
        find_replay = self._describe(
            "FindReplay",
            REPLAY_ARN,
            {
                "todo": jsonata(TODO_AFTER_REPLAY),
                "why": jsonata("$states.result.Name & ' is ' & $states.result.Status"),
            },
        )
        is_another_to_be_tried = sfn.Choice.jsonata(self, "IsAnotherToBeTried")
        read_moves = self._read_moves()
        is_to_be_done = sfn.Choice.jsonata(self, "IsToBeDone")
        count_move = self._count_move()
        tell_before = audit.before(
            self,
            "TellBefore",
            action="$todo",
            saw="""{'messageId': $letter.messageId, 'cause': $letter.cause,
                'execution': $letter.executionArn, 'run': $run, 'tries': $try}""",
            undo=UNDO,
        )
        act = sfn.Choice.jsonata(self, "Act")
        replay = lambda_task(
            self,
            "StartReplay",
            function=start_replay,
            event=StartReplayEvent(
                executionArn=value_of(EXECUTION_ARN),
                kind=value_of("$letter.kind"),
                body=value_of("$letter.body"),
                stateMachineArn=value_of("$letter.stateMachineArn"),
                name=value_of("$letter.replays[$try]"),
            ),
            assign={
                "run": {"arn": jsonata("$states.result.Payload.executionArn"), "status": "RUNNING"}
            },
            outputs=jsonata("{}"),
        )
        redrive = self._redrive()
        wait_for_run = sfn.Wait.jsonata(
            self,
            "WaitForRun",
            time=sfn.WaitTime.seconds(
                jsonata(f"$min([5 * $power(2, $polls), {POLL_SECONDS_MAX}])")
            ),
        )
        stay_hidden = self._of_message(
            "StayHidden", "changeMessageVisibility", {"VisibilityTimeout": HIDDEN_SECONDS}
        )
        poll_run = self._describe("PollRun", "$run.arn", {"polls": jsonata("$polls + 1")})
        is_waited_for = sfn.Choice.jsonata(self, "IsWaitedFor")
        park = self._park()
        delete = self._of_message("Delete", "deleteMessage", {})
        tell_after = audit.after(self, "TellAfter", action="$todo", result="{'run': $run}")
        is_work_back = sfn.Choice.jsonata(self, "IsWorkBack")
        told = sfn.Pass.jsonata(
            self,
            "Told",
            outputs={
                "messageId": jsonata("$letter.messageId"),
                "cause": jsonata("$letter.cause"),
                "sentAt": jsonata("$letter.sentAt"),
                "outcome": jsonata(OUTCOME),
                "run": jsonata("$run"),
                "why": jsonata("$todo in ['LEAVE', 'FAILED'] ? $why : ''"),
            },
        )

        find_replay.add_catch(is_to_be_done, errors=[NEVER_RUN], assign={"todo": "REPLAY"})
        for task in (
            *(read_run, find_replay, read_moves, count_move, tell_before, replay, redrive),
            *(stay_hidden, poll_run, park, delete),
        ):
            # One letter's failure is told, and the others are handled. What was done and cannot be
            # told ends the run: nothing more is done unheard.
            task.add_catch(
                told,
                assign={
                    "todo": "FAILED",
                    "why": jsonata(
                        "$states.context.State.Name & ': ' & $states.errorOutput.Error & ' '"
                        " & $substring($states.errorOutput.Cause, 0, 200)"
                    ),
                },
            )

        look_at.next(
            what_is_it.when(
                when("$exists($request.cause) and $request.cause != $letter.cause"),
                told,
                assign={"why": "of another cause"},
            )
            .when(
                # A replay that fails at once leaves a letter of its own: that is the next run's.
                when("$toMillis($letter.sentAt) >= $toMillis($states.context.Execution.StartTime)"),
                told,
                assign={"why": "came after this run had begun"},
            )
            .when(when(f"$letter.kind = '{LETTER}'"), read_run)
            .when(when(f"$letter.kind = '{MESSAGE}'"), read_moves)
            .when(
                when(f"$letter.kind = '{LOST_START}' and $request.action != 'REDRIVE'"),
                find_replay,
            )
            .otherwise(told)
        )
        read_run.next(
            is_to_be_replayed.when(when("$todo = 'REPLAY'"), find_replay).otherwise(is_to_be_done)
        )
        find_replay.next(
            is_another_to_be_tried.when(
                when("$todo = 'REPLAY'"), find_replay, assign={"try": jsonata("$try + 1")}
            ).otherwise(is_to_be_done)
        )
        read_moves.next(is_to_be_done)
        is_to_be_done.when(
            when("$todo = 'PARK' and $queue.name = $parking"),
            told,
            assign={"todo": "LEAVE", "why": "tried too often: give more maxTries"},
        ).when(when("$request.dryRun or $todo = 'LEAVE'"), told).when(
            when("$todo = 'MOVE'"), count_move.next(told)
        ).otherwise(tell_before)
        tell_before.next(
            act.when(when("$todo = 'REPLAY'"), replay)
            .when(when("$todo = 'REDRIVE'"), redrive)
            .when(when("$todo = 'PARK'"), park)
            .otherwise(delete)
        )
        replay.next(wait_for_run)
        redrive.next(wait_for_run)
        wait_for_run.next(stay_hidden).next(poll_run).next(
            is_waited_for.when(
                when("$run.status in ['RUNNING', 'PENDING_REDRIVE'] and $millis() < $waitUntil"),
                wait_for_run,
            ).otherwise(tell_after)
        )
        park.next(delete).next(tell_after)
        tell_after.next(
            is_work_back.when(
                when("$todo in ['REPLAY', 'REDRIVE'] and $run.status = 'SUCCEEDED'"),
                tell_before,
                assign={"todo": "DELETE"},
            ).otherwise(told)
        )
        self.start: sfn.State = look_at

    def _describe(self, state: str, arn: str, assign: dict[str, str]) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            state,
            service="sfn",
            action="describeExecution",
            iam_action="states:DescribeExecution",
            iam_resources=list(self._places.executions),
            # Input and output could be more than a state may hold.
            parameters={"ExecutionArn": jsonata(arn), "IncludedData": "METADATA_ONLY"},
            task_timeout=TIME_OUT,
            assign={
                "run": {
                    "arn": jsonata("$states.result.ExecutionArn"),
                    "status": jsonata("$states.result.Status"),
                },
                **assign,
            },
            outputs={},
        )
        retry(task, STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS)
        return task

    def _redrive(self) -> tasks.CallAwsService:
        """What was redriven by an attempt that lost its answer is not redriven twice."""
        task = tasks.CallAwsService.jsonata(
            self,
            "Redrive",
            service="sfn",
            action="redriveExecution",
            iam_action="states:RedriveExecution",
            iam_resources=list(self._places.executions),
            parameters={
                "ExecutionArn": jsonata("$letter.executionArn"),
                "ClientToken": jsonata(
                    f"$substring($hash({EXECUTION_NAME} & $letter.messageId, 'SHA-256'), 0, 64)"
                ),
            },
            task_timeout=TIME_OUT,
            outputs={},
        )
        retry(task, STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS)
        return task

    def _of_message(
        self, state: str, action: str, parameters: dict[str, object]
    ) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            state,
            service="sqs",
            action=action,
            iam_action=f"sqs:{action[0].upper()}{action[1:]}",
            iam_resources=[queue.queue_arn for queue in self._places.queues],
            parameters={
                "QueueUrl": jsonata("$queue.url"),
                "ReceiptHandle": jsonata("$letter.receiptHandle"),
                **parameters,
            },
            task_timeout=TIME_OUT,
            outputs={},
        )
        retry(task, SQS_SDK_FAULTS, TIME_OUTS)
        return task

    def _park(self) -> tasks.SqsSendMessage:
        task = tasks.SqsSendMessage.jsonata(
            self,
            "Park",
            queue=self._places.parked,
            message_body=sfn.TaskInput.from_text(jsonata("$letter.body")),
            task_timeout=TIME_OUT,
            outputs={},
        )
        retry(task, SQS_FAULTS, TIME_OUTS)
        return task

    def _read_moves(self) -> tasks.DynamoGetItem:
        task = tasks.DynamoGetItem.jsonata(
            self,
            "ReadMoves",
            table=self._places.moves,
            key=_moves_key(),
            consistent_read=True,
            task_timeout=TIME_OUT,
            assign={
                "try": jsonata("$count($states.result.Item.runs.SS)"),
                "todo": jsonata(
                    "$count($states.result.Item.runs.SS) >= $request.maxTries ? 'PARK' : 'MOVE'"
                ),
            },
            outputs={},
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def _count_move(self) -> tasks.DynamoUpdateItem:
        """A set of runs: a retry counts no move twice."""
        task = tasks.DynamoUpdateItem.jsonata(
            self,
            "CountMove",
            table=self._places.moves,
            key=_moves_key(),
            update_expression=f"ADD runs :run SET {MOVES_EXPIRE_BY} = :expires",
            expression_attribute_values={
                ":run": tasks.DynamoAttributeValue.from_string_set([jsonata(EXECUTION_NAME)]),
                ":expires": tasks.DynamoAttributeValue.number_from_string(
                    jsonata(f"$string($floor($millis() / 1000) + {MOVES_KEPT_DAYS * 86_400})")
                ),
            },
            task_timeout=TIME_OUT,
            outputs={},
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task


def _moves_key() -> dict[str, tasks.DynamoAttributeValue]:
    return {MOVES_KEY: text(jsonata("$queue.name & ' ' & $letter.digest"))}
