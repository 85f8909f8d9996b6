"""One request on its way through an HTTP API, and what the API says of it in variables.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.triggers.http_api_resources import HttpApi, Route, Stage
from sfnlocal.triggers.http_messages import HttpRequest, Identity
from sfnlocal.triggers.http_parameters import Scope

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Call:
    """`path` is without the stage, `path_parameters` are decoded. An authorizer that lets the
    request pass leaves what it found in `jwt`, `identity` or `lambda_context`."""

    api: HttpApi
    stage: Stage
    route: Route
    request: HttpRequest
    path: str
    path_parameters: Mapping[str, str]
    request_id: str
    now_ms: int
    account: str
    domain: str
    jwt: Mapping[str, Json] | None = None
    identity: Identity | None = None
    lambda_context: Mapping[str, Json] | None = None
    principal_id: str = ""
    _query: dict[str, list[str]] | None = field(default=None)

    @property
    def query(self) -> dict[str, list[str]]:
        if self._query is None:
            self._query = self.request.query_values()
        return self._query

    @property
    def full_path(self) -> str:
        """With the stage, as the client sent it."""
        return self.path if self.stage.name == "$default" else f"/{self.stage.name}{self.path}"

    @property
    def time(self) -> str:
        """`12/Mar/2020:19:03:58 +0000`."""
        at = _EPOCH + timedelta(milliseconds=self.now_ms)
        month = _MONTHS[at.month - 1]
        return f"{at:%d}/{month}/{at:%Y:%H:%M:%S} +0000"

    def scope(self) -> Scope:
        return Scope(
            self.request.headers,
            self.query,
            self.path,
            self.path_parameters,
            self.request.body,
            self._context(),
            self.stage.variables,
        )

    def _context(self) -> dict[str, Json]:
        request, identity = self.request, self.identity
        authorizer: dict[str, Json] = dict(self.lambda_context or {})
        if self.jwt is not None:
            authorizer["claims"] = self.jwt
        if self.principal_id:
            authorizer["principalId"] = self.principal_id
        caller: dict[str, Json] = {}
        if identity is not None:
            caller = {
                "accountId": identity.account,
                "caller": identity.user_id,
                "user": identity.user_id,
                "userArn": identity.arn,
            }
        return {
            "accountId": self.account,
            "apiId": self.api.id,
            "authorizer": authorizer,
            "domainName": self.domain,
            "domainPrefix": self.domain.partition(".")[0],
            "extendedRequestId": self.request_id,
            "httpMethod": request.method,
            "identity": {
                "sourceIp": request.source_ip,
                "userAgent": request.headers.get("user-agent", ""),
                **caller,
            },
            "path": self.full_path,
            "protocol": "HTTP/1.1",
            "requestId": self.request_id,
            "requestTime": self.time,
            "requestTimeEpoch": self.now_ms // 1000,
            "routeKey": self.route.key.text,
            "stage": self.stage.name,
        }


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def api_arn(aws: Aws, call: Call) -> str:
    """`arn:aws:execute-api:REGION:ACCOUNT:API`."""
    app = aws.app
    return f"arn:{app.partition}:execute-api:{app.region}:{app.account}:{call.api.id}"


def route_arn(aws: Aws, call: Call) -> str:
    """`.../STAGE/GET/pets/6`: what policies speak of."""
    return f"{api_arn(aws, call)}/{call.stage.name}/{call.request.method}{call.path}"


def integration_source_arn(aws: Aws, call: Call) -> str:
    """`.../STAGE/GET/pets/{petId}`: whose permission a function's policy gives is the route, which
    is why its ARN in a template has the route's path and not a request's.
    https://github.com/aws/serverless-application-model/issues/1860 shows that of `$default`."""
    if call.route.key.text == "$default":
        return f"{api_arn(aws, call)}/{call.stage.name}/$default"
    path = call.route.key.path
    return f"{api_arn(aws, call)}/{call.stage.name}/{call.request.method}{path}"
