"""What an occurrence of a schedule becomes: a delivery to its target, and the metrics of it.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from sfnlocal.ports import Caller
from sfnlocal.services.aws import Aws
from sfnlocal.timestamps import instant
from sfnlocal.triggers.delivery import Deliveries, Delivery, Outcome
from sfnlocal.triggers.schedule_definition import ScheduleDefinition
from sfnlocal.triggers.schedule_target import filled_in, hand_over, notification, refused_target

PRINCIPAL = "scheduler.amazonaws.com"

_METRICS: Mapping[Outcome, tuple[str, ...]] = {
    "DELIVERED": (),
    "RETRIED": ("TargetErrorCount",),
    "DEAD_LETTERED": (
        "TargetErrorCount",
        "InvocationDroppedCount",
        "InvocationsSentToDeadLetterCount",
    ),
    "DROPPED": ("TargetErrorCount", "InvocationDroppedCount"),
}


class ScheduledDeliveries:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._deliveries = Deliveries(aws)
        self._ids = random.Random(f"{aws.seed}/scheduler")

    def deliver(self, definition: ScheduleDefinition, arn: str, at_ms: int) -> None:
        """The occurrence of `at_ms`. Each attempt has an id of its own."""
        target = definition.target
        why = f"{definition.expression}, due {instant(at_ms)}"
        if refusal := refused_target(target.arn):
            self._aws.timeline.add(arn, why, target.arn, error=refusal)
            return
        caller = Caller(PRINCIPAL, arn, target.role_arn)
        first_id = self._new_id()

        def attempt(number: int) -> str:
            self._count(definition, "InvocationAttemptCount")
            unique = first_id if number == 1 else self._new_id()
            text = self._input(definition, arn, at_ms, unique, number)
            return hand_over(self._aws, target, text, caller)

        def told(outcome: Outcome, code: str) -> None:
            for metric in _METRICS[outcome]:
                self._count(definition, metric)
            if outcome == "DROPPED" and target.dead_letter_arn is not None:
                self._count(definition, "InvocationsFailedToBeSentToDeadLetterCount")

        delivery = Delivery(
            attempt=attempt,
            caller=caller,
            target_arn=target.arn,
            why=why,
            body=self._input(definition, arn, at_ms, first_id, 1),
            retry=target.retry,
            dead_letter_arn=target.dead_letter_arn,
            attributes={
                "SCHEDULE_ARN": arn,
                "SCHEDULED_TIME": instant(at_ms),
                "EXECUTION_ID": first_id,
                "IS_PAYLOAD_TRUNCATED": "false",
            },
            told=told,
        )
        self._deliveries.deliver(delivery)

    def _input(
        self, definition: ScheduleDefinition, arn: str, at_ms: int, unique: str, number: int
    ) -> str:
        time = instant(at_ms)
        if definition.target.input is None:
            return notification(self._aws.app, arn, unique, time)
        attributes = {
            "schedule-arn": arn,
            "scheduled-time": time,
            "execution-id": unique,
            "attempt-number": str(number),
        }
        return filled_in(definition.target.input, attributes)

    def _new_id(self) -> str:
        return f"{self._ids.getrandbits(64):016x}"

    def _count(self, definition: ScheduleDefinition, metric: str) -> None:
        dimensions = {"ScheduleGroup": definition.group}
        self._aws.metrics.add("AWS/Scheduler", metric, dimensions, 1)
