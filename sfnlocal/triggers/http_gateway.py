"""What API Gateway does with a request to an HTTP API.

Strategy: stage, CORS preflight, route, throttling, authorizer, integration, response mapping, CORS
headers, in this order; whoever answers first answers. What an API has of its own (buckets, request
ids, cached verdicts) is kept here under one lock, which is open while functions and services run.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

from __future__ import annotations

import base64
import random
import re
import threading
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from sfnlocal.errors import InputError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.template.selection import find_resource, short_ids
from sfnlocal.triggers.http_api_resources import HttpApi, Route, Stage, read_http_apis
from sfnlocal.triggers.http_authorizers import Authorizers
from sfnlocal.triggers.http_calls import Call, route_arn
from sfnlocal.triggers.http_cors import is_preflight, preflight_response, with_cors_headers
from sfnlocal.triggers.http_functions import call_function
from sfnlocal.triggers.http_integrations import call_service
from sfnlocal.triggers.http_messages import (
    HttpRequest,
    HttpResponse,
    Identity,
    Query,
    Refusal,
)
from sfnlocal.triggers.http_outcome import Outcome
from sfnlocal.triggers.http_parameters import changed_response
from sfnlocal.triggers.http_routes import select_route
from sfnlocal.triggers.http_signatures import Credentials
from sfnlocal.triggers.http_throttling import Limit, TokenBucket

_API = "AWS::ApiGatewayV2::Api"
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
PAYLOAD_BYTES_MAX = 10 * 1024 * 1024
_HEADER_BYTES_MAX = 10_240


class Address(NamedTuple):
    api: HttpApi
    host: str
    path: str
    query: str


class ApiGateway:
    """`apis` are by id. Raises InputError for what AWS would refuse."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.apis = {api.id: api for api in aws.app.derived(read_http_apis)}
        self._lock = threading.Lock()
        self._ids = random.Random(f"{aws.seed}/http-apis")
        self._buckets: dict[tuple[str, str, str], TokenBucket] = {}
        self._authorizers = Authorizers(aws)
        # What clients of this process sign with.
        self.know("local", "local")

    # Who is known

    def trust(self, issuer: str, jwks: Json) -> None:
        """The keys of an issuer of JSON Web Tokens: what its jwks_uri answers."""
        keys = jwks.get("keys") if isinstance(jwks, dict) else None
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            raise InputError(
                f"the keys of {issuer} are no JSON Web Key Set",
                hint='{"keys": [{"kty": "RSA", ...}]}',
            )
        self._authorizers.trusted[issuer] = jwks

    def know(self, access_key: str, secret_key: str, arn: str = "", user_id: str = "") -> None:
        """Credentials that may sign requests to routes with AWS_IAM."""
        app = self._aws.app
        identity = Identity(
            access_key,
            app.account,
            arn or f"arn:{app.partition}:iam::{app.account}:user/{access_key}",
            user_id or f"AIDA{access_key.upper()}",
        )
        self._authorizers.credentials[access_key] = Credentials(secret_key, identity)

    # Where they are

    def find(self, name: str | None = None) -> HttpApi:
        """By id, name, logical id or construct path; without one the app's only one. InputError
        where that is not clear, UnsupportedError for an API that does not run here."""
        if name is None:
            if len(self.apis) == 1:
                return next(iter(self.apis.values()))
            there = ", ".join(sorted(one.resource.path for one in self.apis.values()))
            raise InputError(
                f"the app has {len(self.apis)} HTTP APIs",
                hint=f"name one (api=...): {there}" if there else "an AWS::ApiGatewayV2::Api",
            )
        if name in self.apis:
            return self.apis[name]
        resource = find_resource(self._aws.app, name, _API)
        if resource.name not in self.apis:
            raise UnsupportedError("this API does not run here", where=resource.where)
        return self.apis[resource.name]

    def by_name(self) -> dict[str, HttpApi]:
        ids = short_ids(api.resource for api in self.apis.values())
        names = {
            re.sub("[^A-Za-z0-9-]+", "-", ids[api.resource.where]): api
            for api in self.apis.values()
        }
        return {**names, **self.apis}

    # Requests

    def addressed(
        self, path_or_url: str, query: Query | None, api: str | None, stage: str | None
    ) -> Address:
        """Where a request goes: a path to `api` and `stage`, a URL says both itself."""
        url = urlsplit(path_or_url)
        asked = "&".join(part for part in (url.query, _query_text(query)) if part)
        if url.scheme:
            found = self.find(api or (url.hostname or "").partition(".")[0])
            return Address(found, url.netloc, url.path or "/", asked)
        found = self.find(api)
        path = _with_stage(found, stage, url.path or "/")
        return Address(found, self.domain(found), path, asked)

    def answer(self, api: HttpApi, request: HttpRequest) -> HttpResponse:
        """What the API answers. The path has the stage, as on AWS."""
        with self._lock:
            request_id = _request_id(self._ids)
        try:
            response = self._answer(api, request, request_id)
        except Refusal as refusal:
            response = refusal.response
        if api.cors is not None and not is_preflight(request):
            response = with_cors_headers(api.cors, request, response)
        return replace(response, headers={**response.headers, "apigw-requestid": request_id})

    def _answer(self, api: HttpApi, request: HttpRequest, request_id: str) -> HttpResponse:
        _check_size(request)
        if api.endpoint_disabled:
            raise Refusal(404, "Not Found")
        stage, path = _stage_of(api, request.path)
        if api.cors is not None and is_preflight(request):
            return preflight_response(api.cors, request)
        match = select_route((route.key for route in api.routes.values()), request.method, path)
        if match is None:
            raise Refusal(404, "Not Found")
        call = Call(
            api,
            stage,
            api.routes[match.key.text],
            self._forwarded(request),
            path,
            match.path_parameters,
            request_id,
            self._aws.now_ms,
            self._aws.app.account,
            self.domain(api),
        )
        try:
            self._throttle(api, stage, call.route)
            self._authorizers.authorize(call)
        except Refusal as refusal:
            self._tell(call, Outcome(refusal.response, _target(call.route), error=refusal.reason))
            raise
        return self._integrated(call)

    def _throttle(self, api: HttpApi, stage: Stage, route: Route) -> None:
        own: Limit | None = stage.route_limits.get(route.key.text)
        limit = own or stage.limit
        if limit is None:
            return
        key = (api.id, stage.name, route.key.text if own else "")
        now_ms = self._aws.now_ms
        with self._lock:
            bucket = self._buckets.get(key)
            if bucket is None:
                bucket = self._buckets[key] = TokenBucket(limit, now_ms)
            passes = bucket.take(now_ms)
        if not passes:
            reason = f"more than {limit.rate:g} requests a second, {limit.burst} at once"
            raise Refusal(429, "Too Many Requests", reason=reason)

    def _integrated(self, call: Call) -> HttpResponse:
        integration = call.route.integration
        if integration is None:
            # The route has no Target.
            raise Refusal(500, "Internal Server Error")
        if integration.refusal:
            raise UnsupportedError(integration.refusal, where=integration.where)
        if integration.subtype:
            outcome = call_service(self._aws, integration, call)
        else:
            outcome = call_function(self._aws, integration, call)
        self._tell(call, outcome)
        mapping = integration.response_parameters.get(outcome.response.status)
        if mapping is None:
            return outcome.response
        return changed_response(mapping, call.scope(), outcome.response)

    def _tell(self, call: Call, outcome: Outcome) -> None:
        self._aws.timeline.add(
            route_arn(self._aws, call),
            f"{call.request.method} {call.full_path} ({call.route.key.text})",
            outcome.target_arn,
            outcome.started,
            outcome.error,
        )

    def _forwarded(self, request: HttpRequest) -> HttpRequest:
        """With the headers that API Gateway adds."""
        earlier = request.headers.get("x-forwarded-for")
        sender = f"{earlier}, {request.source_ip}" if earlier else request.source_ip
        added = {
            "x-forwarded-for": sender,
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        }
        return replace(request, headers={**request.headers, **added})

    def domain(self, api: HttpApi) -> str:
        return f"{api.id}.execute-api.{self._aws.app.region}.amazonaws.com"


