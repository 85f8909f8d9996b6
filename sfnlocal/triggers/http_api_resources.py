"""HTTP APIs as the template says them: their routes and stages.

What AWS would refuse at deployment raises InputError. What AWS has and is not here (WebSocket and
REST APIs, OpenAPI bodies, HTTP proxies, custom domains) is listed by `not_carried_out`; a request
that would need it is refused by name.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sfnlocal.errors import InputError
from sfnlocal.ports import Json
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.http_authorizer_resources import Authorizer, read_authorizer
from sfnlocal.triggers.http_cors import Cors
from sfnlocal.triggers.http_integration_resources import (
    Integration,
    function_of,
    integration_refusal,
    read_integration,
)
from sfnlocal.triggers.http_routes import RouteKey, parse_route_key
from sfnlocal.triggers.http_throttling import Limit

_API = "AWS::ApiGatewayV2::Api"
_PART = "AWS::ApiGatewayV2::"
_REST = "AWS::ApiGateway::"
# What holds where a stage or route limits only one of the two.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
_ACCOUNT_LIMIT = Limit(burst=5_000, rate=10_000.0)


@dataclass(frozen=True, slots=True)
class Route:
    """`authorization` is NONE, AWS_IAM, JWT or CUSTOM. A route without an integration answers
    that it has none."""

    key: RouteKey
    where: str
    integration: Integration | None
    authorization: str = "NONE"
    authorizer: Authorizer | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """`limit` is for all routes together that have none of their own in `route_limits`."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    deployed: bool = True
    limit: Limit | None = None
    route_limits: Mapping[str, Limit] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpApi:
    resource: Resource
    id: str
    routes: Mapping[str, Route]
    stages: Mapping[str, Stage]
    cors: Cors | None = None
    endpoint_disabled: bool = False


def read_http_apis(app: App) -> list[HttpApi]:
    """Those that run here. Raises InputError."""
    return [_Reader(app, one).api() for one in app.of_type(_API) if _api_refusal(one) is None]


def not_carried_out(app: App) -> list[tuple[Resource, str]]:
    """What has no effect here, or is refused when it is needed, and why."""
    return list(_not_carried_out(app))


def _not_carried_out(app: App) -> Iterator[tuple[Resource, str]]:
    for resource in app.resources:
        if resource.type == _API:
            refusal = _api_refusal(resource)
            if refusal is not None:
                yield resource, refusal
        elif resource.type == _PART + "Integration":
            refusal = integration_refusal(resource.properties)
            if refusal:
                yield resource, refusal
        elif resource.type == _PART + "Stage" and "AccessLogSettings" in resource.properties:
            yield resource, "the stage is there, its access logs are not written"
        elif resource.type in _UNSUPPORTED_PARTS:
            yield resource, _UNSUPPORTED_PARTS[resource.type]
        elif resource.type.startswith(_REST) and resource.type.count("::") == 2:
            yield resource, "REST APIs are not run here, HTTP APIs (AWS::ApiGatewayV2) are"


_UNSUPPORTED_PARTS: Mapping[str, str] = {
    _PART + "DomainName": "custom domains are not served; the API has a local URL",
    _PART + "ApiMapping": "custom domains are not served; the API has a local URL",
    _PART + "VpcLink": "private integrations are not called",
    _PART + "ApiGatewayManagedOverrides": "overrides of quick create are not carried out",
    _PART + "Model": "only WebSocket APIs have models",
    _PART + "RouteResponse": "only WebSocket APIs have route responses",
    _PART + "IntegrationResponse": "only WebSocket APIs have integration responses",
}


def _api_refusal(resource: Resource) -> str | None:
    properties = resource.properties
    if properties.get("ProtocolType") == "WEBSOCKET":
        return "WebSocket APIs are not run here, HTTP APIs are"
    for name in ("Body", "BodyS3Location"):
        if name in properties:
            return f"an API that is imported from OpenAPI ({name}) is not run here"
    return None


