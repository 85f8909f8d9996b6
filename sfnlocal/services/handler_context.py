"""The context object that a Python handler is called with, attribute for attribute.

https://docs.aws.amazon.com/lambda/latest/dg/python-context.html. The remaining time counts
virtual milliseconds: only what the handler slept has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sfnlocal.ports import Json


class CognitoIdentity:
    """Who calls, for calls of mobile applications; empty in all others."""

    def __init__(self) -> None:
        self.cognito_identity_id: str | None = None
        self.cognito_identity_pool_id: str | None = None


class Client:
    """The mobile application that calls."""

    def __init__(self, client: Mapping[str, Json]) -> None:
        self.installation_id = client.get("installation_id")
        self.app_title = client.get("app_title")
        self.app_version_name = client.get("app_version_name")
        self.app_version_code = client.get("app_version_code")
        self.app_package_name = client.get("app_package_name")


class ClientContext:
    """What the caller sent as ClientContext."""

    def __init__(self, document: Mapping[str, Json]) -> None:
        self.custom = document.get("custom")
        self.env = document.get("env")
        client = document.get("client")
        self.client = Client(client) if isinstance(client, Mapping) else None


class LambdaContext:
    """`environment` is the function's, `remaining_ms` tells the virtual time left,
    `write` takes what `log` is given."""

    def __init__(
        self,
        *,
        request_id: str,
        invoked_function_arn: str,
        function_version: str,
        environment: Mapping[str, str],
        client_context: Mapping[str, Json] | None,
        remaining_ms: Callable[[], int],
        write: Callable[[str], Any],
    ) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = invoked_function_arn
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = function_version
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = CognitoIdentity()
        self.client_context = None if client_context is None else ClientContext(client_context)
        self.tenant_id: str | None = None
        self._remaining_ms = remaining_ms
        self._write = write

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms()

    def log(self, message: object) -> None:
        self._write(str(message))
