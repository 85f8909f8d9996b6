"""A POST to the recipient's https address. The header Idempotency-Key is the notification's id, by
which the other side knows a second delivery; redirects are not followed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from lambdas.notification.errors import ProviderUnavailable, RecipientRefused

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

    from lambdas.notification.payloads import SendEvent

TIMEOUT_S = 6
# Slow down, and come back later.
TRY_AGAIN = frozenset({408, 425, 429})


class NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class WebhookProvider:
    def __init__(self, opener: OpenerDirector | None = None) -> None:
        self._opener = opener or build_opener(NoRedirects)

    def send(self, message: SendEvent) -> str:
        if not message["address"].startswith("https://"):
            raise RecipientRefused("only https addresses are called")
        request = Request(
            message["address"],
            data=json.dumps({"subject": message["subject"], "text": message["text"]}).encode(),
            headers={
                "content-type": "application/json",
                "idempotency-key": message["notificationId"],
            },
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_S):
                return message["notificationId"]
        except HTTPError as error:
            if error.code >= 500 or error.code in TRY_AGAIN:
                raise ProviderUnavailable(f"the webhook answered {error.code}") from error
            raise RecipientRefused(f"the webhook answered {error.code}") from error
        except (URLError, TimeoutError) as error:
            raise ProviderUnavailable(f"the webhook did not answer: {error}") from error
