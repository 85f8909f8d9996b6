"""Message attributes: what SQS checks of them, their size, and their MD5.

The MD5 is of a binary text: of each attribute, by name, its name, its type and its value, each
after its length in four bytes; before the value a byte says whether it is text or binary.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import TypeAlias

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.sqs.errors import sqs_error
from sfnlocal.services.sqs.message import md5

Attributes: TypeAlias = Mapping[str, Json]

_ATTRIBUTES_MAX = 10
_NAME = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_RESERVED = ("aws.", "amazon.")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_TEXT, _BINARY = b"\x01", b"\x02"
_TRACE_HEADER = "AWSTraceHeader"
_TYPES = ("String", "Number", "Binary")


def check_attributes(attributes: Attributes) -> None:
    """Raises ApiError."""
    if len(attributes) > _ATTRIBUTES_MAX:
        raise _invalid(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum "
            f"[{_ATTRIBUTES_MAX}]."
        )
    for name, attribute in attributes.items():
        _check(name, attribute)


def check_system_attributes(attributes: Attributes) -> None:
    """Raises ApiError."""
    for name, attribute in attributes.items():
        if name != _TRACE_HEADER:
            raise _invalid(
                f"Message system attribute name '{name}' is invalid: only {_TRACE_HEADER} can be "
                "sent."
            )
        if attribute.get("DataType") != "String" or not attribute.get("StringValue"):
            raise _invalid(f"The value of message system attribute '{name}' must be a String.")


def _check(name: str, attribute: Json) -> None:
    if _NAME.fullmatch(name) is None or name.lower().startswith(_RESERVED):
        raise _invalid(
            f"The message attribute name '{name}' is invalid. It can contain A-Z, a-z, 0-9, "
            "underscore, hyphen and period, not start or end with a period or have two in a row, "
            "not start with AWS. or Amazon., and have up to 256 characters."
        )
    data_type = attribute.get("DataType", "")
    if not data_type:
        raise _invalid(
            f"The message attribute '{name}' must contain non-empty message attribute type."
        )
    kind = data_type.partition(".")[0]
    if kind not in _TYPES:
        raise _invalid(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the "
            "following supported type prefixes: Binary, Number, String."
        )
    value = attribute.get("BinaryValue" if kind == "Binary" else "StringValue")
    if not value:
        raise _invalid(
            f"The message attribute '{name}' with type '{kind}' must have a non-empty value."
        )
    if kind == "Number" and _NUMBER.fullmatch(value) is None:
        raise _invalid(f"Can't cast the value of message (user) attribute '{name}' to a number.")


def _invalid(message: str) -> ApiError:
    return sqs_error("InvalidParameterValue", message)


def size(attributes: Attributes) -> int:
    """Bytes of names, types and values, which count as the message's."""
    return sum(
        len(name.encode()) + len(one["DataType"].encode()) + len(_value(one)[1])
        for name, one in attributes.items()
    )


def attributes_md5(attributes: Attributes) -> str:
    parts: list[bytes] = []
    for name in sorted(attributes):
        attribute = attributes[name]
        transport, value = _value(attribute)
        for text in (name.encode(), attribute["DataType"].encode()):
            parts += (struct.pack(">I", len(text)), text)
        parts += (transport, struct.pack(">I", len(value)), value)
    return md5(b"".join(parts))


def _value(attribute: Json) -> tuple[bytes, bytes]:
    if attribute["DataType"].startswith("Binary"):
        return _BINARY, bytes(attribute["BinaryValue"])
    return _TEXT, attribute["StringValue"].encode()


def selected(attributes: Attributes, names: list[str]) -> Attributes:
    """Those that a receiver asks for: by name, by prefix (`order.*`), or All."""
    if "All" in names or ".*" in names:
        return attributes
    prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))
    return {
        name: attribute
        for name, attribute in attributes.items()
        if name in names or (prefixes and name.startswith(prefixes))
    }
