"""Deliveries to targets: tried, tried again with growing delays, and at last sent to a dead-letter
queue with the reason.

What may succeed later is tried again (a throttled target, a service's own fault); a target that is
not there, or that may not be called, is given up at once. AWS does not tell its delays: ours grow
from a second to eight minutes, so that 185 attempts take the documented day.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError
from sfnlocal.ports import Caller
from sfnlocal.services.aws import Aws
from sfnlocal.triggers.targets import queue_url

_DELAY_MS_MIN = 1_000
THROTTLING = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
        "RequestThrottled",
        "ExecutionLimitExceeded",
        "ProvisionedThroughputExceededException",
        "KMSThrottlingException",
        "KmsThrottled",
    }
)

# What became of an attempt or, at its end, of the delivery.
Outcome: TypeAlias = Literal["DELIVERED", "RETRIED", "DEAD_LETTERED", "DROPPED"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts_max` counts the retries, not the first attempt."""

    attempts_max: int = 185
    age_ms_max: int = 86_400_000
    delay_ms_max: int = 480_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """`attempt(number)` hands over once, from 1, and says what it started; it raises ApiError.
    `body` and `attributes` are what a dead letter has besides the reason, in which the error's code
    is as `error_code` has it; `dead_letter_caller` sends it (without, `caller` does). `told` hears
    of each outcome and the service's code."""

    attempt: Callable[[int], str]
    caller: Caller
    target_arn: str
    why: str
    body: str
    retry: RetryPolicy = RetryPolicy()
    dead_letter_arn: str | None = None
    dead_letter_caller: Caller | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    told: Callable[[Outcome, str], None] = lambda outcome, code: None
    error_code: Callable[[ApiError], str] = lambda error: error.aws_code


class Deliveries:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._rng = random.Random(f"{aws.seed}/deliveries")

    def deliver(self, delivery: Delivery) -> None:
        """At this moment, and outside of the call that goes on now."""
        started_ms = self._aws.now_ms
        self._try_at(started_ms, delivery, 1, started_ms)

    def _try_at(self, at_ms: int, delivery: Delivery, number: int, started_ms: int) -> None:
        self._aws.at(at_ms, lambda: self._try(delivery, number, started_ms))

    def _try(self, delivery: Delivery, number: int, started_ms: int) -> None:
        try:
            started = delivery.attempt(number)
        except ApiError as error:
            self._failed(delivery, number, started_ms, error)
            return
        self._note(delivery, started)
        delivery.told("DELIVERED", "")

    def _failed(self, delivery: Delivery, number: int, started_ms: int, error: ApiError) -> None:
        exhausted = ""
        if _is_retriable(error):
            at_ms = self._aws.now_ms + self._delay_ms(number, delivery.retry.delay_ms_max)
            if number > delivery.retry.attempts_max:
                exhausted = "MaximumRetryAttempts"
            elif at_ms - started_ms > delivery.retry.age_ms_max:
                exhausted = "MaximumEventAgeInSeconds"
            else:
                delivery.told("RETRIED", error.aws_code)
                self._try_at(at_ms, delivery, number + 1, started_ms)
                return
        self._note(delivery, error=f"{error.aws_code}: {error.message}")
        if delivery.dead_letter_arn is None:
            delivery.told("DROPPED", error.aws_code)
            return
        self._dead_letter(delivery, number, error, exhausted)

    def _delay_ms(self, number: int, delay_ms_max: int) -> int:
        longest_ms = min(_DELAY_MS_MIN << min(number - 1, 20), delay_ms_max)
        return longest_ms // 2 + int(self._rng.random() * longest_ms / 2)

    def _dead_letter(
        self, delivery: Delivery, number: int, error: ApiError, exhausted: str
    ) -> None:
        texts = {
            **delivery.attributes,
            "TARGET_ARN": delivery.target_arn,
            "ERROR_CODE": delivery.error_code(error),
            "ERROR_MESSAGE": error.message,
            "EXHAUSTED_RETRY_CONDITION": exhausted,
            "RETRY_ATTEMPTS": str(number - 1) if exhausted else "",
        }
        assert delivery.dead_letter_arn is not None
        params = {
            "QueueUrl": queue_url(parse_arn(delivery.dead_letter_arn)),
            "MessageBody": delivery.body,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": text}
                for name, text in texts.items()
                if text
            },
        }
        caller = delivery.dead_letter_caller or delivery.caller
        try:
            answer = self._aws.call("sqs", "SendMessage", params, caller)
        except ApiError as failure:
            message = f"{failure.aws_code}: {failure.message}"
            self._note(delivery, error=message, target_arn=delivery.dead_letter_arn)
            delivery.told("DROPPED", error.aws_code)
            return
        self._note(delivery, answer["MessageId"], target_arn=delivery.dead_letter_arn)
        delivery.told("DEAD_LETTERED", error.aws_code)

    def _note(
        self, delivery: Delivery, started: str = "", error: str = "", target_arn: str = ""
    ) -> None:
        target_arn = target_arn or delivery.target_arn
        source_arn = delivery.caller.source_arn
        self._aws.timeline.add(source_arn, delivery.why, target_arn, started, error)


def _is_retriable(error: ApiError) -> bool:
    return error.http_status >= 500 or error.aws_code in THROTTLING
