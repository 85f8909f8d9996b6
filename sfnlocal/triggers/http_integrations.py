"""Routes that call an AWS service: the mapped parameters go out, its answer comes back as it is.

A service's error is the client's: its status, its body. Where the request has nothing for a mapped
parameter the service is not called. StartSyncExecution answers 200 however the execution ended.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.jsontext import json_ascii
from sfnlocal.ports import Caller, Json
from sfnlocal.services.aws import Aws
from sfnlocal.triggers.http_calls import Call, route_arn
from sfnlocal.triggers.http_functions import PRINCIPAL
from sfnlocal.triggers.http_integration_resources import Integration
from sfnlocal.triggers.http_messages import HttpResponse, message_response
from sfnlocal.triggers.http_outcome import Outcome
from sfnlocal.triggers.http_parameters import Unresolved
from sfnlocal.triggers.http_service_actions import ACTIONS, Action
from sfnlocal.triggers.http_sqs_answers import sqs_answer, sqs_error

_JSON_1_0, _JSON_1_1 = "application/x-amz-json-1.0", "application/x-amz-json-1.1"
_STATES_ERROR = "com.amazonaws.swf.service.v2.model#"
_VALIDATION_ERROR = "com.amazon.coral.validate#ValidationException"


def call_service(aws: Aws, integration: Integration, call: Call) -> Outcome:
    action = ACTIONS[integration.subtype]
    scope = call.scope()
    try:
        values = {name: scope.value(text) for name, text in integration.request_parameters.items()}
        params = action.params(values)
    except Unresolved as missing:
        problem = f"the request has no {missing}, which is mapped"
        return _bad_request(integration.request_parameters.get(action.target, ""), problem)
    except ValueError as error:
        return _bad_request(integration.request_parameters.get(action.target, ""), str(error))
    region = values.get("Region", aws.app.region)
    if region != aws.app.region:
        raise UnsupportedError(
            f"{integration.subtype} in the region {region} is not simulated",
            where=integration.where,
        )
    target = values.get(action.target, "")
    request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{call.request_id}/{action.operation}"))
    caller = Caller(PRINCIPAL, route_arn(aws, call), integration.credentials_arn)
    began_ms = aws.now_ms
    try:
        answer = aws.call(action.service, action.operation, _as_called(action, params), caller)
    except ApiError as error:
        response = _error_response(action, error, request_id)
        return Outcome(response, target, error=f"{error.aws_code}: {error.message}")
    elapsed_ms = aws.now_ms - began_ms
    started = _started(answer)
    if elapsed_ms > integration.timeout_ms:
        response = message_response(503, "Service Unavailable")
        problem = f"no response within {integration.timeout_ms} ms"
        return Outcome(replace(response, elapsed_ms=elapsed_ms), target, started, problem)
    response = _success_response(action, answer, request_id)
    return Outcome(replace(response, elapsed_ms=elapsed_ms), target, started)


def _bad_request(target: str, problem: str) -> Outcome:
    return Outcome(message_response(400, "Bad Request"), target, error=problem)


def _as_called(action: Action, params: dict[str, Json]) -> dict[str, Json]:
    """PutEvents takes entries; the integration sends one."""
    if action.operation == "PutEvents":
        return {"Entries": [params]}
    return params


def _started(answer: Mapping[str, Json]) -> str:
    """The id of what there is now."""
    entries = answer.get("Entries") or [{}]
    found = answer.get("executionArn") or answer.get("MessageId") or entries[0].get("EventId")
    return str(found or "")


def _success_response(action: Action, answer: Mapping[str, Json], request_id: str) -> HttpResponse:
    shown = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    headers = {"x-amzn-requestid": request_id}
    if action.service == "sqs":
        headers["content-type"] = "text/xml"
        return HttpResponse(200, headers, sqs_answer(action.operation, shown, request_id))
    headers["content-type"] = _JSON_1_1 if action.service == "events" else _JSON_1_0
    return HttpResponse(200, headers, json_ascii(shown).encode())


def _error_response(action: Action, error: ApiError, request_id: str) -> HttpResponse:
    headers, status = {"x-amzn-requestid": request_id}, error.http_status
    if action.service == "sqs":
        headers["content-type"] = "text/xml"
        return HttpResponse(status, headers, sqs_error(error, request_id))
    if action.service == "events":
        kind, headers["content-type"] = error.aws_code, _JSON_1_1
    else:
        validation = error.aws_code == "ValidationException"
        kind = _VALIDATION_ERROR if validation else _STATES_ERROR + error.aws_code
        headers["content-type"] = _JSON_1_0
    body = {"__type": kind, "message": error.message}
    return HttpResponse(status, headers, json_ascii(body).encode())