def _target(route: Route) -> str:
    integration = route.integration
    return "" if integration is None else integration.function_arn or integration.subtype


def _request_id(ids: random.Random) -> str:
    """`JKJaXmPLvHcESHA=`, for one."""
    return base64.b64encode(ids.randbytes(11)).decode()


def _check_size(request: HttpRequest) -> None:
    if len(request.body) > PAYLOAD_BYTES_MAX:
        raise Refusal(413, "Request Entity Too Large")
    sent = len(request.method) + len(request.path) + len(request.query)
    sent += sum(len(name) + len(value) for name, value in request.headers.items())
    if sent > _HEADER_BYTES_MAX:
        raise Refusal(431, "Request Header Fields Too Large")


def _stage_of(api: HttpApi, path: str) -> tuple[Stage, str]:
    """The stage that the path names, and what is left of the path."""
    name, slash, rest = path.removeprefix("/").partition("/")
    stage = api.stages.get(name)
    if stage is None or name == "$default":
        stage, slash, rest = api.stages.get("$default"), "/", path.removeprefix("/")
    if stage is None or not stage.deployed:
        raise Refusal(404, "Not Found")
    return stage, f"/{rest}" if slash else "/"


def _with_stage(api: HttpApi, stage: str | None, path: str) -> str:
    """The path as a URL has it: with the stage, unless that is $default or there already."""
    if stage is None:
        names = [name for name in api.stages if name != "$default"]
        if "$default" in api.stages or len(names) != 1 or f"{path}/".startswith(f"/{names[0]}/"):
            return path
        stage = names[0]
    elif stage not in api.stages:
        raise InputError(
            f"the API has no stage {stage!r}",
            where=api.resource.where,
            hint=f"it has {', '.join(api.stages) or 'none'}",
        )
    return path if stage == "$default" else f"/{stage}{path}"


def _query_text(query: Query | None) -> str:
    if query is None or isinstance(query, str):
        return query or ""
    return urlencode(query, doseq=True)