class _Reader:
    """Reads one API and what belongs to it."""

    def __init__(self, app: App, resource: Resource) -> None:
        self._app = app
        self._resource = resource
        if resource.properties.get("ProtocolType") not in ("HTTP", None):
            raise InputError(
                f"ProtocolType is {resource.properties['ProtocolType']!r}",
                where=resource.where,
                hint="HTTP or WEBSOCKET",
            )

    def api(self) -> HttpApi:
        resource, properties = self._resource, self._resource.properties
        self._integrations = {one.name: read_integration(one) for one in self._parts("Integration")}
        self._authorizers = {one.name: read_authorizer(one) for one in self._parts("Authorizer")}
        routes: dict[str, Route] = {}
        for one in self._parts("Route"):
            route = self._route(one)
            if route.key.text in routes:
                raise InputError(
                    f"the API has the route {route.key.text!r} twice",
                    where=one.where,
                    hint=f"the other one is {routes[route.key.text].where}",
                )
            routes[route.key.text] = route
        stages = {stage.name: stage for stage in map(_stage, self._parts("Stage"))}
        if "Target" in properties:
            quick = self._quick_route()
            routes.setdefault(quick.key.text, quick)
            stages.setdefault("$default", Stage("$default"))
        return HttpApi(
            resource,
            resource.name,
            routes,
            stages,
            _cors(resource),
            bool(properties.get("DisableExecuteApiEndpoint", False)),
        )

    def _parts(self, kind: str) -> list[Resource]:
        of_kind = self._app.of_type(_PART + kind)
        return [one for one in of_kind if one.properties.get("ApiId") == self._resource.name]

    def _quick_route(self) -> Route:
        properties, where = self._resource.properties, self._resource.where
        key = _route_key(properties.get("RouteKey", "$default"), where)
        function_arn = function_of(str(properties["Target"]))
        integration = Integration(
            where,
            function_arn=function_arn or "",
            payload_version="2.0",
            credentials_arn=properties.get("CredentialsArn"),
            refusal="" if function_arn else integration_refusal({"IntegrationType": "HTTP_PROXY"}),
        )
        return Route(key, where, integration)

    def _route(self, resource: Resource) -> Route:
        properties, where = resource.properties, resource.where
        key = _route_key(properties.get("RouteKey", ""), where)
        integration = None
        target = properties.get("Target")
        if target is not None:
            integration = self._integrations.get(str(target).removeprefix("integrations/"))
            if integration is None:
                raise InputError(
                    f"the route's Target {target!r} is no integration of its API",
                    where=where,
                    hint="it is integrations/ and the id of an AWS::ApiGatewayV2::Integration",
                )
        authorization = properties.get("AuthorizationType", "NONE")
        authorizer = None
        if authorization in _AUTHORIZER_KINDS:
            authorizer = self._authorizers.get(properties.get("AuthorizerId", ""))
            kind = _AUTHORIZER_KINDS[authorization]
            if authorizer is None or authorizer.kind != kind:
                raise InputError(
                    f"AuthorizationType {authorization} needs an AuthorizerId of type {kind}",
                    where=where,
                )
        elif authorization not in ("NONE", "AWS_IAM"):
            raise InputError(
                f"AuthorizationType is {authorization!r}",
                where=where,
                hint="NONE, AWS_IAM, JWT or CUSTOM",
            )
        scopes = tuple(properties.get("AuthorizationScopes", ()))
        return Route(key, where, integration, authorization, authorizer, scopes)


_AUTHORIZER_KINDS = {"JWT": "JWT", "CUSTOM": "REQUEST"}


def _route_key(text: str, where: str) -> RouteKey:
    try:
        return parse_route_key(text)
    except ValueError as error:
        raise InputError(str(error), where=where, hint="`GET /pets/{petId}`, for one") from None


def _stage(resource: Resource) -> Stage:
    properties = resource.properties
    settings = properties.get("RouteSettings") or {}
    limits = {key: limit for key, one in settings.items() if (limit := _limit(one)) is not None}
    return Stage(
        properties["StageName"],
        {name: str(text) for name, text in properties.get("StageVariables", {}).items()},
        bool(properties.get("AutoDeploy")) or "DeploymentId" in properties,
        _limit(properties.get("DefaultRouteSettings") or {}),
        limits,
    )


def _limit(settings: Mapping[str, Json]) -> Limit | None:
    burst, rate = settings.get("ThrottlingBurstLimit"), settings.get("ThrottlingRateLimit")
    if burst is None and rate is None:
        return None
    return Limit(
        _ACCOUNT_LIMIT.burst if burst is None else int(burst),
        _ACCOUNT_LIMIT.rate if rate is None else float(rate),
    )


def _cors(resource: Resource) -> Cors | None:
    settings = resource.properties.get("CorsConfiguration")
    if settings is None:
        return None
    cors = Cors(
        tuple(settings.get("AllowOrigins", ())),
        tuple(settings.get("AllowMethods", ())),
        tuple(settings.get("AllowHeaders", ())),
        tuple(settings.get("ExposeHeaders", ())),
        settings.get("MaxAge"),
        bool(settings.get("AllowCredentials", False)),
    )
    if cors.allow_credentials and "*" in cors.allow_origins:
        raise InputError(
            "AllowCredentials does not go with the origin *",
            where=resource.where,
            hint="name the origins",
        )
    return cors
