"""The providers: what they are called with, whose a failure is, and that a message is sent once.

SES, SNS: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from email.message import Message
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import ModuleType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, Request, build_opener

import boto3
import pytest
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
)
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.notification.errors import ProviderUnavailable, RecipientRefused
from lambdas.notification.logic.call_webhook import NoRedirects, WebhookProvider
from lambdas.notification.logic.provider_errors import told_apart

Load = Callable[[str], ModuleType]
SENDER = "notifications@example.com"


def a_message(**changes: str) -> dict[str, str]:
    return {
        "notificationId": "0" * 32,
        "channel": "email",
        "address": "ann@example.org",
        "subject": "Shipped",
        "text": "It is on its way",
        **changes,
    }


@pytest.fixture(autouse=True)
def environment(tables: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDER", SENDER)


@pytest.fixture
def verified() -> None:
    boto3.client("sesv2", region_name="eu-west-1").create_email_identity(EmailIdentity=SENDER)


def aws_error(code: str, status: int) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Send")


class Spy:
    """Stands before a client's operation, notes its calls and may fail."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call, self.calls = call, list[dict[str, Any]]()
        self.errors: list[BaseException] = []

    def __call__(self, **params: Any) -> Any:
        self.calls.append(params)
        if self.errors:
            raise self.errors.pop()
        return self.call(**params)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], Spy]:
    def before(client: Any, operation: str) -> Spy:
        made = Spy(getattr(client, operation))
        monkeypatch.setattr(client, operation, made)
        return made

    return before


def test_ses_gets_the_notifications_id_as_a_tag(
    load: Load, context: Any, verified: None, spy: Callable[[Any, str], Spy]
) -> None:
    module = load("notification.send_email")
    calls = spy(module.SES, "send_email")
    result = module.handler(a_message(), context)
    assert result["providerMessageId"]
    [call] = calls.calls
    assert call["FromEmailAddress"] == SENDER
    assert call["Destination"] == {"ToAddresses": ["ann@example.org"]}
    assert call["EmailTags"] == [{"Name": "notificationId", "Value": "0" * 32}]


def test_a_sender_that_is_not_verified_is_refused_by_ses(load: Load, context: Any) -> None:
    with pytest.raises(RecipientRefused, match="not verified"):
        load("notification.send_email").handler(a_message(), context)


def test_sns_sends_text_messages_to_numbers(
    load: Load, context: Any, spy: Callable[[Any, str], Spy]
) -> None:
    module = load("notification.publish_message")
    calls = spy(module.SNS, "publish")
    module.handler(a_message(channel="sms", address="+491701234567"), context)
    assert calls.calls == [{"PhoneNumber": "+491701234567", "Message": "Shipped\nIt is on its way"}]


def test_a_wrong_number_is_refused_by_sns(load: Load, context: Any) -> None:
    with pytest.raises(RecipientRefused):
        load("notification.publish_message").handler(
            a_message(channel="sms", address="ann"), context
        )


def test_sns_sends_push_notifications_to_endpoints(
    load: Load, context: Any, spy: Callable[[Any, str], Spy]
) -> None:
    sns = boto3.client("sns", region_name="eu-west-1")
    app = sns.create_platform_application(Name="app", Platform="GCM", Attributes={})
    device = sns.create_platform_endpoint(
        PlatformApplicationArn=app["PlatformApplicationArn"], Token="t"
    )["EndpointArn"]
    module = load("notification.publish_message")
    calls = spy(module.SNS, "publish")
    message = a_message(channel="push", address=device, subject="s" * 200)
    module.handler(message, context)
    assert calls.calls == [
        {"TargetArn": device, "Subject": "s" * 100, "Message": "It is on its way"}
    ]
    sns.set_endpoint_attributes(EndpointArn=device, Attributes={"Enabled": "false"})
    with pytest.raises(RecipientRefused, match="disabled"):
        module.handler({**message, "notificationId": "1" * 32}, context)


# Once


@pytest.mark.parametrize("module", ["send_email", "publish_message"])
def test_a_message_that_comes_twice_is_sent_once(
    load: Load, context: Any, verified: None, spy: Callable[[Any, str], Spy], module: str
) -> None:
    loaded = load(f"notification.{module}")
    client, operation = (
        (loaded.SES, "send_email") if module == "send_email" else (loaded.SNS, "publish")
    )
    calls = spy(client, operation)
    channel = {"send_email": "email", "publish_message": "sms"}[module]
    address = {"send_email": "ann@example.org", "publish_message": "+491701234567"}[module]
    message = a_message(channel=channel, address=address)
    assert loaded.handler(message, context) == loaded.handler(message, context)
    assert len(calls.calls) == 1
    loaded.handler({**message, "notificationId": "1" * 32}, context)
    assert len(calls.calls) == 2


