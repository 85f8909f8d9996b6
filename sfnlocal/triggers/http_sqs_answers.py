"""SQS's answers as the query protocol writes them: API Gateway hands its XML on.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from html import escape

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json

_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
# Errors whose code in XML is not their name.
_CODES = {
    name: f"AWS.SimpleQueueService.{code}"
    for name, code in {
        "QueueDoesNotExist": "NonExistentQueue",
        "PurgeQueueInProgress": "PurgeQueueInProgress",
        "UnsupportedOperation": "UnsupportedOperation",
    }.items()
}
_SENT = (
    "MessageId",
    "MD5OfMessageBody",
    "MD5OfMessageAttributes",
    "MD5OfMessageSystemAttributes",
    "SequenceNumber",
)
_RECEIVED = ("MessageId", "ReceiptHandle", "MD5OfBody", "MD5OfMessageAttributes", "Body")


def sqs_answer(operation: str, answer: Mapping[str, Json], request_id: str) -> bytes:
    result = ""
    if operation == "SendMessage":
        result = _element(f"{operation}Result", _members(_SENT, answer))
    elif operation == "ReceiveMessage":
        messages = "".join(_element("Message", _message(one)) for one in answer.get("Messages", []))
        result = _element(f"{operation}Result", messages)
    metadata = _element("ResponseMetadata", _leaf("RequestId", request_id))
    return _document(f"{operation}Response", result + metadata)


def sqs_error(error: ApiError, request_id: str) -> bytes:
    kind = "Sender" if error.http_status < 500 else "Receiver"
    inner = (
        _leaf("Type", kind)
        + _leaf("Code", _CODES.get(error.aws_code, error.aws_code))
        + _leaf("Message", error.message)
    )
    told = _element("Error", inner + "<Detail/>") + _leaf("RequestId", request_id)
    return _document("ErrorResponse", told)


def _document(name: str, inner: str) -> bytes:
    return f'<?xml version="1.0"?><{name} xmlns="{_NAMESPACE}">{inner}</{name}>'.encode()


def _message(message: Mapping[str, Json]) -> str:
    attributes = "".join(
        _element("Attribute", _leaf("Name", name) + _leaf("Value", value))
        for name, value in message.get("Attributes", {}).items()
    )
    own = "".join(
        _element("MessageAttribute", _leaf("Name", name) + _element("Value", _value(value)))
        for name, value in message.get("MessageAttributes", {}).items()
    )
    return _members(_RECEIVED, message) + attributes + own


def _value(value: Mapping[str, Json]) -> str:
    return "".join(_leaf(name, one) for name, one in value.items())


def _members(names: tuple[str, ...], values: Mapping[str, Json]) -> str:
    return "".join(_present(names, values))


def _present(names: tuple[str, ...], values: Mapping[str, Json]) -> Iterator[str]:
    for name in names:
        if values.get(name) is not None:
            yield _leaf(name, values[name])


def _element(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def _leaf(name: str, value: Json) -> str:
    text = base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
    return _element(name, escape(text, quote=False))
