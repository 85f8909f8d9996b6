"""What a rule does when it is triggered: it hands its input to each of its targets.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Caller, Json
from sfnlocal.services.aws import Aws
from sfnlocal.triggers.delivery import THROTTLING, Deliveries, Delivery, Outcome
from sfnlocal.triggers.input_transformer import Occasion
from sfnlocal.triggers.rules import Rule, RuleTarget
from sfnlocal.triggers.targets import send, target_refusal

# Takes an event that a rule sends to the bus with this ARN. Raises ApiError.
Forward = Callable[[str, Mapping[str, Json]], str]

_METRICS: Mapping[Outcome, tuple[str, ...]] = {
    "DELIVERED": ("Invocations",),
    "RETRIED": ("Invocations", "RetryInvocationAttempts"),
    "DEAD_LETTERED": ("Invocations", "FailedInvocations", "InvocationsSentToDlq"),
    "DROPPED": ("Invocations", "FailedInvocations"),
}


# A dead letter has EventBridge's own codes; of most, AWS documents no more than the name.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
_CODES: Mapping[str, str] = {
    **dict.fromkeys(THROTTLING, "THROTTLING"),
    **dict.fromkeys(
        (
            "AWS.SimpleQueueService.NonExistentQueue",
            "NotFound",
            "ResourceNotFoundException",
            "StateMachineDoesNotExist",
        ),
        "NO_RESOURCE",
    ),
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException", "AuthorizationError"), "NO_PERMISSIONS"
    ),
    **dict.fromkeys(("InvalidExecutionInput", "InvalidRequestContentException"), "INVALID_JSON"),
}


def dead_letter_code(error: ApiError) -> str:
    other = "INTERNAL_ERROR" if error.http_status >= 500 else "SDK_CLIENT_ERROR"
    return _CODES.get(error.aws_code, other)


class RuleDeliveries:
    def __init__(self, aws: Aws, forward: Forward) -> None:
        self._aws = aws
        self._deliveries = Deliveries(aws)
        self._forward = forward

    def trigger(self, rule: Rule, event: Mapping[str, Json], *, forwarded: bool) -> None:
        """`forwarded`: another bus has sent the event, and it goes to no third one."""
        self._count(rule, "TriggeredRules")
        why = f"{event['source']}: {event['detail-type']}"
        for target in rule.targets.values():
            if is_bus(target.arn) and forwarded:
                self._note(rule, target, why, "an event from another bus goes to no third bus")
            elif refusal := target_refusal(target.arn):
                self._note(rule, target, why, refusal)
            else:
                self._deliver(rule, target, event, why)

    def _note(self, rule: Rule, target: RuleTarget, why: str, error: str) -> None:
        self._aws.timeline.add(rule.arn, why, target.arn, error=error)

    def _deliver(self, rule: Rule, target: RuleTarget, event: Mapping[str, Json], why: str) -> None:
        caller = Caller("events.amazonaws.com", rule.arn, target.role_arn)
        if is_bus(target.arn):
            attempt = self._forwarding(target.arn, event)
        else:
            text = target.input_text(event, Occasion(rule.arn, rule.name, self._aws.now_ms))
            attempt = self._sending(target, text, caller)
        self._deliveries.deliver(
            Delivery(
                attempt,
                caller,
                target.arn,
                why,
                # The event, not what is made of it for the target.
                body=json_text(event),
                retry=target.retry,
                dead_letter_arn=target.dead_letter_arn,
                # The queue's policy lets EventBridge send; the target's role has no part in it.
                # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
                dead_letter_caller=Caller("events.amazonaws.com", rule.arn),
                attributes={"RULE_ARN": rule.arn},
                told=lambda outcome, code: self._told(rule, outcome),
                error_code=dead_letter_code,
            )
        )

    def _forwarding(self, bus_arn: str, event: Mapping[str, Json]) -> Callable[[int], str]:
        return lambda number: self._forward(bus_arn, event)

    def _sending(self, target: RuleTarget, text: str, caller: Caller) -> Callable[[int], str]:
        return lambda number: send(self._aws, target.arn, text, target.given, caller)

    def _told(self, rule: Rule, outcome: Outcome) -> None:
        for name in _METRICS[outcome]:
            self._count(rule, name)

    def _count(self, rule: Rule, name: str) -> None:
        bus = {} if rule.bus_name == "default" else {"EventBusName": rule.bus_name}
        self._aws.metrics.add("AWS/Events", name, {**bus, "RuleName": rule.name}, 1)


def is_bus(target_arn: str) -> bool:
    arn = parse_arn(target_arn)
    return arn.service == "events" and arn.resource.startswith("event-bus/")
