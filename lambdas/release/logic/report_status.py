"""The source host's API: the status of the commit that a tag names. Telling twice is harmless: the
last status of a context is the commit's.

https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
"""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from lambdas.release.errors import SourceHostRefused, SourceHostUnavailable
from lambdas.release.payloads import StatusEvent, StatusReported

if TYPE_CHECKING:
    from lambdas.environment import ServiceAddress

TIMEOUT_SECONDS = 5
ANSWER_BYTES_MAX = 5_000_000
DESCRIPTION_MAX = 140
CONTEXT = "release-build"


class SourceHost:
    def __init__(
        self, address: ServiceAddress, token: str, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._address = address.rstrip("/")
        self._token = token
        self._timeout_seconds = timeout_seconds

    def report_status(self, event: StatusEvent) -> StatusReported:
        """SourceHostUnavailable, SourceHostRefused."""
        repository = f"/repos/{quote(event['repository'])}"
        commit = self._call("GET", f"{repository}/commits/{quote(event['tag'], safe='')}")["sha"]
        self._call(
            "POST",
            f"{repository}/statuses/{commit}",
            {
                "state": event["state"],
                "description": event["description"][:DESCRIPTION_MAX],
                "context": CONTEXT,
            },
        )
        return StatusReported(commit=commit)

    def _call(self, method: str, path: str, body: object = None) -> Any:
        request = Request(
            f"{self._address}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "accept": "application/vnd.github+json",
                "authorization": f"Bearer {self._token}",
                "content-type": "application/json",
            },
        )
        what = f"{method} {path}"
        try:
            with urlopen(request, timeout=self._timeout_seconds) as response:
                return json.loads(response.read(ANSWER_BYTES_MAX))
        except HTTPError as error:
            error.close()
            if error.code >= 500 or error.code == 429 or _asks_for_a_pause(error):
                raise SourceHostUnavailable(f"{what} answered {error.code}") from error
            raise SourceHostRefused(f"{what} answered {error.code}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise SourceHostUnavailable(f"{what}: {error}") from error


def _asks_for_a_pause(error: HTTPError) -> bool:
    """https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"""
    used_up = error.headers.get("x-ratelimit-remaining") == "0"
    return error.code == 403 and (used_up or "retry-after" in error.headers)
