"""What an HTTP API sends to a function, in payload format 2.0 and 1.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import unquote, urlencode

from sfnlocal.ports import Json
from sfnlocal.triggers.http_calls import Call
from sfnlocal.triggers.http_parameters import changed_request

_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})


def proxy_event(call: Call, version: str, mapping: Mapping[str, str]) -> dict[str, Json]:
    """For the integration's function, with the request mapping carried out."""
    headers, query, path = changed_request(mapping, call.scope())
    if version == "1.0":
        return _event_1(call, headers, query, path or call.full_path)
    raw_query = call.request.query if query == call.query else urlencode(query, doseq=True)
    return {
        **request_part(call, headers, query, path or call.full_path, raw_query),
        **_body(call.request.headers, call.request.body),
    }


def request_part(
    call: Call,
    headers: Mapping[str, str],
    query: Mapping[str, list[str]],
    path: str,
    raw_query: str,
) -> dict[str, Json]:
    """What a function and an authorizer are told in format 2.0. What is not there is left out."""
    shown = {name: value for name, value in headers.items() if name != "cookie"}
    event: dict[str, Json] = {
        "version": "2.0",
        "routeKey": call.route.key.text,
        "rawPath": unquote(path),
        "rawQueryString": raw_query,
    }
    if "cookie" in headers:
        event["cookies"] = headers["cookie"].split("; ")
    event["headers"] = shown
    if query:
        event["queryStringParameters"] = {name: ",".join(one) for name, one in query.items()}
    event["requestContext"] = _context_2(call, path)
    if call.path_parameters:
        event["pathParameters"] = dict(call.path_parameters)
    if call.stage.variables:
        event["stageVariables"] = dict(call.stage.variables)
    return event


def _context_2(call: Call, path: str) -> dict[str, Json]:
    context: dict[str, Json] = {"accountId": call.account, "apiId": call.api.id}
    authorizer = _authorizer_2(call)
    if authorizer:
        context["authorizer"] = authorizer
    return {
        **context,
        "domainName": call.domain,
        "domainPrefix": call.domain.partition(".")[0],
        "http": {
            "method": call.request.method,
            "path": unquote(path),
            "protocol": "HTTP/1.1",
            "sourceIp": call.request.source_ip,
            "userAgent": call.request.headers.get("user-agent", ""),
        },
        "requestId": call.request_id,
        "routeKey": call.route.key.text,
        "stage": call.stage.name,
        "time": call.time,
        "timeEpoch": call.now_ms,
    }


def _authorizer_2(call: Call) -> dict[str, Json]:
    if call.jwt is not None:
        return {"jwt": {"claims": dict(call.jwt), "scopes": _scopes(call)}}
    if call.lambda_context is not None:
        return {"lambda": dict(call.lambda_context)}
    identity = call.identity
    if identity is None:
        return {}
    return {
        "iam": {
            "accessKey": identity.access_key,
            "accountId": identity.account,
            "callerId": identity.user_id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": identity.arn,
            "userId": identity.user_id,
        }
    }


def _scopes(call: Call) -> list[str] | None:
    """The token's, where the route asks for some."""
    if not call.route.scopes or call.jwt is None:
        return None
    return str(call.jwt.get("scope") or call.jwt.get("scp") or "").strip("[]").split()


def _event_1(
    call: Call, headers: Mapping[str, str], query: Mapping[str, list[str]], path: str
) -> dict[str, Json]:
    """What is not there is null."""
    identity = call.identity
    authorizer: dict[str, Json] = {"claims": None, "scopes": None}
    if call.jwt is not None:
        authorizer = {"claims": dict(call.jwt), "scopes": _scopes(call)}
    elif call.lambda_context is not None:
        authorizer = {"principalId": call.principal_id, **call.lambda_context}
    context = {
        "accountId": call.account,
        "apiId": call.api.id,
        "authorizer": authorizer,
        "domainName": call.domain,
        "domainPrefix": call.domain.partition(".")[0],
        "extendedRequestId": call.request_id,
        "httpMethod": call.request.method,
        "identity": {
            "accessKey": identity.access_key if identity else None,
            "accountId": identity.account if identity else None,
            "caller": identity.user_id if identity else None,
            "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None,
            "cognitoIdentityId": None,
            "cognitoIdentityPoolId": None,
            "principalOrgId": None,
            "sourceIp": call.request.source_ip,
            "user": identity.user_id if identity else None,
            "userAgent": call.request.headers.get("user-agent", ""),
            "userArn": identity.arn if identity else None,
        },
        "path": unquote(path),
        "protocol": "HTTP/1.1",
        "requestId": call.request_id,
        "requestTime": call.time,
        "requestTimeEpoch": call.now_ms,
        "resourceId": None,
        "resourcePath": call.route.key.path,
        "stage": call.stage.name,
    }
    return {
        "version": "1.0",
        "resource": call.route.key.path,
        "path": unquote(path),
        "httpMethod": call.request.method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: one[-1] for name, one in query.items()} or None,
        "multiValueQueryStringParameters": {name: list(one) for name, one in query.items()} or None,
        "requestContext": context,
        "pathParameters": dict(call.path_parameters) or None,
        "stageVariables": dict(call.stage.variables) or None,
        "body": None,
        **_body(call.request.headers, call.request.body),
    }


def _body(headers: Mapping[str, str], body: bytes) -> dict[str, Json]:
    """Text where the content type says so, else base64."""
    if not body:
        return {"isBase64Encoded": False}
    if _is_text(headers.get("content-type")):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _is_text(content_type: str | None) -> bool:
    if content_type is None:
        return True
    media = content_type.partition(";")[0].strip().lower()
    return media.startswith("text/") or media in _TEXT_TYPES or media.endswith(("+json", "+xml"))
