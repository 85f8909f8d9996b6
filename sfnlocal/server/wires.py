"""How requests for our own services look over HTTP, and their responses: one class a protocol of
AWS's, by botocore's models. REST-JSON has its own module.

JSON and CBOR carry the operation's name in a header or the path, Query has it in a form. What
reads and writes Query's flattened names is moto's, what CBOR's bytes is botocore's.
https://smithy.io/2.0/aws/protocols/index.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.model import (
    ListShape,
    MapShape,
    OperationModel,
    ServiceModel,
    Shape,
    ShapeResolver,
    StructureShape,
)
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer
from botocore.utils import parse_timestamp

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.server.http import Request, Response
from sfnlocal.server.json_values import decoded, encoded, json_body
from sfnlocal.server.rest_json import RestJson
from sfnlocal.services.service_models import service_model

_QUERY = "application/x-www-form-urlencoded"
_CBOR_PATH = re.compile(r"/service/[^/]+/operation/(\w+)")
_FAULT: Any = {
    "Fault": {
        "type": "structure",
        "members": {"__type": {"shape": "T"}, "message": {"shape": "T"}},
    },
    "T": {"type": "string"},
}


class Wire(Protocol):
    def understood(self, request: Request) -> tuple[str, dict[str, Json]]:
        """Operation and parameters. Raises ApiError and UnsupportedError."""

    def response(self, operation: str, answer: Mapping[str, Any]) -> Response: ...

    def fault(self, error: ApiError) -> Response: ...


def wire_of(service: str, request: Request) -> Wire:
    """The protocol in which a request for a service (its client name) is written."""
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return _cbor(service)
    if "x-amz-target" in request.headers:
        return _json(service)
    if request.headers.get("content-type", "").startswith(_QUERY) or "Action=" in request.target:
        return _query(service)
    return _rest_json(service)


class JsonWire:
    def __init__(self, service: str) -> None:
        self._model = service_model(service)
        version = self._model.metadata.get("jsonVersion", "1.0")
        self._headers = {"content-type": f"application/x-amz-json-{version}"}

    def understood(self, request: Request) -> tuple[str, dict[str, Json]]:
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        shape = _operation(self._model, operation).input_shape
        body = json_body(request.body, "SerializationException")
        return operation, decoded(shape, body) if shape is not None else {}

    def response(self, operation: str, answer: Mapping[str, Any]) -> Response:
        shape = _operation(self._model, operation).output_shape
        body = encoded(shape, answer) if shape is not None else {}
        return Response(200, json.dumps(body).encode(), self._headers)

    def fault(self, error: ApiError) -> Response:
        name, headers = _error_name(self._model, error), dict(self._headers)
        if "awsQueryCompatible" in self._model.metadata:
            headers["x-amzn-query-error"] = f"{_query_code(error)};{_fault(error)}"
        body = {"__type": name, "message": error.message, **self._members(error)}
        return Response(error.http_status, json.dumps(body).encode(), headers)

    def _members(self, error: ApiError) -> Json:
        if not error.members:
            return {}
        return encoded(self._model.shape_for(error.aws_code), dict(error.members))


class QueryWire:
    def __init__(self, service: str) -> None:
        # Loaded here: it imports more of moto than most runs need.
        from moto.core.parse import PROTOCOL_PARSERS
        from moto.core.serialize import get_serializer_class
        from moto.core.utils import get_service_model

        self._model: ServiceModel = get_service_model(service)
        self._parser: Any = PROTOCOL_PARSERS["query"]
        self._serializer: Any = get_serializer_class(service, "query")

    def understood(self, request: Request) -> tuple[str, dict[str, Json]]:
        text = request.body.decode(errors="replace") or request.target.partition("?")[2]
        values = {name: found[-1] for name, found in parse_qs(text, True).items()}
        operation = values.get("Action", "")
        model = _operation(self._model, operation)
        parser = self._parser(model, timestamp_parser=parse_timestamp)
        params: dict[str, Json] = parser.parse({"values": values, "headers": {}})
        return operation, params

    def response(self, operation: str, answer: Mapping[str, Any]) -> Response:
        model = _operation(self._model, operation)
        shape = model.output_shape
        dated = _dated(shape, answer) if shape is not None else {}
        made = self._serializer(model).serialize(dated)
        return Response(200, made["body"].encode(), {"content-type": "text/xml"})

    def fault(self, error: ApiError) -> Response:
        return Response(
            error.http_status,
            f"<ErrorResponse><Error><Type>{_fault(error)}</Type>"
            f"<Code>{escape(_query_code(error))}</Code>"
            f"<Message>{escape(error.message)}</Message></Error></ErrorResponse>".encode(),
            {"content-type": "text/xml"},
        )


class CborWire:
    def __init__(self, service: str) -> None:
        self._model = service_model(service)
        self._headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}

    def understood(self, request: Request) -> tuple[str, dict[str, Json]]:
        found = _CBOR_PATH.search(request.target)
        operation = found[1] if found else ""
        _operation(self._model, operation)
        if not request.body:
            return operation, {}
        parser: Any = RpcV2CBORParser()
        stream = parser.get_peekable_stream_from_bytes(request.body)
        try:
            params = parser.parse_data_item(stream)
        except Exception as error:
            raise ApiError("SerializationException", f"the body is no CBOR: {error}") from None
        if not isinstance(params, dict):
            raise ApiError("SerializationException", "the body is no CBOR map")
        return operation, params

    def response(self, operation: str, answer: Mapping[str, Any]) -> Response:
        shape = _operation(self._model, operation).output_shape
        return self._made(200, shape, _dated(shape, answer) if shape is not None else {})

    def fault(self, error: ApiError) -> Response:
        shape = ShapeResolver(_FAULT).get_shape_by_name("Fault")
        name = _error_name(self._model, error)
        made = self._made(error.http_status, shape, {"__type": name, "message": error.message})
        query_error = {"x-amzn-query-error": f"{_query_code(error)};{_fault(error)}"}
        return Response(made.status, made.body, {**made.headers, **query_error})

    def _made(self, status: int, shape: Shape | None, value: Json) -> Response:
        body = bytearray()
        if shape is not None:
            serializer: Any = RpcV2CBORSerializer()
            serializer._serialize_data_item(body, value, shape)
        return Response(status, bytes(body), self._headers)


_json = functools.cache(JsonWire)
_query = functools.cache(QueryWire)
_cbor = functools.cache(CborWire)
_rest_json = functools.cache(RestJson)


@functools.cache
def client_name(signing_name: str) -> str:
    """The client whose requests are signed for a name: `monitoring` is cloudwatch's."""
    return {"monitoring": "cloudwatch", "iotdata": "iot-data"}.get(signing_name, signing_name)


def _operation(model: ServiceModel, name: str) -> OperationModel:
    if name not in model.operation_names:
        raise ApiError("UnknownOperationException", f"there is no operation {name!r}")
    return model.operation_model(name)


@functools.cache
def _error_names(model: ServiceModel) -> Mapping[str, str]:
    """Error shapes by the code that Query has for them."""
    shapes: list[Any] = model.error_shapes
    return {shape.error_code: shape.name for shape in shapes}


def _query_code(error: ApiError) -> str:
    return error.query_code or error.aws_code


def _error_name(model: ServiceModel, error: ApiError) -> str:
    """JSON's name of an error is that of its shape, where the code is Query's."""
    return _error_names(model).get(error.aws_code, error.aws_code)


def _fault(error: ApiError) -> str:
    return "Receiver" if error.http_status >= 500 else "Sender"


def _dated(shape: Shape, value: Json) -> Json:
    """Epoch seconds as the datetimes that serializers take."""
    match shape:
        case StructureShape():
            return {
                name: _dated(shape.members[name], item)
                for name, item in value.items()
                if name in shape.members and item is not None
            }
        case ListShape():
            return [_dated(shape.member, item) for item in value]
        case MapShape():
            return {key: _dated(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return value
