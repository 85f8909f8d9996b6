"""Replays the dead letters of a queue: each starts a new execution with the failed one's input.

The new execution's name is the old one's with `-replay-N`, so the same letter can never start two:
whoever runs this twice, or again after a crash, finds the execution that is there already. Then
the letter is marked REPLAYED in the archive, and only then it leaves the queue. A letter that
cannot be replayed stays in the queue, and is told with the reason.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.dead_letters.letter import Letter, LetterError, parse_letter, replay_name
from lambdas.dead_letters.logic.start_replay import read_input, start_once

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef
    from types_boto3_stepfunctions import SFNClient

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
MESSAGES_PER_CALL_MAX = 10
INVISIBLE_S = 300

EPILOG = """exit codes:
  0  every letter that was found is replayed (or, with --dry-run, could be)
  1  some letters are left in the queue; each is told with the reason
  2  wrong arguments, or the queue cannot be read"""


@dataclass(frozen=True, slots=True)
class Clients:
    """The services a replay talks to."""

    sqs: SQSClient
    dynamodb: DynamoDBClient
    s3: S3Client
    step_functions: SFNClient


@dataclass(frozen=True, slots=True)
class Options:
    """What to replay; `max_letters` None is all."""

    queue_url: str
    table: str
    max_letters: int | None = None
    dry_run: bool = False
    wait_s: int = 2


def start_letter(clients: Clients, letter: Letter) -> str:
    """The ARN of the letter's replay, started now or earlier."""
    text = read_input(clients.step_functions, clients.s3, letter)
    name = replay_name(letter.execution_name)
    return start_once(clients.step_functions, letter.state_machine_arn, name, text)


def archived_replay(clients: Clients, table: str, letter: Letter) -> str | None:
    """The ARN of the replay that the archive knows of; LetterError when it has no such letter."""
    answer = clients.dynamodb.get_item(TableName=table, Key=_key(letter), ConsistentRead=True)
    if "Item" not in answer:
        raise LetterError(f"the table {table} has no letter of {letter.execution_arn}")
    item = answer["Item"]
    return item["replayedAs"]["S"] if item["status"] == {"S": "REPLAYED"} else None


def mark_replayed(clients: Clients, table: str, letter: Letter, replay_arn: str) -> None:
    clients.dynamodb.update_item(
        TableName=table,
        Key=_key(letter),
        UpdateExpression="SET #status = :replayed, replayedAs = :arn, replayedAt = :now",
        ConditionExpression="attribute_exists(executionArn)",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={
            ":replayed": {"S": "REPLAYED"},
            ":arn": {"S": replay_arn},
            ":now": {"S": datetime.now(UTC).isoformat(timespec="milliseconds")},
        },
    )


def replay_letter(clients: Clients, options: Options, body: str) -> str:
    """Replays one letter; what was done, in one line."""
    letter = parse_letter(body)
    done = archived_replay(clients, options.table, letter)
    if done is not None:
        return f"already replayed  {letter.execution_name} -> {done}"
    if options.dry_run:
        read_input(clients.step_functions, clients.s3, letter)
        name = replay_name(letter.execution_name)
        return f"would replay      {letter.execution_name} -> {name}"
    arn = start_letter(clients, letter)
    mark_replayed(clients, options.table, letter, arn)
    return f"replayed          {letter.execution_name} -> {arn}"


def replay_dead_letters(
    clients: Clients, options: Options, tell: Callable[[str], object] = print
) -> int:
    """Replays the queue's letters; how many are left because they could not be replayed."""
    done = failed = 0
    stays: list[MessageTypeDef] = []
    for message in _receive(clients.sqs, options):
        try:
            tell(replay_letter(clients, options, message["Body"]))
            if options.dry_run:
                stays.append(message)
            else:
                clients.sqs.delete_message(
                    QueueUrl=options.queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
            done += 1
        except (LetterError, ClientError, BotoCoreError) as error:
            tell(f"left in the queue {message['MessageId']}: {error}")
            failed += 1
            stays.append(message)
    for message in stays:
        # After a long run it is visible already, and then refuses.
        with contextlib.suppress(ClientError):
            clients.sqs.change_message_visibility(
                QueueUrl=options.queue_url,
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=0,
            )
    tell(f"{done} {'could be ' if options.dry_run else ''}replayed, {failed} left in the queue")
    return failed


def _receive(sqs: SQSClient, options: Options) -> Iterator[MessageTypeDef]:
    """Each message once, until none is left or `max_letters` came."""
    seen: set[str] = set()
    while options.max_letters is None or len(seen) < options.max_letters:
        wanted = MESSAGES_PER_CALL_MAX
        if options.max_letters is not None:
            wanted = min(wanted, options.max_letters - len(seen))
        messages = sqs.receive_message(
            QueueUrl=options.queue_url,
            MaxNumberOfMessages=wanted,
            VisibilityTimeout=INVISIBLE_S,
            WaitTimeSeconds=options.wait_s,
        ).get("Messages", [])
        # What comes again has outlived its invisibility in a long run.
        new = [message for message in messages if message["MessageId"] not in seen]
        if not new:
            return
        seen.update(message["MessageId"] for message in new)
        yield from new


def _key(letter: Letter) -> dict[str, dict[str, str]]:
    return {
        "executionArn": {"S": letter.execution_arn},
        "redriveCount": {"N": str(letter.redrive_count)},
    }


def positive_integer(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def parse_arguments(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.replay_dead_letters",
        description="Starts a new execution for each dead letter, and takes it off the queue.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--queue-url", required=True, metavar="URL", help="the dead-letter queue")
    parser.add_argument("--table", required=True, metavar="NAME", help="the dead-letter archive")
    parser.add_argument("--max", type=positive_integer, metavar="N", help="at most N letters")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    parser.add_argument(
        "--wait-s", type=int, default=2, metavar="S", help="wait S seconds for a letter (default 2)"
    )
    given = parser.parse_args(arguments)
    return Options(given.queue_url, given.table, given.max, given.dry_run, given.wait_s)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    try:
        clients = Clients(
            boto3.client("sqs"),
            boto3.client("dynamodb"),
            boto3.client("s3"),
            boto3.client("stepfunctions"),
        )
        return 1 if replay_dead_letters(clients, options) else 0
    except (ClientError, BotoCoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
