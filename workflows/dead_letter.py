"""The dead-letter branch: from a failure that no Catch of the workflow understands to one letter.

Net 1 leads every Task's last Catch here and ends in Fail, so that status, metrics and alarms tell
the truth; net 2 (recorder.py) enters it for runs that ended without a Catch. Archive first, then
send, then mark as sent: the conditional put on (executionArn, redriveCount) lets one net win, and
a letter that was archived but never sent stays PENDING, where the other net finds it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import number, text
from workflows.durations import timeout
from workflows.findings import acknowledge_wildcard
from workflows.jsonata import EXECUTION_ARN, jsonata
from workflows.letter import (
    COMPENSATION_FAILURE,
    FAILURE,
    THIS_RUN,
    FailedRun,
    inline_input,
    input_is_large,
    input_key,
    letter,
)
from workflows.queue import Queue
from workflows.retry_policy import (
    DYNAMODB_FAULTS,
    S3_SDK_FAULTS,
    SQS_FAULTS,
    TIME_OUTS,
    retry,
)

CONDITION_FAILED = "DynamoDB.ConditionalCheckFailedException"
TIME_OUT = timeout(30)

PENDING = "PENDING"
SENT = "SENT"


@dataclass(frozen=True)
class DeadLetterStore:
    """Where a workflow's letters go: the archive is keyed by executionArn and redriveCount,
    the queue is what a person (or the replay script) reads, the bucket holds large inputs."""

    archive: dynamodb.ITable
    queue: Queue
    inputs: s3.IBucket

    @functools.cached_property
    def bucket_name(self) -> str:
        return self.inputs.bucket_name

    @functools.cached_property
    def any_object(self) -> str:
        return self.inputs.arn_for_objects("*")

    def acknowledge_for(self, scope: Construct) -> None:
        """Say why the role below `scope` may put any object."""
        acknowledge_wildcard(
            scope,
            self.any_object,
            "The key is the failed run's name, which no role can know before.",
        )


def letter_key(expression: str) -> dict[str, tasks.DynamoAttributeValue]:
    """The archive's key of the letter that an expression gives."""
    return {
        "executionArn": text(jsonata(f"{expression}.executionArn")),
        "redriveCount": number(jsonata(f"$string({expression}.redriveCount)")),
    }