def test_what_was_not_sent_is_sent_by_the_next_attempt(
    load: Load, context: Any, verified: None, spy: Callable[[Any, str], Spy]
) -> None:
    module = load("notification.send_email")
    calls = spy(module.SES, "send_email")
    calls.errors = [aws_error("TooManyRequestsException", 429)]
    with pytest.raises(ProviderUnavailable):
        module.handler(a_message(), context)
    assert module.handler(a_message(), context)["providerMessageId"]


def test_while_one_sends_another_waits(
    load: Load,
    context: Any,
    verified: None,
    spy: Callable[[Any, str], Spy],
    killed: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = load("notification.send_email")
    calls = spy(module.SES, "send_email")
    calls.errors = [killed()]
    with monkeypatch.context() as patched:
        # Nobody cleans up after a process that is killed.
        from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

        patched.setattr(DynamoDBPersistenceLayer, "delete_record", lambda *_, **__: None)
        with pytest.raises(killed):
            module.handler(a_message(), context)
    with pytest.raises(IdempotencyAlreadyInProgressError):
        module.handler(a_message(), context)


# Whose failure it is


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (aws_error("MessageRejected", 400), RecipientRefused),
        (aws_error("TooManyRequestsException", 429), ProviderUnavailable),
        (aws_error("ThrottlingException", 400), ProviderUnavailable),
        (aws_error("InternalFailure", 500), ProviderUnavailable),
        (ReadTimeoutError(endpoint_url="https://ses"), ProviderUnavailable),
        (aws_error("AccessDeniedException", 403), ClientError),
    ],
)
def test_failures_are_told_apart(error: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected), told_apart(frozenset({"MessageRejected"})):
        raise error


class Meets(HTTPSHandler):
    """Sends nothing."""

    def __init__(self, met: Exception) -> None:
        super().__init__()
        self._met = met

    def https_open(self, req: Request) -> HTTPResponse:
        raise self._met


def http_error(status: int) -> HTTPError:
    return HTTPError("u", status, "", Message(), None)


@pytest.mark.parametrize(
    ("met", "expected"),
    [
        (http_error(503), ProviderUnavailable),
        (http_error(429), ProviderUnavailable),
        (http_error(302), RecipientRefused),
        (http_error(410), RecipientRefused),
        (URLError("no such host"), ProviderUnavailable),
        (TimeoutError(), ProviderUnavailable),
    ],
)
def test_what_a_webhook_answers_is_told_apart(met: Exception, expected: type[Exception]) -> None:
    message: Any = a_message(channel="webhook", address="https://ann.example.com/inbox")
    with pytest.raises(expected):
        WebhookProvider(build_opener(Meets(met))).send(message)


def test_only_https_addresses_are_called(load: Load, context: Any) -> None:
    with pytest.raises(RecipientRefused, match="https"):
        load("notification.call_webhook").handler(
            a_message(channel="webhook", address="file:///etc/passwd"), context
        )


@pytest.fixture
def server() -> Iterator[tuple[HTTPServer, list[Any]]]:
    """A web server on this machine that notes what it is sent."""
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.headers["idempotency-key"], json.loads(body)))
            self.send_response(302 if self.path == "/moved" else 204)
            self.send_header("location", "/inbox")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made, received
    made.shutdown()
    thread.join()
    made.server_close()


class ToLoopback(HTTPSHandler):
    """Sends requests for an https address to the server of this test."""

    def __init__(self, server: HTTPServer) -> None:
        super().__init__()
        self._port = server.server_port

    def https_open(self, req: Request) -> HTTPResponse:
        req.host = f"127.0.0.1:{self._port}"
        return self.do_open(HTTPConnection, req)


def test_a_webhook_is_told_the_notifications_id(server: tuple[HTTPServer, list[Any]]) -> None:
    made, received = server
    provider = WebhookProvider(build_opener(NoRedirects, ToLoopback(made)))
    message: Any = a_message(channel="webhook", address="https://ann.example.com/inbox")
    assert provider.send(message) == "0" * 32
    assert received == [("0" * 32, {"subject": "Shipped", "text": "It is on its way"})]
    with pytest.raises(RecipientRefused, match="302"):
        provider.send(message | {"address": "https://ann.example.com/moved"})
    assert len(received) == 2


def test_a_webhook_that_is_to_be_called_twice_is_called_once(
    load: Load,
    context: Any,
    server: tuple[HTTPServer, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, received = server
    loaded = load("notification.call_webhook")
    provider = WebhookProvider(build_opener(NoRedirects, ToLoopback(made)))
    monkeypatch.setattr(loaded, "WebhookProvider", lambda: provider)
    message = a_message(channel="webhook", address="https://ann.example.com/inbox")
    assert loaded.handler(message, context) == loaded.handler(message, context)
    assert len(received) == 1
