"""Lists the tasks that wait for a worker's answer: what, for how long, and when a worker was last
heard of by the completion queue. See docs/event-driven-tasks.md.

A row says that a state has handed its work over and was not answered yet. Rows that nobody removed
(their run was ended from outside) expire; DynamoDB may take days to delete them, so they are left
out here.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ttl-expired-items.html
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

EPILOG = """exit codes:
  0  the list is printed, be it empty
  2  wrong arguments, or the table cannot be read"""


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """`heartbeat_at` is None until a worker has sent IN_PROGRESS with the taskId."""

    task_id: str
    state: str
    execution_arn: str
    since: str
    heartbeat_seconds: int
    heartbeat_at: str | None

    def waits(self, now: datetime) -> timedelta:
        return timedelta(seconds=round((now - datetime.fromisoformat(self.since)).total_seconds()))


def waiting_tasks(dynamodb: DynamoDBClient, table: str, now: datetime) -> list[WaitingTask]:
    """The longest first."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="expiration > :now",
        ExpressionAttributeValues={":now": {"N": str(int(now.timestamp()))}},
        ConsistentRead=True,
    )
    found = [
        WaitingTask(
            task_id=item["taskId"]["S"],
            state=item["state"]["S"],
            execution_arn=item["executionArn"]["S"],
            since=item["since"]["S"],
            heartbeat_seconds=int(item["heartbeatSeconds"]["N"]),
            heartbeat_at=item.get("heartbeatAt", {}).get("S"),
        )
        for page in pages
        for item in page["Items"]
    ]
    return sorted(found, key=lambda one: datetime.fromisoformat(one.since))


def render(tasks: Sequence[WaitingTask], now: datetime) -> str:
    lines = [
        f"{one.task_id}  {one.state}  waits {one.waits(now)}, heartbeat "
        f"{f'at {one.heartbeat_at}' if one.heartbeat_at else 'none yet'} "
        f"(at least every {one.heartbeat_seconds} s)\n  {one.execution_arn}"
        for one in tasks
    ]
    return "\n".join([*lines, f"{len(tasks)} waiting"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.waiting_tasks",
        description="Lists the tasks that wait for a worker's answer.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--table", required=True, metavar="NAME", help="the table of waiting tasks")
    parser.add_argument("--json", action="store_true", help="as JSON")
    given = parser.parse_args(arguments)
    now = datetime.now(UTC)
    try:
        tasks = waiting_tasks(boto3.client("dynamodb"), given.table, now)
    except (ClientError, BotoCoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps([asdict(one) for one in tasks]) if given.json else render(tasks, now))
    return 0


if __name__ == "__main__":
    sys.exit(main())
