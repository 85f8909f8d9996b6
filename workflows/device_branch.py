"""A branch that fails alone: what one of its tasks cannot do goes, as the message that it was, to
the queue's own dead letters, and the other branches go on.

The letter is the message itself, so that moving it back into the queue does all of it again; what
was done already is done again without effect. Why it is there stands in its attributes. A letter
that cannot be sent fails the execution, and the queue tries the whole message again.
"""

from __future__ import annotations

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.durations import timeout
from workflows.jsonata import EXECUTION_ARN, jsonata
from workflows.queue import Queue
from workflows.retry_policy import SQS_SDK_FAULTS, TIME_OUTS, retry

TIME_OUT = timeout(10)
# SQS counts attributes as part of the message.
CAUSE_CHARACTERS_MAX = 1_000


class BranchLetter(Construct):
    """`start` sends the letter of the branch; what the branch came to is `FAILED`."""

    def __init__(self, scope: Construct, branch: str, *, queue: Queue) -> None:
        super().__init__(scope, f"{branch}Letter")
        self.start = send_message(
            self,
            f"Keep{branch}Letter",
            queue=queue,
            attributes={
                "branch": branch,
                "error": jsonata("$failure.Error"),
                "cause": jsonata(
                    f"$failure.Cause ? $substring($failure.Cause, 0, {CAUSE_CHARACTERS_MAX}) : '-'"
                ),
                "executionArn": jsonata(EXECUTION_ARN),
            },
            outputs={branch.lower(): "FAILED"},
        )

    def catch(self, *states: sfn.TaskStateBase) -> None:
        for state in states:
            state.add_catch(
                self.start,
                errors=["States.ALL"],
                assign={"failure": jsonata("$states.errorOutput")},
            )


def send_message(
    scope: Construct,
    state: str,
    *,
    queue: Queue,
    attributes: dict[str, str],
    outputs: dict[str, str],
) -> tasks.CallAwsService:
    """A Task that sends `$message` to a queue; the CDK's own cannot send attributes."""
    task = tasks.CallAwsService.jsonata(
        scope,
        state,
        service="sqs",
        action="sendMessage",
        iam_action="sqs:SendMessage",
        iam_resources=[queue.arn],
        parameters={
            "QueueUrl": queue.url,
            "MessageBody": jsonata("$string($message)"),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        },
        task_timeout=TIME_OUT,
        outputs=outputs,
    )
    retry(task, SQS_SDK_FAULTS, TIME_OUTS)
    return task
