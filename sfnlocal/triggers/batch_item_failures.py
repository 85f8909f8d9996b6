"""What a function or an Express workflow answers of a batch: which messages it did not take.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
"""

from __future__ import annotations

from collections.abc import Collection

from sfnlocal.ports import Json


def failed_messages(answer: Json, message_ids: Collection[str]) -> Collection[str]:
    """The ids of those that failed: all of them where the answer names what is not in the batch,
    or is no report."""
    if answer is None:
        return ()
    if not isinstance(answer, dict):
        return message_ids
    failures = answer.get("batchItemFailures")
    if failures is None:
        return ()
    if not isinstance(failures, list):
        return message_ids
    named = [one.get("itemIdentifier") if isinstance(one, dict) else None for one in failures]
    if any(not isinstance(one, str) or one not in message_ids for one in named):
        return message_ids
    return {one for one in named if one}
