"""What an API with a CORS configuration adds: answers to preflight requests, and headers.

Headers come only with a request that has an Origin which is allowed; what the integration says of
CORS is dropped. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from sfnlocal.triggers.http_messages import HttpRequest, HttpResponse

_PREFIX = "access-control-"


@dataclass(frozen=True, slots=True)
class Cors:
    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    allow_credentials: bool = False


def is_preflight(request: HttpRequest) -> bool:
    return (
        request.method == "OPTIONS"
        and "origin" in request.headers
        and "access-control-request-method" in request.headers
    )


def preflight_response(cors: Cors, request: HttpRequest) -> HttpResponse:
    headers = _shared(cors, request)
    if headers:
        if cors.allow_methods:
            headers["access-control-allow-methods"] = ",".join(cors.allow_methods)
        if cors.allow_headers:
            headers["access-control-allow-headers"] = ",".join(cors.allow_headers)
        if cors.max_age_seconds is not None:
            headers["access-control-max-age"] = str(cors.max_age_seconds)
    return HttpResponse(204, headers)


def with_cors_headers(cors: Cors, request: HttpRequest, response: HttpResponse) -> HttpResponse:
    own = {name: value for name, value in response.headers.items() if not name.startswith(_PREFIX)}
    added = _shared(cors, request)
    if added and cors.expose_headers:
        added["access-control-expose-headers"] = ",".join(cors.expose_headers)
    headers: Mapping[str, str] = {**own, **added}
    return replace(response, headers=headers)


def _shared(cors: Cors, request: HttpRequest) -> dict[str, str]:
    origin = request.headers.get("origin")
    if origin is None or not allows(cors, origin):
        return {}
    wildcard = "*" in cors.allow_origins
    headers = {"access-control-allow-origin": "*" if wildcard else origin}
    if not wildcard:
        headers["vary"] = "Origin"
    if cors.allow_credentials:
        headers["access-control-allow-credentials"] = "true"
    return headers


def allows(cors: Cors, origin: str) -> bool:
    return any(_covers(allowed, origin) for allowed in cors.allow_origins)


def _covers(allowed: str, origin: str) -> bool:
    if allowed in ("*", "http://*", "https://*"):
        return fnmatchcase(origin, allowed)
    return allowed.lower() == origin.lower()
