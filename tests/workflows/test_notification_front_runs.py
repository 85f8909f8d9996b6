"""Notifications over HTTP: who may ask for them, what is refused, which callbacks are believed.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
(answers 200 with `Failed`)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sfnlocal.errors import ApiError, LostAnswerError, SfnLocalError
from sfnlocal.ports import ServiceCall
from sfnlocal.testing import LocalApp
from tests.callers import token, trust_issuer
from tests.workflows.post_office import (
    API,
    a_request,
    add_recipient,
    an_event,
    call_back,
    dead_letters,
    log,
    notify,
    post,
    secret,
    send_callback,
    sends,
    sent_by,
    signed,
    state,
)

BATCH = "/notifications/batch"


class Accident:
    """Hits one operation once a call of it has the text in it: before it works, or after."""

    def __init__(self, operation: str, text: str, error: SfnLocalError) -> None:
        self.operation, self.text, self.error = operation, text, error
        self.over = False

    def before(self, call: ServiceCall) -> None:
        if not isinstance(self.error, LostAnswerError):
            self._hit(call)

    def after(self, call: ServiceCall) -> None:
        if isinstance(self.error, LostAnswerError):
            self._hit(call)

    def _hit(self, call: ServiceCall) -> None:
        if not self.over and call.operation == self.operation and self.text in str(call.params):
            raise self.error


@pytest.fixture
def office(sfn: LocalApp) -> LocalApp:
    sfn.pause_schedules()
    trust_issuer(sfn)
    add_recipient(sfn, "email")
    return sfn


@pytest.fixture
def accident(office: LocalApp) -> Iterator[Any]:
    """Makes one happen; until `over`."""
    made: list[Accident] = []

    def happen(operation: str, text: str, error: SfnLocalError) -> Accident:
        made.append(Accident(operation, text, error))
        office.session.aws.add_gate(made[-1])
        return made[-1]

    yield happen
    for one in made:
        one.over = True


def nothing_has_come_in(office: LocalApp) -> None:
    office.run_until_idle()
    assert office.items("NotificationLog") == []
    assert office.items("NotificationRequests") == []
    assert sends(office) == {}
    assert dead_letters(office) == []


# Who may ask


@pytest.mark.parametrize("path", ["/notifications", BATCH])
@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "somebody else's"},
        {"exp": 1},
        {"iss": "https://issuer.example.com"},
        {"client_id": "another-app"},
    ],
    ids=["wrong-key", "expired", "foreign-issuer", "other-audience"],
)
def test_a_token_that_is_not_good_is_unauthorized(
    office: LocalApp, path: str, wrong: dict[str, Any]
) -> None:
    headers = {"authorization": f"Bearer {token(office, **wrong)}"}
    assert post(office, a_request(), path=path, headers=headers).status == 401
    nothing_has_come_in(office)


@pytest.mark.parametrize("path", ["/notifications", BATCH])
def test_without_a_token_nobody_is_answered(office: LocalApp, path: str) -> None:
    assert office.request("POST", path, api=API, json=a_request()).status == 401
    nothing_has_come_in(office)


def test_the_same_key_of_another_caller_is_another_notification(office: LocalApp) -> None:
    answers = {post(office, a_request(), caller=caller).body for caller in ("c-1", "c-2")}
    assert len(answers) == 2


# Bad input


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/notifications", {**a_request(), "text": ""}, "body.text"),
        ("/notifications", {**a_request(), "text": "x" * 4001}, "body.text"),
        ("/notifications", {**a_request(), "subject": None}, "body.subject"),
        ("/notifications", {**a_request(), "channel": "email"}, "body"),
        ("/notifications", {"recipientId": "ann"}, "body"),
        ("/notifications", [a_request()], "body"),
        ("/notifications", a_request("nobody"), "recipientId nobody"),
        (BATCH, {"notifications": []}, "body.notifications"),
        (BATCH, {"notifications": [a_request()] * 26}, "body.notifications"),
        (
            BATCH,
            {"notifications": [a_request(), {**a_request(), "recipientId": 7}]},
            "body.notifications[1].recipientId",
        ),
        (BATCH, {"notifications": [a_request(), a_request("nobody")]}, "notification 1"),
    ],
)
def test_what_does_not_fit_is_answered_with_the_fields_path(
    office: LocalApp, path: str, body: object, message: str
) -> None:
    response = post(office, body, path=path)
    assert response.status == 400
    assert message in json.loads(response.body)["message"]
    nothing_has_come_in(office)


def test_a_request_without_a_key_is_refused(office: LocalApp) -> None:
    response = post(office, a_request(), key="")
    assert (response.status, json.loads(response.body)["error"]) == (400, "IdempotencyKeyMissing")
    nothing_has_come_in(office)


def test_a_body_that_is_too_large_or_no_json_is_refused(office: LocalApp) -> None:
    large = {"notifications": [a_request(text="ä" * 4000)] * 33}
    assert post(office, large, path=BATCH).status == 413
    headers = {"idempotency-key": "k-1", "authorization": f"Bearer {token(office)}"}
    response = office.request("POST", "/notifications", api=API, body="{", headers=headers)
    assert (response.status, json.loads(response.body)["error"]) == (400, "BodyNotJson")
    nothing_has_come_in(office)


def test_a_key_that_came_with_another_body_is_refused(office: LocalApp) -> None:
    notify(office)
    assert post(office, a_request(text="other")).status == 422


@pytest.mark.parametrize("letter", ["x", "\U0001f642", "\x01"])
def test_the_largest_messages_of_a_batch_fit_a_run(office: LocalApp, letter: str) -> None:
    body = {"notifications": [a_request(subject="s" * 200, text=letter * 4000)] * 10}
    response = post(office, json.dumps(body, ensure_ascii=False), path=BATCH)
    assert response.status == 202
    office.run_until_idle()
    [run] = office.executions("Notification")
    run.assert_succeeded({"batchItemFailures": []})
    assert len(sends(office)) == 10


# What is lost on the way


@pytest.mark.parametrize(
    ("operation", "text", "error"),
    [
        ("PutItem", "requestId", ApiError("InternalServerError", "", 500)),
        ("PutItem", "notificationId", ApiError("InternalServerError", "", 500)),
        ("PutItem", "notificationId", LostAnswerError("lost")),
        ("SendMessageBatch", "Shipped", ApiError("ServiceUnavailable", "", 503)),
        ("SendMessageBatch", "Shipped", LostAnswerError("lost")),
        ("UpdateItem", "QUEUED", ApiError("InternalServerError", "", 500)),
    ],
)
def test_a_request_that_failed_is_repeated_with_the_same_key(
    office: LocalApp, accident: Any, operation: str, text: str, error: SfnLocalError
) -> None:
    broken = accident(operation, text, error)
    response = post(office, a_request())
    assert response.status == 503
    assert response.headers["retry-after"] == "5"
    office.run_until_idle()
    broken.over = True
    notification = notify(office)
    office.run_until_idle()
    assert sent_by(office, notification) == ["email"]
    assert dead_letters(office) == []


def test_a_repetition_stays_with_the_channel_that_the_log_began_with(
    office: LocalApp, accident: Any
) -> None:
    broken = accident("UpdateItem", "QUEUED", ApiError("InternalServerError", "", 500))
    post(office, a_request())
    add_recipient(office, "sms", "email")
    broken.over = True
    notification = notify(office)
    office.run_until_idle()
    assert sent_by(office, notification) == ["email"]


# Callbacks


def body_of(office: LocalApp, notification: str = "0" * 32, event: str = "delivered") -> bytes:
    return json.dumps({"events": [an_event(office, notification, event)]}).encode()


@pytest.mark.parametrize("header", ["", "t=1", "t=1,v1=xyz", "v1=" + "0" * 64])
def test_a_callback_without_a_signature_is_refused(office: LocalApp, header: str) -> None:
    response = send_callback(office, body_of(office), {"x-callback-signature": header})
    assert (response.status, json.loads(response.body)["error"]) == (401, "SignatureMissing")


def test_a_callback_under_another_key_or_of_another_body_is_refused(office: LocalApp) -> None:
    body = body_of(office)
    for headers in (signed(office, body, key=b"guessed"), signed(office, body + b" ")):
        response = send_callback(office, body, headers)
        assert (response.status, json.loads(response.body)["error"]) == (401, "SignatureWrong")


@pytest.mark.parametrize("off_s", [-301, 301])
def test_a_signature_is_good_for_five_minutes(office: LocalApp, off_s: int) -> None:
    body, now_s = body_of(office), office.session.now_ms // 1000
    response = send_callback(office, body, signed(office, body, at_s=now_s + off_s))
    assert (response.status, json.loads(response.body)["error"]) == (401, "SignatureOld")


def test_a_callback_that_is_played_again_is_refused(office: LocalApp) -> None:
    notification = notify(office)
    office.run_until_idle()
    body = body_of(office, notification)
    headers = signed(office, body)
    assert send_callback(office, body, headers).status == 200
    before = log(office, notification)
    office.advance(minutes=4)
    response = send_callback(office, body, headers)
    assert (response.status, json.loads(response.body)["error"]) == (409, "SignatureUsed")
    assert log(office, notification) == before


def test_a_callback_that_could_not_be_recorded_may_come_again(
    office: LocalApp, accident: Any
) -> None:
    notification = notify(office)
    office.run_until_idle()
    body = body_of(office, notification)
    headers = signed(office, body)
    broken = accident("UpdateItem", "delivered", ApiError("InternalServerError", "", 500))
    assert send_callback(office, body, headers).status == 503
    broken.over = True
    assert send_callback(office, body, headers).status == 200
    assert state(office, notification) == "delivered"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event": "sent"}, "body.events[0].event"),
        ({"notificationId": "o-1"}, "body.events[0].notificationId"),
        ({"at": "yesterday"}, "body.events[0].at"),
        ({"more": 1}, "body.events[0]"),
    ],
)
def test_events_that_do_not_fit_are_answered_with_the_fields_path(
    office: LocalApp, change: dict[str, Any], field: str
) -> None:
    body = json.dumps({"events": [{**an_event(office, "0" * 32, "opened"), **change}]}).encode()
    response = send_callback(office, body, signed(office, body))
    assert response.status == 400
    assert field in json.loads(response.body)["message"]


def test_a_callback_that_is_too_large_is_refused(office: LocalApp) -> None:
    body = b" " * 70_000
    assert send_callback(office, body, signed(office, body)).status == 413


def test_another_secret_counts_within_five_minutes(office: LocalApp) -> None:
    """A function that is warm keeps the secret for so long, and then asks for it again."""
    body = body_of(office)
    assert send_callback(office, body, signed(office, body)).status == 200
    before = secret(office)
    secrets = office.client("secretsmanager")
    [found] = [one for one in secrets.list_secrets()["SecretList"] if "Callback" in one["Name"]]
    secrets.put_secret_value(SecretId=found["ARN"], SecretString="another")
    office.advance(minutes=5)
    refused = send_callback(office, body, signed(office, body, key=before))
    assert (refused.status, json.loads(refused.body)["error"]) == (401, "SignatureWrong")
    assert send_callback(office, body, signed(office, body)).status == 200


def test_events_of_notifications_that_nobody_knows_are_ignored(office: LocalApp) -> None:
    assert call_back(office, an_event(office, "0" * 32, "opened")) == {"recorded": 0, "ignored": 1}
    unsubscribed = an_event(office, "1" * 32, "unsubscribed")
    assert call_back(office, unsubscribed) == {"recorded": 0, "ignored": 1}
    assert office.items("NotificationLog") == []


def test_who_unsubscribes_twice_has_unsubscribed(office: LocalApp) -> None:
    notification = notify(office)
    office.run_until_idle()
    event = an_event(office, notification, "unsubscribed")
    assert call_back(office, event) == {"recorded": 1, "ignored": 0}
    office.advance(seconds=1)
    assert call_back(office, event) == {"recorded": 0, "ignored": 1}
    [recipient] = office.items("Recipients")
    assert recipient["optedOut"] == {"email"}


def test_callbacks_are_throttled_by_themselves(office: LocalApp) -> None:
    statuses = [send_callback(office, b"{}", {}).status for _ in range(60)]
    assert set(statuses) == {401, 429}
    assert post(office, a_request()).status == 202
