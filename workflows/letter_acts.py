"""What can be done with one message of a dead-letter queue: its work replayed or redriven, itself
parked, deleted, or kept hidden; and the look at a run.

Each may be done twice: a replay's name and a redrive's token follow from the letter.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.dead_letters.payloads import StartReplayEvent
from workflows.durations import timeout
from workflows.findings import acknowledge_wildcard
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, EXECUTION_NAME, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.letter_archive import LetterArchives
from workflows.machine import ANY_EXECUTION
from workflows.moved_messages import MovedMessages
from workflows.queue import Queue
from workflows.retry_policy import (
    SQS_FAULTS,
    SQS_SDK_FAULTS,
    STEP_FUNCTIONS_SDK_FAULTS,
    TIME_OUTS,
    retry,
)

TIME_OUT = timeout(30)


@dataclass(frozen=True, slots=True)
class ReturnPlaces:
    """`queues` are those whose messages are handled, `starts` are the ARNs of the Standard machines
    whose lost starts are made up for, `executions` those of the runs that are brought back,
    `archives` have their letters, `parked` is where poison letters wait for a person, `moved` knows
    how often a message was moved."""

    queues: Sequence[Queue]
    starts: Sequence[str]
    executions: Sequence[str]
    archives: LetterArchives
    parked: Queue
    moved: MovedMessages


@dataclass(frozen=True, slots=True)
class LetterActs:
    """Tasks on `$letter`, which was received from `$queue`."""

    scope: Construct
    places: ReturnPlaces
    start_replay: ThinFunction

    def acknowledge_for(self, scope: Construct) -> None:
        """Say why the role below `scope` may look at any run, and start it again."""
        for arn in self.places.executions:
            acknowledge_wildcard(scope, arn, ANY_EXECUTION)
        acknowledge_wildcard(
            scope,
            f"{self.start_replay.arn}:*",
            "The CDK grants the versions and aliases of a function with the function.",
        )

    def replay(self, state: str) -> tasks.LambdaInvoke:
        """Under the name that is to be tried; `$run` is the new execution."""
        return lambda_task(
            self.scope,
            state,
            function=self.start_replay,
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

    def describe(self, state: str, arn: str, assign: dict[str, str]) -> tasks.CallAwsService:
        """What became of a run is `$run`, {arn, status}."""
        task = tasks.CallAwsService.jsonata(
            self.scope,
            state,
            service="sfn",
            action="describeExecution",
            iam_action="states:DescribeExecution",
            iam_resources=list(self.places.executions),
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

    def redrive(self, state: str) -> tasks.CallAwsService:
        """What was redriven by an attempt that lost its answer is not redriven twice."""
        task = tasks.CallAwsService.jsonata(
            self.scope,
            state,
            service="sfn",
            action="redriveExecution",
            iam_action="states:RedriveExecution",
            iam_resources=list(self.places.executions),
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

    def park(self, state: str) -> tasks.SqsSendMessage:
        task = tasks.SqsSendMessage.jsonata(
            self.scope,
            state,
            queue=self.places.parked,
            message_body=sfn.TaskInput.from_text(jsonata("$letter.body")),
            task_timeout=TIME_OUT,
            outputs={},
        )
        retry(task, SQS_FAULTS, TIME_OUTS)
        return task

    def hide(self, state: str, seconds: int) -> tasks.CallAwsService:
        """From others who receive, for so long from now."""
        return self._of_message(state, "changeMessageVisibility", {"VisibilityTimeout": seconds})

    def delete(self, state: str) -> tasks.CallAwsService:
        return self._of_message(state, "deleteMessage", {})

    def _of_message(
        self, state: str, action: str, parameters: dict[str, object]
    ) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self.scope,
            state,
            service="sqs",
            action=action,
            iam_action=f"sqs:{action[0].upper()}{action[1:]}",
            iam_resources=[queue.arn for queue in self.places.queues],
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
