"""HTTP APIs as the template says them: routes, integrations, stages, authorizers.

What AWS would refuse at deployment raises InputError. What AWS has and is not here (WebSocket and
REST APIs, OpenAPI bodies, HTTP proxies, custom domains) is listed by `not_carried_out`; a request
that would need it is refused by name.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sfnlocal.errors import InputError
from sfnlocal.ports import Json
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.http_cors import Cors
from sfnlocal.triggers.http_parameters import check_request_mapping, check_response_mapping
from sfnlocal.triggers.http_routes import RouteKey, parse_route_key
from sfnlocal.triggers.http_service_actions import ACTIONS, REFUSED_ACTIONS
from sfnlocal.triggers.http_throttling import Limit

_API = "AWS::ApiGatewayV2::Api"
_PART = "AWS::ApiGatewayV2::"
_REST = "AWS::ApiGateway::"
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
INTEGRATION_TIMEOUT_MS_MAX = 30_000
_INTEGRATION_TIMEOUT_MS_MIN = 50
_TTL_SECONDS_MAX = 3_600
# What holds where a stage or route limits only one of the two.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
_ACCOUNT_LIMIT = Limit(burst=5_000, rate=10_000.0)
_FUNCTION = re.compile(
    r"(?:arn:[\w-]+:apigateway:[^:]+:lambda:path/[\d-]+/functions/)?"
    r"(?P<function>arn:[\w-]+:lambda:[^:]*:[^:]*:function:[^/]+?)(?:/invocations)?"
)


@dataclass(frozen=True, slots=True)
class Integration:
    """A Lambda proxy integration has its `function_arn`, one of an AWS service its `subtype`;
    `refusal` says why requests cannot get through it here."""

    where: str
    function_arn: str = ""
    subtype: str = ""
    payload_version: str = "1.0"
    timeout_ms: int = INTEGRATION_TIMEOUT_MS_MAX
    credentials_arn: str | None = None
    request_parameters: Mapping[str, str] = field(default_factory=dict)
    response_parameters: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Authorizer:
    """`kind` is JWT (`issuer`, `audience`) or REQUEST (`function_arn`, ...)."""

    id: str
    where: str
    kind: str
    identity_sources: tuple[str, ...]
    issuer: str = ""
    audience: tuple[str, ...] = ()
    function_arn: str = ""
    payload_version: str = "2.0"
    simple_responses: bool = False
    ttl_ms: int = 0
    credentials_arn: str | None = None


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
            refusal = _integration_refusal(resource.properties)
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


def _integration_refusal(properties: Mapping[str, Json]) -> str:
    if properties.get("ConnectionType") == "VPC_LINK":
        return "private integrations (VPC_LINK) are not called"
    if properties.get("IntegrationType") == "HTTP_PROXY":
        return "HTTP proxy integrations are not called: nothing here leaves this machine"
    return REFUSED_ACTIONS.get(properties.get("IntegrationSubtype", ""), "")


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
        self._integrations = {one.name: _integration(one) for one in self._parts("Integration")}
        self._authorizers = {one.name: _authorizer(one) for one in self._parts("Authorizer")}
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
        target = properties["Target"]
        match = _FUNCTION.fullmatch(str(target))
        integration = Integration(
            where,
            function_arn=match["function"] if match else "",
            payload_version="2.0",
            credentials_arn=properties.get("CredentialsArn"),
            refusal="" if match else _integration_refusal({"IntegrationType": "HTTP_PROXY"}),
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


def _integration(resource: Resource) -> Integration:
    properties, where = resource.properties, resource.where
    kind, subtype = properties.get("IntegrationType"), properties.get("IntegrationSubtype", "")
    if kind not in ("AWS_PROXY", "HTTP_PROXY"):
        raise InputError(
            f"IntegrationType is {kind!r}", where=where, hint="of HTTP APIs: AWS_PROXY, HTTP_PROXY"
        )
    refusal = _integration_refusal(properties)
    version = str(properties.get("PayloadFormatVersion", ""))
    function = None
    if kind == "AWS_PROXY" and not subtype and not refusal:
        function = _FUNCTION.fullmatch(str(properties.get("IntegrationUri", "")))
        if function is None:
            raise InputError(
                f"IntegrationUri {properties.get('IntegrationUri')!r} is no function's",
                where=where,
                hint="its ARN, or an IntegrationSubtype for another service",
            )
        if version not in ("1.0", "2.0"):
            raise InputError(
                f"PayloadFormatVersion is {version!r}", where=where, hint="'1.0' or '2.0'"
            )
    parameters = {key: str(text) for key, text in properties.get("RequestParameters", {}).items()}
    if subtype and not refusal:
        _check_action(subtype, parameters, properties, where)
    elif not refusal:
        check_request_mapping(parameters, where)
    return Integration(
        where,
        function["function"] if function else "",
        subtype,
        version or "1.0",
        _timeout_ms(properties, where),
        properties.get("CredentialsArn"),
        parameters,
        _response_parameters(properties.get("ResponseParameters", {}), where),
        refusal,
    )


def _timeout_ms(properties: Mapping[str, Json], where: str) -> int:
    timeout_ms = int(properties.get("TimeoutInMillis", INTEGRATION_TIMEOUT_MS_MAX))
    if not _INTEGRATION_TIMEOUT_MS_MIN <= timeout_ms <= INTEGRATION_TIMEOUT_MS_MAX:
        raise InputError(
            f"TimeoutInMillis is {timeout_ms}", where=where, hint="from 50 to 30000 milliseconds"
        )
    return timeout_ms


def _check_action(
    subtype: str, parameters: Mapping[str, str], properties: Mapping[str, Json], where: str
) -> None:
    action = ACTIONS.get(subtype)
    if action is None:
        raise InputError(
            f"IntegrationSubtype is {subtype!r}",
            where=where,
            hint=f"one of {', '.join(sorted((*ACTIONS, *REFUSED_ACTIONS)))}",
        )
    missing = [name for name in action.required if name not in parameters]
    unknown = [name for name in parameters if name not in action.members]
    if missing or unknown:
        problem = f"no {', '.join(missing)}" if missing else f"the unknown {', '.join(unknown)}"
        raise InputError(
            f"{subtype}: RequestParameters has {problem}",
            where=where,
            hint=f"it takes {', '.join(action.members)}; needs {', '.join(action.required)}",
        )
    if "CredentialsArn" not in properties:
        raise InputError(f"{subtype} needs a CredentialsArn: the role to call with", where=where)


def _response_parameters(value: Json, where: str) -> dict[int, dict[str, str]]:
    """CloudFormation has a list of Destination and Source; the API itself a plain map."""
    read: dict[int, dict[str, str]] = {}
    for status, mapping in value.items():
        listed = mapping.get("ResponseParameters") if isinstance(mapping, dict) else None
        pairs = (
            {one["Destination"]: str(one["Source"]) for one in listed}
            if isinstance(listed, list)
            else {key: str(source) for key, source in mapping.items()}
        )
        if not (str(status).isdecimal() and 200 <= int(status) <= 599):
            raise InputError(
                f"ResponseParameters for {status!r}", where=where, hint="a status from 200 to 599"
            )
        check_response_mapping(pairs, where)
        read[int(status)] = pairs
    return read


def _authorizer(resource: Resource) -> Authorizer:
    properties, where = resource.properties, resource.where
    kind = properties.get("AuthorizerType")
    sources = tuple(properties.get("IdentitySource", ()))
    match kind:
        case "JWT":
            jwt = properties.get("JwtConfiguration") or {}
            issuer, audience = jwt.get("Issuer", ""), tuple(jwt.get("Audience", ()))
            if not issuer or not audience or len(sources) != 1:
                raise InputError(
                    "a JWT authorizer needs one IdentitySource, and Issuer and Audience",
                    where=where,
                )
            return Authorizer(resource.name, where, kind, sources, issuer, audience)
        case "REQUEST":
            return _lambda_authorizer(resource, sources)
    raise InputError(f"AuthorizerType is {kind!r}", where=where, hint="JWT or REQUEST")


def _lambda_authorizer(resource: Resource, sources: tuple[str, ...]) -> Authorizer:
    properties, where = resource.properties, resource.where
    function = _FUNCTION.fullmatch(str(properties.get("AuthorizerUri", "")))
    if function is None:
        raise InputError(
            f"AuthorizerUri {properties.get('AuthorizerUri')!r} is no function's", where=where
        )
    version = str(properties.get("AuthorizerPayloadFormatVersion", ""))
    simple = bool(properties.get("EnableSimpleResponses", False))
    if version not in ("1.0", "2.0") or (simple and version == "1.0"):
        raise InputError(
            f"AuthorizerPayloadFormatVersion is {version!r}",
            where=where,
            hint="'1.0' or '2.0'; simple responses need '2.0'",
        )
    ttl_seconds = int(properties.get("AuthorizerResultTtlInSeconds", 0))
    if not 0 <= ttl_seconds <= _TTL_SECONDS_MAX or (ttl_seconds and not sources):
        raise InputError(
            f"AuthorizerResultTtlInSeconds is {ttl_seconds}",
            where=where,
            hint="at most 3600; more than 0 needs an IdentitySource",
        )
    return Authorizer(
        resource.name,
        where,
        "REQUEST",
        sources,
        function_arn=function["function"],
        payload_version=version,
        simple_responses=simple,
        ttl_ms=ttl_seconds * 1000,
        credentials_arn=properties.get("AuthorizerCredentialsArn"),
    )


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
