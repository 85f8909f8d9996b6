"""Functions that another server runs: what it is sent, and what its answers mean."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfnlocal.errors import ApiError
from sfnlocal.services.endpoints import EndpointFunctions

ARN = "arn:aws:lambda:us-east-1:123456789012:function:double"


class FakeLambda:
    """Keeps the last request's parameters."""

    def __init__(self, body: str = "null", **answer: Any) -> None:
        self.params: dict[str, Any] = {}
        self._answer = {"Payload": BytesIO(body.encode()), "ResponseMetadata": {}, **answer}

    def invoke(self, **params: Any) -> dict[str, Any]:
        self.params = params
        return self._answer


@pytest.mark.parametrize(
    ("name", "qualifier", "sent"),
    [
        ("double", None, {"FunctionName": "double"}),
        ("double", "$LATEST", {"FunctionName": "double"}),
        ("double:live", None, {"FunctionName": "double", "Qualifier": "live"}),
        (ARN, None, {"FunctionName": "double"}),
        (f"{ARN}:3", None, {"FunctionName": "double", "Qualifier": "3"}),
        (ARN, "live", {"FunctionName": "double", "Qualifier": "live"}),
        ("123456789012:function:double", None, {"FunctionName": "double"}),
    ],
)
def test_a_function_is_called_by_its_name(
    name: str, qualifier: str | None, sent: dict[str, str]
) -> None:
    client = FakeLambda()
    EndpointFunctions(client).invoke(name, {"n": 1}, now_ms=0, qualifier=qualifier)
    assert client.params == {**sent, "Payload": b'{"n":1}'}
    EndpointFunctions(client).find(name, qualifier)
    assert client.params == {**sent, "InvocationType": "DryRun"}
    EndpointFunctions(client).send(name, None, qualifier)
    assert client.params == {**sent, "InvocationType": "Event", "Payload": b"null"}


def test_the_client_context_is_sent_in_base64() -> None:
    client = FakeLambda()
    EndpointFunctions(client).invoke("double", {}, now_ms=0, client_context={"custom": {"a": 1}})
    assert json.loads(base64.b64decode(client.params["ClientContext"])) == {"custom": {"a": 1}}


@pytest.mark.parametrize(
    ("body", "failed", "payload"),
    [
        ('{"number": 4}', None, {"number": 4}),
        ("", None, None),
        (
            '{"errorType": "KeyError", "errorMessage": "no"}',
            "Unhandled",
            {"errorType": "KeyError", "errorMessage": "no"},
        ),
        ('"gone"', "Unhandled", {"errorType": "Lambda.Unknown", "errorMessage": '"gone"'}),
    ],
)
def test_an_answer_is_a_payload_or_an_error(body: str, failed: str | None, payload: Any) -> None:
    client = FakeLambda(body, **({"FunctionError": failed} if failed else {}))
    answer = EndpointFunctions(client).invoke("double", {}, now_ms=0)
    assert (answer.payload, answer.function_error) == (payload, failed)
    assert answer.executed_version == "$LATEST"


def test_what_the_server_refuses_is_an_api_error() -> None:
    class Refusing(FakeLambda):
        def invoke(self, **params: Any) -> dict[str, Any]:
            answer: Any = {
                "Error": {
                    "Code": "ResourceNotFoundException",
                    "Message": "Function not found: double",
                },
                "ResponseMetadata": {"HTTPStatusCode": 404},
            }
            raise ClientError(answer, "Invoke")

    with pytest.raises(ApiError, match="Function not found: double") as refused:
        EndpointFunctions(Refusing()).invoke("double", {}, now_ms=0)
    assert (refused.value.aws_code, refused.value.http_status) == ("ResourceNotFoundException", 404)
