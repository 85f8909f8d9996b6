"""The task port: carries a Task state's call to its service and gives the answer as Step Functions
gives it to the state.

Three ways lead out: a function (its ARN, or lambda:invoke), an optimized integration, and any
action of a service that moto simulates (`aws-sdk:service:action`).
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.model import OperationModel

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import InvokeTask, Json, TaskAnswer, TaskResource
from sfnlocal.services import aws_sdk
from sfnlocal.services.aws import Aws
from sfnlocal.services.aws_sdk import Arguments, NameRule, api_name, member_name
from sfnlocal.services.client_answers import check_parameters, error_response, metadata
from sfnlocal.services.functions import LATEST, FunctionHost, Invocation
from sfnlocal.services.lambda_api import client_context
from sfnlocal.services.optimized import ACCESS_DENIED, OPTIMIZED, Optimized
from sfnlocal.services.service_models import available_services, service_model


class Functions(Protocol):
    """What a Task state needs of functions, wherever they run."""

    def invoke(
        self,
        name_or_arn: str,
        payload: Json,
        *,
        now_ms: int,
        client_context: Mapping[str, Json] | None = None,
        qualifier: str | None = None,
    ) -> Invocation: ...

    def find(self, name_or_arn: str, qualifier: str | None = None) -> object:
        """Raises ApiError where there is no such function."""


class Events(Protocol):
    def send(self, function: str, payload: Json, qualifier: str | None) -> None:
        """InvocationType Event. Raises ApiError for an unknown function."""


class ServiceTasks:
    """Calls the services."""

    def __init__(self, aws: Aws, functions: FunctionHost, *, seed: int = 0) -> None:
        self._aws = aws
        self._functions: Functions = functions
        self._events: Events = aws.async_invocations
        self._rng = random.Random(f"{seed}/tasks")

    def invoke(self, task: InvokeTask, now_ms: int) -> TaskAnswer:
        """Raises UnsupportedError for what no engine here can do; a failing task is an answer."""
        self._check(task)
        self._aws.move_to(now_ms)
        service, action = task.resource.service, task.resource.action.partition(".")[0]
        if service == "lambda" and not action:
            return self._call_function(task, now_ms)
        if service == "lambda" and action == "invoke":
            return self._invoke_function(task, now_ms)
        if service.startswith("aws-sdk:"):
            return self._call_sdk(task, service.removeprefix("aws-sdk:"), action)
        optimized = OPTIMIZED.get(service)
        if optimized is None or action not in optimized.actions:
            raise UnsupportedError(
                f"{task.resource.arn} is not simulated",
                where=f"state '{task.state}'",
                hint="mock the state",
            )
        return self._call_optimized(task, optimized, optimized.actions[action], now_ms)

    def mistakes(self, resource: TaskResource, arguments: Json) -> list[str]:
        """What Step Functions minds about the arguments before it calls the service. Nothing is
        known about services that are not simulated: their states are mocked."""
        service, action = resource.service, resource.action.partition(".")[0]
        if service.startswith("aws-sdk:"):
            operation = find_operation(service.removeprefix("aws-sdk:"), action)
            return self._converted(arguments, operation, member_name)[1]
        optimized = OPTIMIZED.get(service)
        if optimized is None or action not in optimized.actions:
            return []
        operation = find_operation(optimized.client, optimized.actions[action])
        return self._converted(arguments, operation, api_name, optimized.fields)[1]

    def _check(self, task: InvokeTask) -> None:
        where = f"state '{task.state}'"
        if task.resource.pattern == "RUN_A_JOB":
            raise UnsupportedError(
                f"{task.resource.arn} is not simulated", where=where, hint="mock the state"
            )
        if task.role_arn and parse_arn(task.role_arn).account != self._aws.app.account:
            raise UnsupportedError(
                f"Credentials of another account ({task.role_arn}) are not simulated",
                where=where,
                hint="mock the state",
            )

    # Lambda

    def _call_function(self, task: InvokeTask, now_ms: int) -> TaskAnswer:
        """Resource is the function's own ARN: its payload is the result."""
        params = {"FunctionName": task.resource.arn, "Payload": task.arguments}
        try:
            self._aws.before_call("lambda", "Invoke", params)
            answer = self._functions.invoke(task.resource.arn, task.arguments, now_ms=now_ms)
        except ApiError as error:
            return self._lambda_error(error)
        return _function_error(answer) or TaskAnswer(answer.payload, elapsed_ms=answer.elapsed_ms)

    def _invoke_function(self, task: InvokeTask, now_ms: int) -> TaskAnswer:
        operation = find_operation("lambda", "invoke")
        params, mistakes = self._converted(
            task.arguments, operation, api_name, OPTIMIZED["lambda"].fields
        )
        if mistakes:
            return _not_started(task, mistakes)
        name, qualifier = params["FunctionName"], params.get("Qualifier", LATEST)
        payload = _sent(task.arguments.get("Payload", {}))
        try:
            self._aws.before_call("lambda", "Invoke", params)
            match params.get("InvocationType", "RequestResponse"):
                case "Event":
                    self._events.send(name, payload, qualifier)
                    return TaskAnswer(self._lambda_result(202, "", None, now_ms))
                case "DryRun":
                    self._functions.find(name, qualifier)
                    return TaskAnswer(self._lambda_result(204, "", None, now_ms))
            answer = self._functions.invoke(
                name,
                payload,
                now_ms=now_ms,
                client_context=client_context(params.get("ClientContext")),
                qualifier=qualifier,
            )
        except ApiError as error:
            return self._lambda_error(error)
        failed = _function_error(answer)
        if failed is not None:
            return failed
        result = self._lambda_result(200, json_text(answer.payload), answer, now_ms)
        return TaskAnswer(result, elapsed_ms=answer.elapsed_ms)

    def _lambda_result(
        self, status: int, body: str, answer: Invocation | None, now_ms: int
    ) -> dict[str, Json]:
        request_id = self._new_request_id() if answer is None else answer.request_id
        version = LATEST if answer is None else answer.executed_version
        trace = f"Root=1-{now_ms // 1000:08x}-{self._rng.getrandbits(96):024x}"
        metadata = OPTIMIZED["lambda"].headers.metadata(
            body.encode(),
            request_id,
            now_ms,
            {"x-amz-executed-version": version, "x-amzn-trace-id": f"{trace};Sampled=0"},
        )
        metadata["HttpStatusCode"] = status
        result: dict[str, Json] = {} if answer is None else {"ExecutedVersion": version}
        result["Payload"] = "" if answer is None else answer.payload
        result["SdkHttpMetadata"] = metadata
        result["SdkResponseMetadata"] = {"RequestId": request_id}
        result["StatusCode"] = status
        return result

    def _lambda_error(self, error: ApiError) -> TaskAnswer:
        """The function was not reached."""
        optimized = OPTIMIZED["lambda"]
        text = _cause(
            error.message,
            optimized.service,
            error.http_status,
            error.aws_code,
            self._new_request_id(),
        )
        # Seen on AWS: what Lambda's model does not know has the name of the SDK's base class.
        denied = error.aws_code == ACCESS_DENIED
        name = optimized.base_exception if denied else error.aws_code
        return TaskAnswer(error=f"{optimized.prefix}.{name}", cause=text)

    def _new_request_id(self) -> str:
        bits = f"{self._rng.getrandbits(128):032x}"
        return "-".join((bits[:8], bits[8:12], bits[12:16], bits[16:20], bits[20:]))

    # Other services

    def _call_optimized(
        self, task: InvokeTask, optimized: Optimized, action: str, now_ms: int
    ) -> TaskAnswer:
        operation = find_operation(optimized.client, action)
        params, mistakes = self._converted(task.arguments, operation, api_name)
        if mistakes:
            return _not_started(task, mistakes)
        try:
            response = self._call(operation, optimized.completed(params, task.execution_arn))
        except ClientError as error:
            return _optimized_error(error, operation, optimized)
        except ParamValidationError as error:
            return _not_started(task, [error.kwargs["report"]])
        result = aws_sdk.result(response, operation, api_name)
        if result.get("FailedEntryCount"):
            return TaskAnswer(error=f"{optimized.prefix}.FailedEntry", cause=json_text(result))
        request_id = response["ResponseMetadata"]["RequestId"]
        body = optimized.body(result)
        result["SdkHttpMetadata"] = optimized.headers.metadata(body, request_id, now_ms)
        result["SdkResponseMetadata"] = {"RequestId": request_id}
        return TaskAnswer(result)

    def _call_sdk(self, task: InvokeTask, service: str, action: str) -> TaskAnswer:
        operation = find_operation(service, action)
        params, mistakes = self._converted(task.arguments, operation, member_name)
        if mistakes:
            return _not_started(task, mistakes)
        try:
            response = self._call(operation, params)
        except ClientError as error:
            return _sdk_error(error, operation)
        except ParamValidationError as error:
            return _not_started(task, [error.kwargs["report"]])
        return TaskAnswer(aws_sdk.result(response, operation, member_name))

    def _call(self, operation: OperationModel, params: dict[str, Any]) -> Any:
        """Raises ClientError and ParamValidationError."""
        name = operation.service_model.service_name
        client = self._elsewhere(name)
        if client is None and self._aws.is_routed(name):
            return self._call_here(name, operation, params)
        client = client or self._aws.client(name)
        return getattr(client, xform_name(operation.name))(**params)

    def _call_here(self, name: str, operation: OperationModel, params: dict[str, Any]) -> Any:
        """What a client would give: our own services need none, which would take far longer than
        they do."""
        check_parameters(params, operation)
        request_id = self._new_request_id()
        try:
            answer = self._aws.call(name, operation.name, params)
        except ApiError as error:
            raise ClientError(error_response(error, request_id), operation.name) from None
        return {**answer, "ResponseMetadata": metadata(200, request_id)}

    def _elsewhere(self, name: str) -> Any:
        """The client of a service that is not here."""
        return None

    def _converted(
        self,
        arguments: Json,
        operation: OperationModel,
        name_rule: NameRule,
        fields: frozenset[str] | None = None,
    ) -> tuple[dict[str, Any], list[str]]:
        reader = Arguments(name_rule)
        params = reader.convert(arguments, operation)
        if fields is not None:
            extra = [name for name in map(name_rule, params) if name not in fields]
            reader.mistakes += [aws_sdk.not_supported(name) for name in extra]
        return params, reader.mistakes


