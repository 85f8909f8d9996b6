"""The port to the score service, and its adapter over HTTP: one request, one time-out, no retry.

Who retries is whoever called: the state machine's Retriers, or the queue. The service answers

    GET <address>/companies/c-1/score   200 {"companyId": "c-1", "score": 612}   404 unknown

and 429 or 5xx when it cannot answer now. `function:NAME` is the address of a Lambda function with
the same contract: the sandbox's in dev.
"""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Protocol
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from lambdas.environment import ServiceAddress
from lambdas.micro_batch.errors import (
    CompanyUnknown,
    ScoreServiceRefused,
    ScoreServiceUnavailable,
)

TIMEOUT_SECONDS = 5
ANSWER_BYTES_MAX = 10_000
FUNCTION_SCHEME = "function:"


class ScoreService(Protocol):
    def score(self, company_id: str) -> int:
        """300 to 850. Raises the errors of lambdas/micro_batch/errors.py."""


class HttpScoreService:
    def __init__(self, address: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._address = address.rstrip("/")
        self._timeout_seconds = timeout_seconds

    def score(self, company_id: str) -> int:
        url = f"{self._address}/companies/{quote(company_id, safe='')}/score"
        try:
            with urlopen(url, timeout=self._timeout_seconds) as response:
                return score_of(json.loads(response.read(ANSWER_BYTES_MAX)))
        except HTTPError as error:
            error.close()
            if error.code == 404:
                raise CompanyUnknown(company_id) from error
            if error.code != 429 and error.code < 500:
                raise ScoreServiceRefused(f"{url} answered {error.code}") from error
            raise ScoreServiceUnavailable(f"{url} answered {error.code}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise ScoreServiceUnavailable(f"{url}: {error}") from error


def score_of(answer: object) -> int:
    """The score in an answer; being another party, the service may answer anything."""
    match answer:
        case {"score": int(score)}:
            return score
        case _:
            raise ScoreServiceUnavailable(f"the score service answered {json.dumps(answer)}")


def score_service(address: ServiceAddress) -> ScoreService:
    """The service at an address: https://HOST/PATH or function:NAME."""
    if address.startswith(FUNCTION_SCHEME):
        # Only where it is needed: boto3 takes longer to import than a score takes.
        from lambdas.micro_batch.logic.score_function import FunctionScoreService

        return FunctionScoreService(address.removeprefix(FUNCTION_SCHEME))
    return HttpScoreService(address)
