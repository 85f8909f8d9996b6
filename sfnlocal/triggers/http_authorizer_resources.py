"""Authorizers of HTTP APIs as the template says them: who may call a route.

What AWS would refuse at deployment raises InputError.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-authorizer.html
"""

from __future__ import annotations

from dataclasses import dataclass

from sfnlocal.errors import InputError
from sfnlocal.template.resources import Resource
from sfnlocal.triggers.http_integration_resources import function_of

_TTL_SECONDS_MAX = 3_600


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


def read_authorizer(resource: Resource) -> Authorizer:
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
    function = function_of(str(properties.get("AuthorizerUri", "")))
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
        function_arn=function,
        payload_version=version,
        simple_responses=simple,
        ttl_ms=ttl_seconds * 1000,
        credentials_arn=properties.get("AuthorizerCredentialsArn"),
    )
