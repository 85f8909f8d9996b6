"""Splits a report into the batches that SendMessageBatch takes, the same ones at every call.

Strategy: the messages stay in order; a batch is closed when it has ten of them, or when the next
one would take it over the byte limit. All text is ASCII JSON, so that its characters are its
bytes and SQS takes every one of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lambdas.report.errors import MessageTooLarge, ReportEmpty, ReportInvalid, ReportTooLarge
from lambdas.report.payloads import Batch, Entry, Location, ReportMessage

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
BATCH_MESSAGES_MAX = 10
# The entries as the state carries them, escapes included. A state holds 262,144 bytes: the rest is
# for what stands around them.
BATCH_BYTES_MAX = 240_000
# A batch takes 12 of a history's 25,000 events, one that is sent again three times up to 170.
BATCHES_MAX = 1_000

Batches = list[list[Entry]]


def take_batch(s3: S3Client, account_id: str, location: Location, number: int) -> Batch:
    """The batch of this number; ReportEmpty when there is none at all."""
    batches = split_into_batches(message_bodies(account_id, read_report(s3, location)))
    if not batches:
        raise ReportEmpty(f"the report at {location['key']} has no messages")
    if len(batches) > BATCHES_MAX:
        raise ReportTooLarge(f"{len(batches)} batches are more than {BATCHES_MAX}")
    return Batch(
        entries=batches[number], batches=len(batches), messages=sum(len(batch) for batch in batches)
    )


def read_report(s3: S3Client, location: Location) -> object:
    body = s3.get_object(Bucket=location["bucket"], Key=location["key"])["Body"].read()
    try:
        report: object = json.loads(body)
    except ValueError as error:
        raise ReportInvalid(f"{location['key']} is no JSON: {error}") from error
    return report


def message_bodies(account_id: str, report: object) -> list[str]:
    """The bodies to send, each with an id that no retry and no replay changes."""
    match report:
        case {"reportId": str(report_id), "messages": [*messages]}:
            return [
                ascii_json(
                    ReportMessage(
                        messageId=f"{report_id}-{number}",
                        reportId=report_id,
                        accountId=account_id,
                        content=content,
                    )
                )
                for number, content in enumerate(messages)
            ]
        case _:
            raise ReportInvalid("a report is an object with a reportId and a list of messages")


def split_into_batches(bodies: Iterable[str]) -> Batches:
    """MessageTooLarge for a message that is over the byte limit alone."""
    batches: Batches = []
    batch_bytes = 0
    for number, body in enumerate(bodies):
        # Its Id has one digit, and a comma or a bracket stands behind it.
        entry_bytes = len(ascii_json(Entry(Id="0", MessageBody=body))) + 1
        if entry_bytes + 1 > BATCH_BYTES_MAX:
            raise MessageTooLarge(f"message {number} takes {entry_bytes} bytes")
        is_full = batches and (
            len(batches[-1]) == BATCH_MESSAGES_MAX or batch_bytes + entry_bytes > BATCH_BYTES_MAX
        )
        if is_full or not batches:
            batches.append([])
            batch_bytes = 1
        batches[-1].append(Entry(Id=str(len(batches[-1])), MessageBody=body))
        batch_bytes += entry_bytes
    return batches


def ascii_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
