"""Asynchronous invocations: events that functions get later, outside of their sender's call.

An event is tried again one and then two minutes after a function error, and with growing delays
while the function is throttled, until it is too old. Then its record goes to a destination, and
the event itself to the function's dead-letter queue.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from sfnlocal.errors import ApiError
from sfnlocal.jsontext import json_ascii
from sfnlocal.limits import LAMBDA_EVENT_BYTES_MAX
from sfnlocal.ports import Json
from sfnlocal.services.async_records import AsyncEvent, Condition, Records
from sfnlocal.services.function_registry import EventInvokeConfig
from sfnlocal.services.lambda_event_invoke_configs import (
    AGE_SECONDS_MAX,
    RETRIES_MAX,
    EventInvokeConfigs,
)

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

_RETRY_DELAYS_MS = (60_000, 120_000)
_THROTTLED = 429
# AWS tells where these end, not how they grow.
_THROTTLED_DELAY_MS_MIN, _THROTTLED_DELAY_MS_MAX = 1_000, 300_000


class AsyncInvocations:
    """Queues events for the functions of an Aws."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._ids = random.Random(f"{aws.seed}/events")
        self._records = Records(aws)
        self.configs = EventInvokeConfigs(aws.functions.registry, lambda: aws.now_ms)
        self.configs.load(aws.app)

    def send(self, function: str, payload: Json, qualifier: str | None) -> None:
        """Raises ApiError for an unknown function and a large event, UnsupportedError without a
        session."""
        target = self._aws.functions.registry.locate(function, qualifier)
        if len(json_ascii(payload)) > LAMBDA_EVENT_BYTES_MAX:
            limit = f"{LAMBDA_EVENT_BYTES_MAX} bytes for the InvokeFunction operation"
            raise ApiError("RequestTooLargeException", f"Request must be smaller than {limit}", 413)
        request_id = str(uuid.UUID(int=self._ids.getrandbits(128), version=4))
        now_ms = self._aws.now_ms
        self._try_at(now_ms, AsyncEvent(request_id, target, payload, now_ms))

    def _config(self, event: AsyncEvent) -> EventInvokeConfig:
        return self.configs.of(event.target)

    def _try_at(self, at_ms: int, event: AsyncEvent) -> None:
        """An event that is too old by then is given up as soon as it is."""
        age_seconds = self._config(event).age_seconds_max or AGE_SECONDS_MAX
        too_old_ms = event.sent_ms + age_seconds * 1000
        if at_ms > too_old_ms:
            self._aws.at(too_old_ms, lambda: self._give_up(event, "EventAgeExceeded"))
        else:
            self._aws.at(at_ms, lambda: self._try(event))

    def _try(self, event: AsyncEvent) -> None:
        if event.target.deployed.reserved_concurrency == 0:
            self._give_up(event, "ZeroReservedConcurrency")
            return
        began_ms, event = self._aws.now_ms, replace(event, attempts=event.attempts + 1)
        try:
            answer = self._aws.functions.invoke(
                event.target.arn, event.payload, now_ms=began_ms, request_id=event.request_id
            )
        except ApiError as error:
            self._refused(replace(event, refusal=error), error)
            return
        ended_ms = began_ms + answer.elapsed_ms
        event = replace(event, answer=answer, refusal=None, throttles=0)
        if answer.function_error is None:
            self._aws.at(ended_ms, lambda: self._records.succeeded(event, self._config(event)))
        elif event.errors < self._retries_max(event):
            again_ms = ended_ms + _RETRY_DELAYS_MS[event.errors]
            self._try_at(again_ms, replace(event, errors=event.errors + 1))
        else:
            self._aws.at(ended_ms, lambda: self._give_up(event, "RetriesExhausted"))

    def _retries_max(self, event: AsyncEvent) -> int:
        retries_max = self._config(event).retries_max
        return RETRIES_MAX if retries_max is None else retries_max

    def _refused(self, event: AsyncEvent, error: ApiError) -> None:
        """Throttled, or the function has been deleted since."""
        if error.http_status != _THROTTLED:
            self._records.dropped(event)
            return
        delay_ms = min(_THROTTLED_DELAY_MS_MIN << event.throttles, _THROTTLED_DELAY_MS_MAX)
        self._try_at(self._aws.now_ms + delay_ms, replace(event, throttles=event.throttles + 1))

    def _give_up(self, event: AsyncEvent, condition: Condition) -> None:
        self._records.failed(event, condition, self._config(event))
