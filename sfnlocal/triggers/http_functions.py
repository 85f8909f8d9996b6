"""Lambda proxy integrations: a function is called with the request and says the response.

A function error, a response in a wrong form and a throttled function are answered 500, a function
that takes longer than the integration may 503; what the function does it does all the same.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace

from sfnlocal.errors import ApiError, LostAnswerError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Caller, Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.functions import Invocation
from sfnlocal.triggers.http_calls import Call, integration_source_arn
from sfnlocal.triggers.http_events import proxy_event
from sfnlocal.triggers.http_integration_resources import Integration
from sfnlocal.triggers.http_messages import HttpResponse, message_response
from sfnlocal.triggers.http_outcome import Outcome

PRINCIPAL = "apigateway.amazonaws.com"
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")


class WrongResponse(ValueError):  # noqa: N818 - what the function gave, not an error of ours
    """The function's response is none that the payload format knows."""


def call_function(aws: Aws, integration: Integration, call: Call) -> Outcome:
    arn = with_stage_variables(integration.function_arn, call.stage.variables)
    event = proxy_event(call, integration.payload_version, integration.request_parameters)
    try:
        answer = invoked(aws, arn, event, _caller(aws, integration, call))
    except ApiError as error:
        problem = f"{error.aws_code}: {error.message}"
        return Outcome(_internal_server_error(), arn, error=problem)
    elapsed_ms, request_id = answer.elapsed_ms, answer.request_id
    if elapsed_ms > integration.timeout_ms:
        waited_ms = integration.timeout_ms
        response = replace(message_response(503, "Service Unavailable"), elapsed_ms=waited_ms)
        return Outcome(response, arn, request_id, f"no response within {waited_ms} ms")
    if answer.function_error is not None:
        problem = f"the function failed: {answer.payload_text}"
        return Outcome(_internal_server_error(elapsed_ms), arn, request_id, problem)
    try:
        response = _READERS[integration.payload_version](answer.payload)
    except WrongResponse as wrong:
        return Outcome(_internal_server_error(elapsed_ms), arn, request_id, str(wrong))
    return Outcome(replace(response, elapsed_ms=elapsed_ms), arn, request_id)


def invoked(aws: Aws, arn: str, event: dict[str, Json], caller: Caller) -> Invocation:
    """The function is called, and waited for. Raises ApiError."""
    params: dict[str, Json] = {"FunctionName": arn, "InvocationType": "RequestResponse"}
    with aws.acting(caller):
        aws.before_call("lambda", "Invoke", params)
        answer = aws.functions.invoke(arn, event, now_ms=aws.now_ms)
        try:
            aws.after_call("lambda", "Invoke", params)
        except LostAnswerError as lost:
            raise ApiError("RequestTimeout", str(lost), 500) from None
    return answer


def _caller(aws: Aws, integration: Integration, call: Call) -> Caller:
    return Caller(PRINCIPAL, integration_source_arn(aws, call), integration.credentials_arn)


def with_stage_variables(arn: str, variables: Mapping[str, str]) -> str:
    return _STAGE_VARIABLE.sub(lambda match: variables.get(match[1], match[0]), arn)


def _internal_server_error(elapsed_ms: int = 0) -> HttpResponse:
    return replace(message_response(500, "Internal Server Error"), elapsed_ms=elapsed_ms)


def response_1(payload: Json) -> HttpResponse:
    if not isinstance(payload, dict) or "statusCode" not in payload:
        raise WrongResponse("the function's response has no statusCode")
    response = _structured(payload)
    more = payload.get("multiValueHeaders") or {}
    if not isinstance(more, dict):
        raise WrongResponse("multiValueHeaders is no object")
    headers, cookies = dict(response.headers), list(response.cookies)
    for name, values in more.items():
        texts = [str(value) for value in values] if isinstance(values, list) else [str(values)]
        if name.lower() == "set-cookie":
            cookies += texts
        else:
            headers[name.lower()] = ",".join(texts)
    return replace(response, headers=headers, cookies=tuple(cookies))


def response_2(payload: Json) -> HttpResponse:
    """Without a statusCode the payload is the body."""
    if isinstance(payload, dict) and "statusCode" in payload:
        response = _structured(payload)
        cookies = payload.get("cookies") or []
        if not isinstance(cookies, list):
            raise WrongResponse("cookies is no array")
        return replace(response, cookies=(*response.cookies, *map(str, cookies)))
    text = payload if isinstance(payload, str) else json_text(payload)
    return HttpResponse(200, {"content-type": "application/json"}, text.encode())


_READERS = {"1.0": response_1, "2.0": response_2}


def _structured(payload: Mapping[str, Json]) -> HttpResponse:
    status = payload["statusCode"]
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise WrongResponse(f"the statusCode {status!r} is none of HTTP")
    given = payload.get("headers") or {}
    if not isinstance(given, dict):
        raise WrongResponse("headers is no object")
    headers = {"content-type": "text/plain;charset=utf-8"}
    cookies: list[str] = []
    for name, value in given.items():
        if isinstance(value, dict | list):
            raise WrongResponse(f"the header {name} is neither a text nor a number")
        text = value if isinstance(value, str) else json_text(value)
        if _HEADER_NAME.fullmatch(name) is None or "\r" in text or "\n" in text:
            raise WrongResponse(f"the header {name!r} cannot be sent")
        if name.lower() == "set-cookie":
            cookies.append(text)
        else:
            headers[name.lower()] = text
    return HttpResponse(status, headers, _body(payload), tuple(cookies))


def _body(payload: Mapping[str, Json]) -> bytes:
    body = payload.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise WrongResponse("the body is no text")
    if not payload.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise WrongResponse("the body is not base64") from None