@cache
def find_operation(service: str, action: str) -> OperationModel:
    """From botocore's model, not a client: a mocked state's arguments are checked too."""
    name = aws_sdk.client_name(service, available_services())
    if name is None:
        raise UnsupportedError(f"aws-sdk:{service} is no service that botocore knows")
    model = service_model(name)
    for operation in model.operation_names:
        if operation.lower() == action.lower():
            return model.operation_model(operation)
    raise UnsupportedError(f"aws-sdk:{service}:{action} is no action that botocore knows")


def _not_started(task: InvokeTask, mistakes: list[str]) -> TaskAnswer:
    """The request was never made."""
    text = json_text(task.arguments)
    cause = f"The Parameters '{text}' could not be used to start the Task: [{', '.join(mistakes)}]"
    return TaskAnswer(error="States.Runtime", cause=cause)


def _sent(payload: Json) -> Json:
    """Recorded: null is sent as nothing, and a text that is JSON is the payload itself."""
    if payload is None:
        return {}
    if not isinstance(payload, str):
        return payload
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def _function_error(answer: Invocation) -> TaskAnswer | None:
    if answer.function_error is None:
        return None
    return TaskAnswer(
        error=answer.payload["errorType"],
        cause=answer.payload_text,
        elapsed_ms=answer.elapsed_ms,
    )


