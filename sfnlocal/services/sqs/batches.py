"""Batches: what makes SQS refuse one as a whole, and the answer entry by entry.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.sqs.errors import sqs_error

Entry: TypeAlias = dict[str, Json]

_ENTRIES_MAX = 10
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def check_entries(entries: list[Entry], kind: str) -> None:
    """`kind` is the shape of its entries. Raises ApiError."""
    if not entries:
        raise sqs_error("EmptyBatchRequest", f"There should be at least one {kind} in the request.")
    if len(entries) > _ENTRIES_MAX:
        raise sqs_error(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {_ENTRIES_MAX}. You have sent "
            f"{len(entries)}.",
        )
    seen: set[str] = set()
    for entry in entries:
        identifier = entry.get("Id", "")
        if _ID.fullmatch(identifier) is None:
            raise sqs_error(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and "
                "underscores. It can be at most 80 letters long.",
            )
        if identifier in seen:
            raise sqs_error("BatchEntryIdsNotDistinct", f"Id {identifier} repeated.")
        seen.add(identifier)


def answer_entries(entries: list[Entry], answer: Callable[[Entry], Entry]) -> dict[str, Json]:
    """What each entry is answered with; one that fails does not stop the others."""
    successful: list[Entry] = []
    failed: list[Entry] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], **answer(entry)})
        except ApiError as error:
            failed.append(
                {
                    "Id": entry["Id"],
                    "SenderFault": True,
                    "Code": error.query_code or error.aws_code,
                    "Message": error.message,
                }
            )
    result: dict[str, Json] = {"Successful": successful}
    if failed:
        result["Failed"] = failed
    return result
