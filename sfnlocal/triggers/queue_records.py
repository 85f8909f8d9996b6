"""A message of a queue as functions and pipes get it.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import base64

from sfnlocal.arns import parse_arn
from sfnlocal.ports import Json


def queue_record(message: dict[str, Json], queue_arn: str) -> dict[str, Json]:
    """`message` is one of ReceiveMessage."""
    attributes = message.get("MessageAttributes") or {}
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes") or {},
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": parse_arn(queue_arn).region,
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: dict[str, Json]) -> dict[str, Json]:
    attribute: dict[str, Json] = {}
    for name in ("StringValue", "BinaryValue"):
        if name in value:
            attribute[name[0].lower() + name[1:]] = _text(value[name])
    attribute |= {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    return attribute


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else base64.b64encode(value).decode()
