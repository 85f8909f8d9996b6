"""What one API call is billed for, from its parameters and its response.

Every function gives quantities by item. Where a size cannot be known (what DynamoDB holds before an
update), the smallest possible one is taken; docs/sfnlocal.md lists these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json

Item: TypeAlias = Literal[
    "stateTransitions",
    "expressRequests",
    "expressGbSeconds",
    "lambdaRequests",
    "lambdaX86GbSeconds",
    "lambdaArmGbSeconds",
    "sqsRequests",
    "sqsFifoRequests",
    "dynamodbWriteUnits",
    "dynamodbReadUnits",
    "snsRequests",
    "eventBridgeEvents",
    "schedulerInvocations",
    "pipeRequests",
    "s3Writes",
    "s3Reads",
    "logsGb",
]
Usage: TypeAlias = dict[Item, float]
Response: TypeAlias = Mapping[str, Json]
_Count: TypeAlias = Callable[[Mapping[str, Json], Response], Usage]

_CHUNK_BYTES = 64 * 1024
_WRITE_UNIT_BYTES = 1024
_READ_UNIT_BYTES = 4 * 1024


def usage_of(
    service: str, operation: str, params: Mapping[str, Json], response: Response
) -> Usage | None:
    """None where nothing is known of the price of this call. `response` is empty where the service
    refused it."""
    count = _CALLS.get((service, operation)) or _SERVICES.get(service)
    return None if count is None else count(params, response)


def _units(size: float, unit: int) -> int:
    """At least one."""
    return max(1, -(-int(size) // unit))


def _size(value: Json) -> int:
    if isinstance(value, bytes | bytearray):
        return len(value)
    return len((value if isinstance(value, str) else json_text(value)).encode())


# SQS: each request, and each 64 KB of its payload. https://aws.amazon.com/sqs/pricing/


def _sqs(params: Mapping[str, Json], size: int = 0) -> Usage:
    fifo = str(params.get("QueueUrl", "")).endswith(".fifo")
    return {"sqsFifoRequests" if fifo else "sqsRequests": _units(size, _CHUNK_BYTES)}


def _message_bytes(message: Mapping[str, Json]) -> int:
    size = _size(message.get("MessageBody") or message.get("Body") or "")
    for name, attribute in (message.get("MessageAttributes") or {}).items():
        value = attribute.get("StringValue") or attribute.get("BinaryValue") or ""
        size += _size(name) + _size(attribute.get("DataType", "")) + _size(value)
    return size


def _sqs_send(params: Mapping[str, Json], response: Response) -> Usage:
    return _sqs(params, _message_bytes(params))


def _sqs_send_batch(params: Mapping[str, Json], response: Response) -> Usage:
    return _sqs(params, sum(_message_bytes(entry) for entry in params.get("Entries", ())))


def _sqs_receive(params: Mapping[str, Json], response: Response) -> Usage:
    return _sqs(params, sum(_message_bytes(message) for message in response.get("Messages", ())))


# DynamoDB on demand. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html


def item_bytes(item: Mapping[str, Json]) -> int:
    """Of an item in DynamoDB's JSON: names and values.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(_size(name) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Any) -> int:
    if not isinstance(value, Mapping) or len(value) != 1:
        return _size(value)
    ((kind, inner),) = value.items()
    match kind:
        case "S" | "B":
            return _size(inner)
        case "N":
            return _number_bytes(inner)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _value_bytes(one) for one in inner)
        case "M":
            return 3 + sum(1 + _size(name) + _value_bytes(one) for name, one in inner.items())
        case "NS":
            return sum(_number_bytes(one) for one in inner)
        case _:
            return sum(_size(one) for one in inner)


def _number_bytes(text: str) -> int:
    """One byte for two significant digits, and one more."""
    digits = str(text).lstrip("-").partition("e")[0].replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1


def _write_units(size: int) -> int:
    return _units(size, _WRITE_UNIT_BYTES)


def _put_item(params: Mapping[str, Json], response: Response) -> Usage:
    return {"dynamodbWriteUnits": _write_units(item_bytes(params.get("Item", {})))}


def _update_item(params: Mapping[str, Json], response: Response) -> Usage:
    return {"dynamodbWriteUnits": _write_units(_updated_bytes(params, response))}


def _updated_bytes(params: Mapping[str, Json], response: Response) -> int:
    """What is known of the item: it has its key and what is written; or all of it, where the
    response tells."""
    written = params.get("ExpressionAttributeValues") or {}
    known = item_bytes(params.get("Key", {})) + sum(map(_value_bytes, written.values()))
    return max(known, item_bytes(response.get("Attributes") or {}))


def _delete_item(params: Mapping[str, Json], response: Response) -> Usage:
    held = response.get("Attributes") or params.get("Key", {})
    return {"dynamodbWriteUnits": _write_units(item_bytes(held))}


def _batch_write(params: Mapping[str, Json], response: Response) -> Usage:
    units = 0
    for requests in (params.get("RequestItems") or {}).values():
        for request in requests:
            item = request.get("PutRequest", {}).get("Item", {})
            units += _write_units(item_bytes(item))
    return {"dynamodbWriteUnits": units}


