"""The source host of the examples: it signs what it sends with the secret that the app has made."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from sfnlocal.testing import LocalApp
from sfnlocal.triggers.http_messages import HttpResponse

API = "ReleaseApi"
PATH = "/webhooks/releases"


def webhook_secret(app: LocalApp) -> bytes:
    client = app.client("secretsmanager")
    listed = client.list_secrets()["SecretList"]
    [found] = [one["ARN"] for one in listed if "WebhookSecret" in one["Name"]]
    return str(client.get_secret_value(SecretId=found)["SecretString"]).encode()


def a_release(app: LocalApp, tag: str = "v1.4.0", **changes: Any) -> dict[str, Any]:
    """The body of a webhook, as much of it as matters here. `changes` are those of `release`."""
    release = {
        "id": 4711,
        "tag_name": tag,
        "published_at": app.now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "body": "## What is new",
        **changes,
    }
    return {
        "action": "published",
        "release": release,
        "repository": {"id": 815, "full_name": "acme/shop"},
        "sender": {"login": "ann"},
    }


def signature(body: bytes, key: bytes) -> str:
    return "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()


def send_webhook(
    app: LocalApp,
    told: object,
    *,
    delivery: str = "d-1",
    event: str = "release",
    key: bytes | None = None,
    **headers: str,
) -> HttpResponse:
    """`told` is a value, or the bytes of the body. `headers` win over those of the host, with
    underscores for hyphens."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    sent = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": delivery,
        "x-hub-signature-256": signature(body, key or webhook_secret(app)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return app.request("POST", PATH, api=API, body=body, headers=sent)
