"""REST-JSON requests of one service, understood by botocore's model: where botocore would put each
parameter, there it is read. https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.model import ListShape, OperationModel, Shape, StructureShape

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.server.http import Request, Response
from sfnlocal.server.json_values import decoded, encoded, json_body
from sfnlocal.services.service_models import service_model


class RestJson:
    def __init__(self, service: str) -> None:
        self._service = service
        self._model = service_model(service)
        self._routes = [
            (http["method"], _uri_pattern(http["requestUri"]), name)
            for name in self._model.operation_names
            for http in [self._operation(name).http]
        ]

    def understood(self, request: Request) -> tuple[str, dict[str, Json]]:
        """Operation and parameters. Raises ApiError and UnsupportedError."""
        path, _, query = request.target.partition("?")
        for method, pattern, name in self._routes:
            match = pattern.fullmatch(path)
            if method == request.method and match is not None:
                values = {key: unquote(value) for key, value in match.groupdict().items()}
                return name, self._params(name, values, parse_qs(query), request)
        raise UnsupportedError(f"{self._service}: there is no {request.method} {path}")

    def _params(
        self,
        operation: str,
        uri: Mapping[str, str],
        query: Mapping[str, list[str]],
        request: Request,
    ) -> dict[str, Json]:
        shape = self._operation(operation).input_shape
        if shape is None:
            return {}
        assert isinstance(shape, StructureShape)
        payload = shape.serialization.get("payload")
        body = {} if payload else json_body(request.body, "InvalidRequestContentException")
        params: dict[str, Json] = {}
        for name, member in shape.members.items():
            placed = member.serialization
            key = placed.get("name", name)
            value: Json = None
            match placed.get("location"):
                case "uri":
                    value = uri.get(re.sub(r"\W", "_", key))
                case "querystring":
                    value = query.get(key)
                    if value is not None and not isinstance(member, ListShape):
                        value = _scalar(member, value[-1])
                case "header":
                    value = request.headers.get(key.lower())
                case _:
                    value = request.body if name == payload else decoded(member, body.get(key))
            if value is not None:
                params[name] = value
        return params

    def response(self, operation: str, answer: Mapping[str, Any]) -> Response:
        model = self._operation(operation)
        shape = model.output_shape
        status: int = model.http.get("responseCode", 200)
        headers = {"content-type": "application/json"}
        body: Json = {}
        payload = shape.serialization.get("payload") if shape is not None else None
        members = shape.members if isinstance(shape, StructureShape) else {}
        for name, value in answer.items():
            member = members.get(name)
            if member is None or value is None:
                continue
            match member.serialization.get("location"):
                case "statusCode":
                    status = value
                case "header":
                    headers[member.serialization["name"].lower()] = str(value)
                case _ if name == payload:
                    body = value
                case _:
                    body[member.serialization.get("name", name)] = encoded(member, value)
        if payload:
            content = body.read() if hasattr(body, "read") else body or b""
            return Response(status, content, headers)
        empty = not body and status == 204
        return Response(status, b"" if empty else json.dumps(body).encode(), headers)

    def fault(self, error: ApiError) -> Response:
        headers = {"content-type": "application/json", "x-amzn-errortype": error.aws_code}
        body = {"__type": error.aws_code, "message": error.message}
        return Response(error.http_status, json.dumps(body).encode(), headers)

    def _operation(self, name: str) -> OperationModel:
        return self._model.operation_model(name)


def _uri_pattern(uri: str) -> re.Pattern[str]:
    """`/functions/{FunctionName}/code`, and `{Name+}` for what may have slashes."""
    parts = re.split(r"\{([^}]+)\}", uri.partition("?")[0])
    pattern = "".join(
        (
            f"(?P<{re.sub(r'[^0-9A-Za-z]', '_', part.rstrip('+'))}>"
            + (".+" if "+" in part else "[^/]+")
            + ")"
        )
        if index % 2
        else re.escape(part)
        for index, part in enumerate(parts)
    )
    return re.compile(pattern + "/?")


def _scalar(shape: Shape, text: str) -> Json:
    match shape.type_name:
        case "integer" | "long":
            try:
                return int(text)
            except ValueError:
                raise ApiError("InvalidParameterValueException", f"{text} is no number") from None
        case "boolean":
            return text == "true"
    return text
