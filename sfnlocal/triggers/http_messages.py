"""HTTP requests to an API and its responses, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl

from sfnlocal.ports import Json

Query: TypeAlias = "str | Mapping[str, str | list[str]]"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Header names are in lower case; each of `cookies` is a set-cookie header. `elapsed_ms` is
    the virtual time that it took."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cookies: tuple[str, ...] = ()
    elapsed_ms: int = 0

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Json:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs a request to a route with AWS_IAM authorization."""

    access_key: str = "AKIALOCAL"
    account: str = ""
    arn: str = ""
    user_id: str = "AIDALOCAL"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """As it comes in: `path` still has the stage and its percent signs; header names are in lower
    case. `identity` is who signed it, where nobody has to look at the signature; `prefix` is what
    the signed path has before `path`."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    source_ip: str
    host: str
    identity: Identity | None = None
    prefix: str = ""

    def query_values(self) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            values.setdefault(name, []).append(value)
        return values


class Refusal(Exception):  # noqa: N818 - an answer, not a mistake
    """API Gateway's own answer, instead of an integration's; `reason` is for who runs the API."""

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        reason: str = "",
    ) -> None:
        super().__init__(status, message)
        self.reason = reason or message
        self.response = message_response(status, message, headers)


def message_response(
    status: int, message: str, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """`{"message":"Not Found"}`."""
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return HttpResponse(status, {"content-type": "application/json", **(headers or {})}, body)
