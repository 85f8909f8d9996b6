"""The archive's side of a letter that is brought back: what its item says, and REPLAYED when its
work is back.

The mark is conditional on the status that was seen, so that two who bring back one letter do not
both end well. A letter that is REPLAYED is neither replayed nor redriven again while its replay has
not failed, however often its message comes, also when names can be used again after 90 days.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.durations import timeout
from workflows.jsonata import jsonata
from workflows.machine import Machine
from workflows.retry_policy import DYNAMODB_SDK_FAULTS, TIME_OUTS, retry

REPLAYED = "REPLAYED"
# Somebody else has changed the letter's item since it was read.
CHANGED_MEANWHILE = "DynamoDb.ConditionalCheckFailedException"
TIME_OUT = timeout(30)

TABLE = "$archives[machine = $letter.stateMachineArn].table"
IS_KNOWN = f"$exists({TABLE})"
# Nothing was found where the letter is younger than the archive, or was taken out of it.
WAS_FOUND = "$archived.status != ''"
NOTHING_SEEN = {"status": ""}


@dataclass(frozen=True, slots=True)
class Archive:
    """The table that has the letters of `machines`."""

    table: dynamodb.ITable
    machines: Sequence[Machine]


@dataclass(frozen=True, slots=True)
class LetterArchives:
    """Tasks on the archive's item of `$letter`; they read the variable `$archives`."""

    archives: Sequence[Archive]

    def known(self) -> list[dict[str, str]]:
        """The value of `$archives`."""
        return [
            {"machine": machine.arn, "table": archive.table.table_name}
            for archive in self.archives
            for machine in archive.machines
        ]

    def read(self, scope: Construct, state: str) -> tasks.CallAwsService:
        """Assigns `archived` {status, replayedAs}, and the run that counts to `run`: the replay
        where there was one."""
        return self._on_item(
            scope,
            state,
            "getItem",
            {"ConsistentRead": True},
            {
                "archived": jsonata(
                    """$exists($states.result.Item)
                    ? $states.result.Item.{'status': status.S, 'replayedAs': replayedAs.S}
                    : {'status': ''}"""
                ),
                "run": {
                    "arn": jsonata(
                        f"""$states.result.Item.status.S = '{REPLAYED}'
                        ? $states.result.Item.replayedAs.S : $letter.executionArn"""
                    ),
                    "status": "",
                },
            },
        )

    def mark_replayed(self, scope: Construct, state: str) -> tasks.CallAwsService:
        """As `$run`. CHANGED_MEANWHILE where the status is no longer the one that was seen."""
        return self._on_item(
            scope,
            state,
            "updateItem",
            {
                "UpdateExpression": "SET #status = :replayed, replayedAs = :run, replayedAt = :now",
                # An attempt that lost its answer finds its own mark.
                "ConditionExpression": "#status = :seen OR replayedAs = :run",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {
                    ":replayed": {"S": REPLAYED},
                    ":seen": {"S": jsonata("$archived.status")},
                    ":run": {"S": jsonata("$run.arn")},
                    ":now": {"S": jsonata("$now()")},
                },
            },
            {},
        )

    def _on_item(
        self,
        scope: Construct,
        state: str,
        action: str,
        parameters: dict[str, Any],
        assign: dict[str, Any],
    ) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            scope,
            state,
            service="dynamodb",
            action=action,
            iam_action=f"dynamodb:{action[0].upper()}{action[1:]}",
            iam_resources=[archive.table.table_arn for archive in self.archives],
            parameters={
                "TableName": jsonata(TABLE),
                "Key": {
                    "executionArn": {"S": jsonata("$letter.executionArn")},
                    "redriveCount": {"N": jsonata("$string($letter.redriveCount)")},
                },
                **parameters,
            },
            task_timeout=TIME_OUT,
            assign=assign,
            outputs={},
        )
        retry(task, DYNAMODB_SDK_FAULTS, TIME_OUTS)
        return task
