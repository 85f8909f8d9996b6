"""Batches of which a service takes a part only: the answer is a success, and says which entries
were refused.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sfnlocal.ports import Json, TaskResource

_CODE, _MESSAGE = "InternalFailure", "injected: in-part"
Answer: TypeAlias = dict[str, Any]


def _failed(refused: Json, answer: Answer) -> Answer:
    """Of SQS and SNS: entries have Ids."""
    told = {"Id": refused["Id"], "Code": _CODE, "Message": _MESSAGE, "SenderFault": False}
    return {**answer, "Failed": [told, *answer.get("Failed", ())]}


def _failed_event(refused: Json, answer: Answer) -> Answer:
    """Of EventBridge: entries have places."""
    told = {"ErrorCode": _CODE, "ErrorMessage": _MESSAGE}
    return {
        "Entries": [told, *answer.get("Entries", ())],
        "FailedEntryCount": answer.get("FailedEntryCount", 0) + 1,
    }


def _unprocessed(refused: Json, answer: Answer) -> Answer:
    """Of DynamoDB: the requests come back as they were."""
    table, request = refused
    left = dict(answer.get("UnprocessedItems", {}))
    return {**answer, "UnprocessedItems": {**left, table: [request, *left.get(table, ())]}}


def _without_first(entries: Json) -> tuple[Json, Json]:
    first, *others = entries
    return first, others


def _without_first_request(by_table: Json) -> tuple[Json, Json]:
    (table, (first, *others)), *more = by_table.items()
    return (table, first), {**({table: others} if others else {}), **dict(more)}


@dataclass(frozen=True, slots=True)
class _Batch:
    """`member` of the parameters has the entries; `split` gives the first and the others."""

    member: str
    tell: Callable[[Json, Answer], Answer]
    split: Callable[[Json], tuple[Json, Json]] = _without_first


# By client and operation, in small letters.
_BATCHES: Mapping[tuple[str, str], _Batch] = {
    ("sqs", "sendmessagebatch"): _Batch("Entries", _failed),
    ("sqs", "deletemessagebatch"): _Batch("Entries", _failed),
    ("sns", "publishbatch"): _Batch("PublishBatchRequestEntries", _failed),
    ("events", "putevents"): _Batch("Entries", _failed_event),
    ("dynamodb", "batchwriteitem"): _Batch("RequestItems", _unprocessed, _without_first_request),
}
# What a state's Resource calls a client.
_CLIENTS = {"eventbridge": "events"}


def batch_of(resource: TaskResource) -> tuple[str, str]:
    """The client and the operation of a Task state."""
    service = resource.service.removeprefix("aws-sdk:")
    return _CLIENTS.get(service, service), resource.action.partition(".")[0]


def takes_batches(client: str, operation: str) -> bool:
    return (client, operation.lower()) in _BATCHES


def in_part(
    client: str,
    operation: str,
    params: Mapping[str, Json],
    call: Callable[[Mapping[str, Json]], Answer],
) -> Answer:
    """What a service answers that refuses the first entry, and takes the others by `call`."""
    batch = _BATCHES[client, operation.lower()]
    refused, others = batch.split(params[batch.member])
    answer = call({**params, batch.member: others}) if others else {}
    return batch.tell(refused, answer)
