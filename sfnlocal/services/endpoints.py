"""Services that somebody else runs: Task states call them at an endpoint, as Step Functions Local
calls DynamoDB local or `sam local start-lambda`.

Strategy: boto3 clients that no simulation is hooked into stand in for the simulated ones; what a
call fails with on the way there is an answer too, as it is for the AWS SDK.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sfnlocal.errors import ApiError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import InvokeTask, Json, TaskAnswer
from sfnlocal.services import aws_sdk
from sfnlocal.services.aws import Aws
from sfnlocal.services.client_hooks import moto_handler
from sfnlocal.services.functions import LATEST, FunctionHost, Invocation
from sfnlocal.services.optimized import OPTIMIZED
from sfnlocal.services.tasks import ServiceTasks, find_operation

# As long as a function may run.
_READ_TIMEOUT_SECONDS = 900


class Endpoints:
    """`urls` by boto3 client name. To be made before a simulation is started in this process."""

    def __init__(self, urls: Mapping[str, str], region: str) -> None:
        core = botocore.session.Session()
        simulation = moto_handler()
        if simulation is not None:
            core.unregister("before-send", simulation)
        session = boto3.Session(
            aws_access_key_id="local",
            aws_secret_access_key="local",
            region_name=region,
            botocore_session=core,
        )
        config = Config(
            retries={"total_max_attempts": 1},
            read_timeout=_READ_TIMEOUT_SECONDS,
            # What is given here is meant as it is given.
            inject_host_prefix=False,
            proxies={},
            s3={"addressing_style": "path"},
        )
        make: Any = session.client
        self._clients = {
            name: make(name, endpoint_url=url, config=config) for name, url in urls.items()
        }

    def client(self, name: str) -> Any:
        """None where the service has no endpoint."""
        return self._clients.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self._clients


class EndpointFunctions:
    """Lambda functions that another server runs. It is given a function's name, not its ARN:
    `sam local start-lambda` knows no account and no region."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def invoke(
        self,
        name_or_arn: str,
        payload: Json,
        *,
        now_ms: int,
        client_context: Mapping[str, Json] | None = None,
        qualifier: str | None = None,
    ) -> Invocation:
        """Raises ApiError for what the server answers instead of calling the function."""
        params = _target(name_or_arn, qualifier)
        if client_context is not None:
            context = json_text(client_context).encode()
            params["ClientContext"] = base64.b64encode(context).decode()
        response = self._call({**params, "Payload": json_text(payload).encode()})
        text = response["Payload"].read().decode()
        answer: Json = json.loads(text) if text else None
        failed = response.get("FunctionError")
        if failed is not None and not (isinstance(answer, dict) and "errorType" in answer):
            answer = {"errorType": "Lambda.Unknown", "errorMessage": text}
        return Invocation(
            payload=answer,
            function_error=failed,
            elapsed_ms=0,
            log="",
            executed_version=response.get("ExecutedVersion", LATEST),
            request_id=response["ResponseMetadata"].get("RequestId", ""),
        )

    def send(self, function: str, payload: Json, qualifier: str | None) -> None:
        params = _target(function, qualifier)
        self._call({**params, "InvocationType": "Event", "Payload": json_text(payload).encode()})

    def find(self, name_or_arn: str, qualifier: str | None = None) -> None:
        self._call({**_target(name_or_arn, qualifier), "InvocationType": "DryRun"})

    def _call(self, params: dict[str, Any]) -> Any:
        try:
            return self._client.invoke(**params)
        except ClientError as error:
            answer, metadata = error.response["Error"], error.response["ResponseMetadata"]
            raise ApiError(
                answer.get("Code", "ServiceException"),
                answer.get("Message", ""),
                metadata["HTTPStatusCode"],
            ) from None


def _target(name_or_arn: str, qualifier: str | None) -> dict[str, Any]:
    resource = name_or_arn.rpartition(":function:")[2]
    name, _, qualified = resource.partition(":")
    chosen = qualified or (qualifier if qualifier != LATEST else None)
    return {"FunctionName": name, **({"Qualifier": chosen} if chosen else {})}


class EndpointTasks(ServiceTasks):
    """Calls services at `endpoints`, and those that have none here."""

    def __init__(
        self,
        aws: Aws,
        functions: FunctionHost,
        endpoints: Endpoints,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__(aws, functions, seed=seed)
        self._endpoints = endpoints
        elsewhere = endpoints.client("lambda")
        if elsewhere is not None:
            self._functions = self._events = EndpointFunctions(elsewhere)

    def invoke(self, task: InvokeTask, now_ms: int) -> TaskAnswer:
        try:
            answer = super().invoke(task, now_ms)
        except BotoCoreError as error:
            return TaskAnswer(error=f"{self._prefix(task)}.SdkClientException", cause=str(error))
        if task.resource.service == "states" and answer.error is None:
            started = datetime.fromisoformat(answer.output["StartDate"])
            answer.output["StartDate"] = round(started.timestamp() * 1000)
        return answer

    def _elsewhere(self, name: str) -> Any:
        return self._endpoints.client(name)

    def _prefix(self, task: InvokeTask) -> str:
        """What the service's error names begin with."""
        service, action = task.resource.service, task.resource.action.partition(".")[0]
        if service in OPTIMIZED:
            return OPTIMIZED[service].prefix
        operation = find_operation(service.removeprefix("aws-sdk:"), action)
        return aws_sdk.class_name(operation.service_model.service_id)