def _transact_write(params: Mapping[str, Json], response: Response) -> Usage:
    """Twice the units: one to prepare, one to commit."""
    units = 0
    for one in params.get("TransactItems", ()):
        ((kind, action),) = one.items()
        size = item_bytes(action.get("Item", {})) if kind == "Put" else _updated_bytes(action, {})
        units += 2 * _write_units(size)
    return {"dynamodbWriteUnits": units}


def _read_units(size: int, *, consistent: bool) -> float:
    return _units(size, _READ_UNIT_BYTES) * (1 if consistent else 0.5)


def _get_item(params: Mapping[str, Json], response: Response) -> Usage:
    size = item_bytes(response.get("Item") or {})
    consistent = params.get("ConsistentRead") is True
    return {"dynamodbReadUnits": _read_units(size, consistent=consistent)}


def _query(params: Mapping[str, Json], response: Response) -> Usage:
    """All items of a page are one read."""
    size = sum(item_bytes(item) for item in response.get("Items", ()))
    consistent = params.get("ConsistentRead") is True
    return {"dynamodbReadUnits": _read_units(size, consistent=consistent)}


def _batch_get(params: Mapping[str, Json], response: Response) -> Usage:
    units = 0.0
    for table, request in (params.get("RequestItems") or {}).items():
        consistent = request.get("ConsistentRead") is True
        found = (response.get("Responses") or {}).get(table, [])
        for item in [*found, *({} for _ in request["Keys"][len(found) :])]:
            units += _read_units(item_bytes(item), consistent=consistent)
    return {"dynamodbReadUnits": units}


def _transact_get(params: Mapping[str, Json], response: Response) -> Usage:
    """Twice the units of a consistent read."""
    found = response.get("Responses") or [{} for _ in params.get("TransactItems", ())]
    sizes = (item_bytes(one.get("Item") or {}) for one in found)
    return {"dynamodbReadUnits": sum(2 * _read_units(size, consistent=True) for size in sizes)}


# SNS, EventBridge: each 64 KB. S3: requests, by what they do; deletions are free.


def _publish(params: Mapping[str, Json], response: Response) -> Usage:
    return {"snsRequests": _units(_size(params.get("Message", "")), _CHUNK_BYTES)}


def _publish_batch(params: Mapping[str, Json], response: Response) -> Usage:
    entries = params.get("PublishBatchRequestEntries", ())
    return {"snsRequests": _units(sum(_size(one["Message"]) for one in entries), _CHUNK_BYTES)}


def _put_events(params: Mapping[str, Json], response: Response) -> Usage:
    fields = ("Source", "DetailType", "Detail")
    events = sum(
        _units(sum(_size(entry.get(field) or "") for field in fields), _CHUNK_BYTES)
        for entry in params.get("Entries", ())
    )
    return {"eventBridgeEvents": events}


def _free(params: Mapping[str, Json], response: Response) -> Usage:
    return {}


def _one(item: Item) -> _Count:
    return lambda params, response: {item: 1}


# What the service bills for any of its calls, where _CALLS has none of its own. Calls of Lambda and
# Step Functions cost nothing: what they start does, and is counted when it ends.
_SERVICES: Mapping[str, _Count] = {
    "sqs": lambda params, response: _sqs(params),
    "s3": _one("s3Reads"),
    "sns": _one("snsRequests"),
    "lambda": _free,
    "stepfunctions": _free,
    "scheduler": _free,
    "sts": _free,
}
_S3_WRITES = (
    "PutObject",
    "CopyObject",
    "PostObject",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "ListObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "ListBuckets",
)
_S3_FREE = ("DeleteObject", "DeleteObjects", "AbortMultipartUpload")
_CALLS: Mapping[tuple[str, str], _Count] = {
    ("sqs", "SendMessage"): _sqs_send,
    ("sqs", "SendMessageBatch"): _sqs_send_batch,
    ("sqs", "ReceiveMessage"): _sqs_receive,
    ("dynamodb", "PutItem"): _put_item,
    ("dynamodb", "UpdateItem"): _update_item,
    ("dynamodb", "DeleteItem"): _delete_item,
    ("dynamodb", "BatchWriteItem"): _batch_write,
    ("dynamodb", "TransactWriteItems"): _transact_write,
    ("dynamodb", "GetItem"): _get_item,
    ("dynamodb", "Query"): _query,
    ("dynamodb", "Scan"): _query,
    ("dynamodb", "BatchGetItem"): _batch_get,
    ("dynamodb", "TransactGetItems"): _transact_get,
    ("dynamodb", "DescribeTable"): _free,
    ("sns", "Publish"): _publish,
    ("sns", "PublishBatch"): _publish_batch,
    ("events", "PutEvents"): _put_events,
    **{("s3", operation): _one("s3Writes") for operation in _S3_WRITES},
    **{("s3", operation): _free for operation in _S3_FREE},
}
