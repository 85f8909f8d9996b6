"""What came of an integration: the response, and what the timeline says of it."""

from __future__ import annotations

from dataclasses import dataclass

from sfnlocal.triggers.http_messages import HttpResponse


@dataclass(frozen=True, slots=True)
class Outcome:
    """`started` is the execution's ARN or the id that the service answered, `error` why there is
    none ("" where all is well)."""

    response: HttpResponse
    target_arn: str
    started: str = ""
    error: str = ""
