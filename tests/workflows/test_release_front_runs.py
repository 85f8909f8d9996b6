"""The webhook of release builds: who is believed, what is refused, and that nothing comes in then.

Sources: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from examples.webhooks import a_release, send_webhook, signature, webhook_secret
from sfnlocal.template import App
from sfnlocal.testing import LocalApp, load


@pytest.fixture(scope="module")
def closed_office(sfn_app: App) -> Iterator[LocalApp]:
    """One for all tests in which nothing comes in."""
    with load(sfn_app) as app:
        app.pause_schedules()
        yield app


@pytest.fixture
def door(closed_office: LocalApp) -> LocalApp:
    """Some time after the last request: requests are throttled."""
    closed_office.advance(seconds=20)
    return closed_office


def nothing_has_come_in(app: LocalApp) -> None:
    app.run_until_idle()
    assert app.executions() == []
    assert app.messages("ReleaseBufferQueue") == []
    assert app.items("ReleaseDeliveries") == []


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"x_hub_signature_256": ""}, "SignatureMissing"),
        ({"x_hub_signature_256": "sha256=" + "0" * 64}, "SignatureWrong"),
        ({"x_hub_signature_256": "sha256=" + "0" * 63}, "SignatureMissing"),
        ({"x_hub_signature_256": "sha1=" + "0" * 40}, "SignatureMissing"),
    ],
)
def test_what_is_not_signed_is_unauthorized(
    door: LocalApp, headers: dict[str, Any], error: str
) -> None:
    answered = send_webhook(door, a_release(door), **headers)
    assert (answered.status, answered.json["error"]) == (401, error)
    nothing_has_come_in(door)


def test_another_secret_signs_nothing(door: LocalApp) -> None:
    answered = send_webhook(door, a_release(door), key=b"somebody else's")
    assert (answered.status, answered.json["error"]) == (401, "SignatureWrong")
    nothing_has_come_in(door)


def test_a_body_that_was_changed_is_not_the_signed_one(door: LocalApp) -> None:
    body = json.dumps(a_release(door)).encode()
    signed = signature(body, webhook_secret(door))
    changed = body.replace(b"v1.4.0", b"v6.6.6")
    assert len(changed) == len(body)
    answered = send_webhook(door, changed, x_hub_signature_256=signed)
    assert (answered.status, answered.json["error"]) == (401, "SignatureWrong")
    # A space more, which JSON would not show.
    assert send_webhook(door, body + b" ", x_hub_signature_256=signed).status == 401
    nothing_has_come_in(door)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"release": None}, "ReleaseInvalid", "body.release"),
        ({"release": {"id": 1, "published_at": None}}, "ReleaseInvalid", "body.release"),
        ({"repository": {"id": 1, "full_name": "shop"}}, "ReleaseInvalid", "full_name"),
        ({"action": 7}, "ReleaseInvalid", "body.action"),
    ],
)
def test_what_does_not_fit_is_answered_with_the_fields_path(
    door: LocalApp, changes: dict[str, Any], error: str, message: str
) -> None:
    answered = send_webhook(door, {**a_release(door), **changes})
    assert (answered.status, answered.json["error"]) == (400, error)
    assert message in answered.json["message"]
    nothing_has_come_in(door)


@pytest.mark.parametrize(
    "published_at",
    [None, "2025-12-01T00:00:00Z", "2026-02-01T00:00:00Z"],
)
def test_a_release_that_is_not_of_these_days_is_refused(
    door: LocalApp, published_at: str | None
) -> None:
    answered = send_webhook(door, a_release(door, published_at=published_at))
    assert (answered.status, answered.json["error"]) == (400, "ReleaseNotNew")
    nothing_has_come_in(door)


def test_a_signed_body_that_is_no_json_is_refused(door: LocalApp) -> None:
    answered = send_webhook(door, b"payload=%7B%7D")
    assert (answered.status, answered.json["error"]) == (400, "BodyNotJson")
    nothing_has_come_in(door)


def test_a_delivery_without_its_id_is_refused(door: LocalApp) -> None:
    answered = send_webhook(door, a_release(door), x_github_delivery="")
    assert (answered.status, answered.json["error"]) == (400, "DeliveryIdMissing")
    nothing_has_come_in(door)


def test_a_body_that_is_too_large_is_refused_unread(door: LocalApp) -> None:
    large = a_release(door, body="x" * 262_144)
    answered = send_webhook(door, large, x_hub_signature_256="")
    assert (answered.status, answered.json["error"]) == (413, "BodyTooLarge")
    nothing_has_come_in(door)


def test_what_else_the_host_tells_is_ignored(door: LocalApp) -> None:
    ping = send_webhook(door, {"zen": "Keep it simple"}, event="ping")
    assert (ping.status, ping.json) == (200, {"ignored": "event ping"})
    deleted = send_webhook(door, {**a_release(door), "action": "deleted"})
    assert (deleted.status, deleted.json) == (200, {"ignored": "action deleted"})
    nothing_has_come_in(door)


def test_the_public_route_is_throttled_by_itself(door: LocalApp) -> None:
    release = a_release(door)
    answers = [send_webhook(door, release, key=b"guessed").status for _ in range(40)]
    assert set(answers) == {401, 429}