def _cause(message: str, service: str, status: int, code: str, request_id: str) -> str:
    """A cause as version 1 of the SDK words it."""
    return (
        f"{message} (Service: {service}; Status Code: {status}; Error Code: {code}; "
        f"Request ID: {request_id}; Proxy: null)"
    )


def _optimized_error(
    error: ClientError, operation: OperationModel, optimized: Optimized
) -> TaskAnswer:
    answer, metadata = error.response["Error"], error.response["ResponseMetadata"]
    code = answer.get("Code", "")
    shape = aws_sdk.error_shape(operation, answer)
    name = optimized.base_exception if shape is None else aws_sdk.exception_name(shape)
    cause = _cause(
        answer.get("Message", ""),
        optimized.service,
        metadata["HTTPStatusCode"],
        code,
        metadata.get("RequestId", ""),
    )
    return TaskAnswer(error=f"{optimized.prefix}.{name}", cause=cause)


def _sdk_error(error: ClientError, operation: OperationModel) -> TaskAnswer:
    answer, metadata = error.response["Error"], error.response["ResponseMetadata"]
    service = aws_sdk.class_name(operation.service_model.service_id)
    shape = aws_sdk.error_shape(operation, answer)
    name = f"{service}Exception" if shape is None else aws_sdk.exception_name(shape)
    status, request_id = metadata["HTTPStatusCode"], metadata.get("RequestId", "")
    ids = f"Request ID: {request_id}"
    if service == "S3":
        # moto gives no second id.
        ids += f", Extended Request ID: {metadata.get('HostId', request_id)}"
    cause = f"{answer.get('Message', '')} (Service: {service}, Status Code: {status}, {ids})"
    return TaskAnswer(error=f"{service}.{name}", cause=cause)