class DeadLetterBranch(Construct):
    """`start` is the branch's first state; `$failure` must be assigned by whoever leads there.

    It ends in `delivered`. Without `undelivered`, an error of the branch fails the run. Where the
    letter is in the archive already, it goes on at `already_archived`; without one, at `send`:
    nobody but this run can have written the letter, so its first put had only lost the answer.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        store: DeadLetterStore,
        run: FailedRun,
        delivered: sfn.State,
        undelivered: sfn.State | None = None,
        already_archived: sfn.State | None = None,
    ) -> None:
        super().__init__(scope, construct_id)

        # $parse of a text that is no JSON is an error, and only a Parallel can catch it.
        cause_as_json = sfn.Pass.jsonata(
            self,
            "CauseAsJson",
            outputs=jsonata(
                "$substring($failure.cause, 0, 1) = '{' ? $parse($failure.cause) : $failure.cause"
            ),
        )
        parse_cause = sfn.Parallel.jsonata(
            self, "ParseCause", assign={"cause": jsonata("$states.result[0]")}
        ).branch(cause_as_json)

        is_input_large = sfn.Choice.jsonata(
            self,
            "IsInputLarge",
            assign={"input": inline_input(run)},
        )

        store_input = tasks.CallAwsService.jsonata(
            self,
            "StoreInput",
            service="s3",
            action="putObject",
            iam_action="s3:PutObject",
            iam_resources=[store.any_object],
            parameters={
                "Bucket": store.bucket_name,
                "Key": input_key(run),
                "Body": jsonata(run.input),
                "ContentType": "application/json",
            },
            task_timeout=TIME_OUT,
            assign={
                "input": {"inputLocation": {"bucket": store.bucket_name, "key": input_key(run)}}
            },
        )
        retry(store_input, S3_SDK_FAULTS, TIME_OUTS)

        write_letter = sfn.Pass.jsonata(self, "WriteLetter", assign={"letter": letter(run)})

        archive_letter = tasks.DynamoPutItem.jsonata(
            self,
            "ArchiveLetter",
            table=store.archive,
            item={
                **letter_key("$letter"),
                "status": text(PENDING),
                "stateMachineArn": text(jsonata("$letter.stateMachineArn")),
                "archivedAt": text(jsonata("$now()")),
                "archivedBy": text(jsonata(EXECUTION_ARN)),
                "letter": text(jsonata("$string($letter)")),
            },
            condition_expression="attribute_not_exists(executionArn)",
            task_timeout=TIME_OUT,
        )
        retry(archive_letter, DYNAMODB_FAULTS, TIME_OUTS)

        send_letter = tasks.SqsSendMessage.jsonata(
            self,
            "SendLetter",
            queue=store.queue,
            message_body=sfn.TaskInput.from_text(jsonata("$letter")),
            task_timeout=TIME_OUT,
        )
        retry(send_letter, SQS_FAULTS, TIME_OUTS)

        # Whoever replays may be faster than this: PENDING only becomes SENT.
        mark_letter_sent = tasks.DynamoUpdateItem.jsonata(
            self,
            "MarkLetterSent",
            table=store.archive,
            key=letter_key("$letter"),
            update_expression="SET #status = :sent, sentAt = :now",
            condition_expression="#status = :pending",
            expression_attribute_names={"#status": "status"},
            expression_attribute_values={
                ":sent": text(SENT),
                ":pending": text(PENDING),
                ":now": text(jsonata("$now()")),
            },
            task_timeout=TIME_OUT,
        )
        retry(mark_letter_sent, DYNAMODB_FAULTS, TIME_OUTS)

        parse_cause.add_catch(is_input_large, assign={"cause": jsonata("$failure.cause")})
        # The letter goes out without its input, which DescribeExecution has for 90 days.
        store_input.add_catch(
            write_letter,
            assign={"input": {"inputLocation": {"executionArn": jsonata(run.execution_arn)}}},
        )
        archive_letter.add_catch(already_archived or send_letter, errors=[CONDITION_FAILED])
        mark_letter_sent.add_catch(delivered, errors=[CONDITION_FAILED])
        if undelivered:
            for task in (archive_letter, send_letter, mark_letter_sent):
                task.add_catch(undelivered)

        parse_cause.next(
            is_input_large.when(
                sfn.Condition.jsonata(input_is_large(run)), store_input.next(write_letter)
            ).otherwise(write_letter)
        )
        write_letter.next(archive_letter).next(send_letter).next(mark_letter_sent).next(delivered)

        self.start: sfn.State = parse_cause
        self.send: sfn.State = send_letter


class Net(Construct):
    """Net 1: the branch inside a machine, and the Catch that leads every Task to it. `run` says
    what the letter tells."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        store: DeadLetterStore,
        run: FailedRun = THIS_RUN,
    ) -> None:
        super().__init__(scope, construct_id)
        failed = sfn.Fail.jsonata(
            self, "Failed", error=jsonata("$failure.error"), cause=jsonata("$failure.cause")
        )
        branch = DeadLetterBranch(
            self, "Branch", store=store, run=run, delivered=failed, undelivered=failed
        )
        self.start = branch.start
        store.acknowledge_for(scope)

    def catch(
        self,
        *states: sfn.TaskStateBase | sfn.CustomState | sfn.DistributedMap,
        errors: tuple[str, ...] = ("States.ALL",),
    ) -> None:
        """To the dead letter, at once."""
        for state in states:
            state.add_catch(self.start, errors=list(errors), assign={"failure": FAILURE})

    def catch_after(self, compensation: sfn.TaskStateBase, *states: sfn.TaskStateBase) -> None:
        """To the dead letter by way of a compensation, whose own failure is told in it."""
        compensation.add_catch(self.start, assign={"failure": COMPENSATION_FAILURE})
        compensation.next(self.start)
        for state in states:
            state.add_catch(compensation, assign={"failure": FAILURE})
