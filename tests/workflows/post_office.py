"""The notification workflow as its tests, examples and proof see it: recipients, requests,
callbacks, and what became of a notification."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from lambdas.notification.logic.signature import HEADER, signature_of
from sfnlocal.testing import LocalApp
from sfnlocal.triggers.http_messages import HttpResponse
from tests.callers import ask

API = "NotificationApi"
CHANNELS = ("email", "sms", "push", "webhook")
ADDRESSES = {
    "email": "ann@example.com",
    "sms": "+491701234567",
    "push": "arn:aws:sns:us-east-1:123456789012:endpoint/GCM/app/ann",
    "webhook": "https://ann.example.com/inbox",
}
DEAD_LETTERS = tuple(f"{channel.title()}QueueDeadLetters" for channel in CHANNELS)
NIGHT = {"zone": "Europe/Berlin", "start": "22:00", "end": "07:00"}


def add_recipient(
    app: LocalApp,
    *channels: str,
    recipient_id: str = "ann",
    refused: tuple[str, ...] = (),
    **more: Any,
) -> None:
    """One who wants to be reached by these channels, in this order; some do not work."""
    listed = [
        {"channel": one, "address": "refused" if one in refused else ADDRESSES[one]}
        for one in channels
    ]
    app.put_item("Recipients", {"recipientId": recipient_id, "channels": listed, **more})


def a_request(recipient_id: str = "ann", **changes: Any) -> dict[str, Any]:
    return {
        "recipientId": recipient_id,
        "subject": "Shipped",
        "text": "It is on its way",
        **changes,
    }


def post(
    app: LocalApp, body: object, key: str = "k-1", path: str = "/notifications", **options: Any
) -> HttpResponse:
    """`body` is a value, or its JSON."""
    headers = {"idempotency-key": key, **options.pop("headers", {})}
    given = {"body": body} if isinstance(body, str) else {"json": body}
    return ask(app, "POST", path, api=API, headers=headers, **given, **options)


def notify(app: LocalApp, recipient_id: str = "ann", key: str = "k-1") -> str:
    """Ask for a notification; nothing has run yet but the front. Its id."""
    response = post(app, a_request(recipient_id), key)
    assert response.status == 202, response.body
    return str(json.loads(response.body)["notificationId"])


def log(app: LocalApp, notification_id: str) -> dict[str, Any]:
    [item] = [
        one for one in app.items("NotificationLog") if one["notificationId"] == notification_id
    ]
    return item


def state(app: LocalApp, notification_id: str) -> str:
    return str(log(app, notification_id)["state"])


def changes(app: LocalApp, notification_id: str) -> list[str]:
    """Every state that the notification has had."""
    return [change["state"] for change in log(app, notification_id)["changes"]]


def sends(app: LocalApp) -> dict[str, int]:
    """How often each provider was given each message."""
    items = [one for one in app.items("RecordedMessages") if not one["messageId"].startswith("#")]
    return {one["messageId"]: int(one["times"]) for one in items}


def sent_by(app: LocalApp, notification_id: str) -> list[str]:
    """The channels by which it was sent; each once."""
    found = {key: n for key, n in sends(app).items() if key.startswith(notification_id)}
    assert set(found.values()) <= {1}, found
    return [key.rpartition("-")[2] for key in found]


def set_outage(app: LocalApp, channel: str, *, down: bool = True) -> None:
    app.put_item("RecordedMessages", {"messageId": f"#{channel}", "down": down})


def message(notification_id: str, channel: str = "email", *tried: str) -> dict[str, Any]:
    """As it lies in a channel's queue."""
    return {
        "notificationId": notification_id,
        **a_request(),
        "channel": channel,
        "tried": list(tried),
    }


def outcomes(app: LocalApp) -> list[str]:
    """What became of each message, in order; `left` for those that stay in their queue."""
    found = []
    for run in app.executions("Notification"):
        for event in run.events:
            if event["type"] == "SucceedStateExited":
                output = json.loads(event["stateExitedEventDetails"]["output"])
                found.append(output.get("outcome", "left"))
    return found


def schedules(app: LocalApp) -> list[dict[str, Any]]:
    """Those that the workflow has made, and which are not done."""
    client = app.client("scheduler")
    groups = [one["Name"] for one in client.list_schedule_groups()["ScheduleGroups"]]
    found: list[dict[str, Any]] = []
    for group in groups:
        if "PutOff" in group:
            listed = client.list_schedules(GroupName=group)["Schedules"]
            found += [client.get_schedule(GroupName=group, Name=one["Name"]) for one in listed]
    return found


def dead_letters(app: LocalApp) -> list[Any]:
    return [message for queue in DEAD_LETTERS for message in app.messages(queue)]


def iso(app: LocalApp) -> str:
    return (
        datetime.fromtimestamp(app.session.now_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
    )


def an_event(app: LocalApp, notification_id: str, event: str) -> dict[str, str]:
    return {"notificationId": notification_id, "event": event, "at": iso(app)}


def secret(app: LocalApp) -> bytes:
    client = app.client("secretsmanager")
    listed = client.list_secrets()["SecretList"]
    [found] = [one["ARN"] for one in listed if "CallbackSecret" in one["Name"]]
    return str(client.get_secret_value(SecretId=found)["SecretString"]).encode()


def signed(
    app: LocalApp, body: bytes, *, key: bytes | None = None, at_s: int = 0
) -> dict[str, str]:
    """The header that a provider adds, now or at another time."""
    at_s = at_s or app.session.now_ms // 1000
    return {HEADER: f"t={at_s},v1={signature_of(key or secret(app), at_s, body)}"}


def call_back(app: LocalApp, *events: dict[str, str]) -> dict[str, int]:
    """A provider tells what became of notifications. What the route answers."""
    body = json.dumps({"events": events}).encode()
    response = send_callback(app, body, signed(app, body))
    assert response.status == 200, response.body
    answered: dict[str, int] = json.loads(response.body)
    return answered


def send_callback(app: LocalApp, body: bytes, headers: dict[str, str]) -> HttpResponse:
    return app.request("POST", "/callbacks", api=API, body=body, headers=headers)
