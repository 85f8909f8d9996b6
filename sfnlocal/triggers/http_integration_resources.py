"""Integrations of HTTP APIs as the template says them: what a route calls, and with what.

What AWS would refuse at deployment raises InputError.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-integration.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sfnlocal.errors import InputError
from sfnlocal.ports import Json
from sfnlocal.template.resources import Resource
from sfnlocal.triggers.http_parameters import check_request_mapping, check_response_mapping
from sfnlocal.triggers.http_service_actions import ACTIONS, REFUSED_ACTIONS

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
INTEGRATION_TIMEOUT_MS_MAX = 30_000
_INTEGRATION_TIMEOUT_MS_MIN = 50
_TTL_SECONDS_MAX = 3_600
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


def function_of(uri: str) -> str | None:
    """The function's ARN, which a path of API Gateway may stand around."""
    match = _FUNCTION.fullmatch(uri)
    return None if match is None else match["function"]


def integration_refusal(properties: Mapping[str, Json]) -> str:
    """Why requests cannot get through it here; empty where they can."""
    if properties.get("ConnectionType") == "VPC_LINK":
        return "private integrations (VPC_LINK) are not called"
    if properties.get("IntegrationType") == "HTTP_PROXY":
        return "HTTP proxy integrations are not called: nothing here leaves this machine"
    return REFUSED_ACTIONS.get(properties.get("IntegrationSubtype", ""), "")


def read_integration(resource: Resource) -> Integration:
    properties, where = resource.properties, resource.where
    kind, subtype = properties.get("IntegrationType"), properties.get("IntegrationSubtype", "")
    if kind not in ("AWS_PROXY", "HTTP_PROXY"):
        raise InputError(
            f"IntegrationType is {kind!r}", where=where, hint="of HTTP APIs: AWS_PROXY, HTTP_PROXY"
        )
    refusal = integration_refusal(properties)
    version = str(properties.get("PayloadFormatVersion", ""))
    function = None
    if kind == "AWS_PROXY" and not subtype and not refusal:
        function = function_of(str(properties.get("IntegrationUri", "")))
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
        function or "",
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
