"""Where HTTP APIs are reached: `/_apis/NAME/path` of the server, and `ID.execute-api.localhost`.

The second form is what a page in a browser needs whose links begin with a slash. Each request is
carried out on a thread of its own: functions and executions take their time. Presigned URLs of S3
come through here too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.server.http import Request, Response
from sfnlocal.services.presigned_urls import PresignedUrl, read_presigned

if TYPE_CHECKING:
    from sfnlocal.triggers.http_api_resources import HttpApi
    from sfnlocal.triggers.http_messages import HttpResponse

_PREFIX = "/_apis/"
_HOST = re.compile(r"(?P<name>[^.]+)\.execute-api\..+")
_CLIENT = "127.0.0.1"
# Counted anew, or of one connection.
_NOT_FORWARDED = frozenset(
    {"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"}
)


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """What was asked of which API; `prefix` is what the path has before the API's own."""

    api: HttpApi
    prefix: str
    path: str
    query: str


class HttpEndpoints:
    """`callers` carry requests out."""

    def __init__(self, session: Session, callers: Executor) -> None:
        self._session = session
        self._callers = callers
        self._apis = session.triggers.http_apis
        self._by_name = self._apis.by_name()
        # Host names know no upper case.
        self._folded = {name.lower(): api for name, api in self._by_name.items()}

    def urls(self, url: str) -> list[str]:
        """One line an API: its name, and where it is at the server's `url`."""
        port = urlsplit(url).port
        return [
            f"HTTP API {name}   http://{name.lower()}.execute-api.localhost:{port}/{stage}"
            f"   {url}{_PREFIX}{name}/{stage}"
            for name, api in self._by_name.items()
            for stage in [_stage_part(api)]
            if name != api.id
        ]

    def asked(self, request: Request) -> ApiRequest | None:
        """None: it is for another service. Raises ApiError for an API that is not there."""
        path, _, query = request.target.partition("?")
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        match = _HOST.fullmatch(host)
        if match is not None:
            return ApiRequest(self._found(match["name"]), "", path or "/", query)
        if not path.startswith(_PREFIX):
            return None
        name, _, rest = path.removeprefix(_PREFIX).partition("/")
        return ApiRequest(self._found(name), f"{_PREFIX}{name}", f"/{rest}", query)

    def _found(self, name: str) -> HttpApi:
        api = self._folded.get(name.lower())
        if api is None:
            there = ", ".join(self._by_name) or "none"
            message = f"there is no HTTP API {name!r} here; there are: {there}"
            raise ApiError("NotFoundException", message, 404)
        return api

    def allows(self, asked: ApiRequest, origin: str) -> bool:
        """May pages of a foreign origin ask the API?"""
        cors = asked.api.cors
        if cors is None:
            return False
        from sfnlocal.triggers.http_cors import allows

        return allows(cors, origin)

    async def answer(self, asked: ApiRequest, request: Request) -> Response:
        """Raises SfnLocalError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._callers, self._answered, asked, request)

    def _answered(self, asked: ApiRequest, request: Request) -> Response:
        from sfnlocal.triggers.http_messages import HttpRequest

        host = request.headers.get("host", "")
        sent = HttpRequest(
            request.method,
            asked.path,
            asked.query,
            request.headers,
            request.body,
            _CLIENT,
            host,
            prefix=asked.prefix,
        )
        return _response(self._apis.gateway.answer(asked.api, sent), request.method)

    # Presigned URLs

    def presigned(self, request: Request) -> PresignedUrl | None:
        if "ignature=" not in request.target:
            return None
        return read_presigned(f"http://{request.headers.get('host', '')}{request.target}")

    async def answer_presigned(self, presigned: PresignedUrl, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._callers, self._presigned, presigned, request)

    def _presigned(self, presigned: PresignedUrl, request: Request) -> Response:
        answer = self._apis.answer_presigned(
            presigned, request.method, request.headers, request.body
        )
        return _response(answer, request.method)


def _stage_part(api: HttpApi) -> str:
    """`prod/`, where the path has to name a stage."""
    if "$default" in api.stages or not api.stages:
        return ""
    return f"{next(iter(api.stages))}/"


def _response(answer: HttpResponse, method: str) -> Response:
    headers: Mapping[str, str] = {
        name: value
        for name, value in answer.headers.items()
        if name not in _NOT_FORWARDED or (name == "content-length" and method == "HEAD")
    }
    return Response(answer.status, answer.body, headers, answer.cookies)
