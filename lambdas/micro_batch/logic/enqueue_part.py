"""Cuts one part of a job's file into messages.

No call works on a whole file, so none comes near a function's 900 seconds however many lines there
are: a call reads so many lines from a byte on and answers where the next one begins. A message has
the company's id only: whatever else stands in a line, messages stay small.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from lambdas.micro_batch.logic.work_queue import in_groups, send_messages, work_message
from lambdas.micro_batch.payloads import (
    COMPANY_ID_MAX,
    EnqueuedPart,
    EnqueuePartEvent,
    Line,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

    from lambdas.environment import QueueUrl

PART_LINES = 10_000
MESSAGE_LINES = 10


def enqueue_part(
    s3: S3Client,
    sqs: SQSClient,
    queue: QueueUrl,
    event: EnqueuePartEvent,
    part_lines: int = PART_LINES,
) -> EnqueuedPart:
    """A repeated call sends the same messages again."""
    offset, number = event["offset"], event["line"]
    get = partial(s3.get_object, Bucket=event["bucket"], Key=event["key"])
    # A range that begins at the end of an object, such as an empty one's, is an error.
    found = get(Range=f"bytes={offset}-") if offset else get()
    end = offset + found["ContentLength"]
    lines = []
    for text in islice(found["Body"].iter_lines(keepends=True), part_lines):
        offset += len(text)
        number += 1
        lines.append(Line(line=number, company=_company(text)))
    found["Body"].close()
    send_messages(
        sqs,
        queue,
        (work_message(event["jobId"], group) for group in in_groups(lines, MESSAGE_LINES)),
    )
    return EnqueuedPart(offset=offset, line=number, done=offset >= end)


def _company(text: bytes) -> object:
    """What of the line goes into a message: nothing where there is no id, which is refused."""
    try:
        company = json.loads(text)
    except ValueError:
        return None
    match company:
        case {"companyId": str(company_id)} if len(company_id) <= COMPANY_ID_MAX:
            return {"companyId": company_id}
        case _:
            return None
