"""JSON as AWS's services carry it: blobs are base64, dates epoch seconds.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

from __future__ import annotations

import base64
import json
from datetime import datetime

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json


def json_body(body: bytes, error_code: str) -> dict[str, Json]:
    """A request's body. Raises ApiError with the code where it is no JSON object."""
    if not body:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError(error_code, message) from None
    if not isinstance(value, dict):
        raise ApiError(error_code, "Could not parse request body into json: it is no object")
    return value


def decoded(shape: Shape, value: Json) -> Json:
    match shape:
        case StructureShape() if isinstance(value, dict):
            return {
                name: decoded(member, value[key])
                for name, member in shape.members.items()
                if (key := member.serialization.get("name", name)) in value
                and value[key] is not None
            }
        case ListShape() if isinstance(value, list):
            return [decoded(shape.member, item) for item in value]
        case MapShape() if isinstance(value, dict):
            return {key: decoded(shape.value, item) for key, item in value.items()}
    if shape.type_name == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except ValueError:
            raise ApiError("SerializationException", "a blob is not base64") from None
    return value


def encoded(shape: Shape, value: Json) -> Json:
    match shape:
        case StructureShape() if isinstance(value, dict):
            return {
                shape.members[name].serialization.get("name", name): encoded(
                    shape.members[name], item
                )
                for name, item in value.items()
                if name in shape.members and item is not None
            }
        case ListShape():
            return [encoded(shape.member, item) for item in value]
        case MapShape():
            return {key: encoded(shape.value, item) for key, item in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    return value
