"""Services over HTTP that moto simulates.

A request is given to moto as if it had been sent to the service's own endpoint. Those of JSON
services are understood here too, so that queues are listened to as for a client in this process.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, SfnLocalError, UnsupportedError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.server.http import Request, Response
from sfnlocal.services import moto_differences

_BUCKET_HOST = re.compile(r"(.+)\.localhost")
# Of one connection, or counted anew.
_NOT_FORWARDED = frozenset({"connection", "transfer-encoding", "keep-alive", "x-amz-crc32"})


class _JsonCall(NamedTuple):
    operation: str
    params: dict[str, Json]


class SimulatedServices:
    """`answer` may be called from several threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def answer(self, service: str, request: Request) -> Response:
        """`service` is the name that requests are signed for. Raises ApiError and
        UnsupportedError."""
        aws = self._session.aws
        call = _json_call(request)
        if call is not None:
            refused = moto_differences.refused(service, *call)
            if refused is not None:
                raise refused
        prepared = self._prepared(service, request, call)
        response = aws.simulate(service, prepared)
        if response is None:
            raise UnsupportedError(f"the service {service} is not simulated")
        headers = {
            name: str(value)
            for name, value in response.headers.items()
            if name.lower() not in _NOT_FORWARDED
            and (name.lower() != "content-length" or request.method == "HEAD")
        }
        body = response.content
        if call is not None:
            body = self._understood(service, call, response.status_code, body)
        return Response(response.status_code, body, headers)

    def _prepared(
        self, service: str, request: Request, call: _JsonCall | None
    ) -> AWSPreparedRequest:
        target = request.target
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        bucket = _BUCKET_HOST.fullmatch(host)
        if service == "s3" and bucket is not None:
            target = f"/{bucket[1]}{target}"
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            if name not in ("host", "content-length"):
                headers[name] = value
        aws_host = f"{service}.{self._session.app.region}.amazonaws.com"
        body = request.body if call is None else json.dumps(call.params).encode()
        return AWSPreparedRequest(
            request.method, f"https://{aws_host}{target}", headers, body, stream_output=False
        )

    def _understood(self, service: str, call: _JsonCall, status: int, body: bytes) -> bytes:
        try:
            parsed = json.loads(body or b"{}")
        except ValueError:
            return body
        if status >= 300 or not isinstance(parsed, dict):
            return body
        moto_differences.correct(service, call.operation, call.params, parsed)
        self._session.aws.tell(service, call.operation, call.params, parsed)
        return json_text(parsed).encode()


def _json_call(request: Request) -> _JsonCall | None:
    """Operation and parameters of a request of a JSON service."""
    operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
    if not operation:
        return None
    try:
        params = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise ApiError("SerializationException", "") from None
    if not isinstance(params, dict):
        raise ApiError("SerializationException", "")
    return _JsonCall(operation, params)


def xml_fault(service: str, error: SfnLocalError) -> Response:
    """An error as the services have it that do not speak JSON."""
    code, status = "NotSupportedBySfnlocal", 501
    if isinstance(error, ApiError):
        code, status = error.aws_code, error.http_status
    message = error.message if isinstance(error, ApiError) else str(error)
    text = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    if service != "s3":
        text = f"<ErrorResponse>{text}</ErrorResponse>"
    return Response(status, text.encode(errors="replace"), {"content-type": "text/xml"})
