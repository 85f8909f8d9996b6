"""What schedules, rules, pipes and subscriptions will call is checked when the app is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import InputError
from tests.sfnlocal.proof.iam.apps import (
    MACHINE_ARN,
    QUEUE_ARN,
    allow,
    machine,
    opened,
    queue,
    queue_policy,
    role,
    role_arn,
)

TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:news"
PASS = {"Done": {"Type": "Succeed"}}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


SCHEDULE = resource(
    "Scheduler::Schedule",
    ScheduleExpression="rate(1 day)",
    FlexibleTimeWindow={"Mode": "OFF"},
    Target={"Arn": MACHINE_ARN, "RoleArn": role_arn("caller")},
)
RULE = resource(
    "Events::Rule",
    EventPattern={"source": ["shop"]},
    Targets=[{"Id": "a", "Arn": MACHINE_ARN, "RoleArn": role_arn("caller")}],
)
RULE_TO_QUEUE = resource(
    "Events::Rule", EventPattern={"source": ["shop"]}, Targets=[{"Id": "a", "Arn": QUEUE_ARN}]
)
PIPE = resource(
    "Pipes::Pipe",
    Source=QUEUE_ARN,
    Target=MACHINE_ARN,
    RoleArn=role_arn("caller"),
    TargetParameters={"StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"}},
)
WAITING_PIPE = resource(
    "Pipes::Pipe", Source=QUEUE_ARN, Target=MACHINE_ARN, RoleArn=role_arn("caller")
)
SUBSCRIPTION = resource("SNS::Subscription", TopicArn=TOPIC_ARN, Protocol="sqs", Endpoint=QUEUE_ARN)

STARTS = allow("states:StartExecution", MACHINE_ARN)
CASES = [
    ("scheduler", SCHEDULE, STARTS, "states:StartExecution", "m.grant_start_execution"),
    ("events", RULE, STARTS, "states:StartExecution", "m.grant_start_execution"),
    ("pipes", PIPE, STARTS, "states:StartExecution", "m.grant_start_execution"),
    (
        "pipes",
        WAITING_PIPE,
        allow("states:StartSyncExecution", MACHINE_ARN),
        "states:StartSyncExecution",
        "m.grant_start_sync_execution",
    ),
    ("events", RULE_TO_QUEUE, None, "sqs:SendMessage", "q."),
    ("sns", SUBSCRIPTION, None, "sqs:SendMessage", "q."),
]


def app_of(service: str, trigger: dict[str, Any], *statements: Any) -> dict[str, Any]:
    """`statements` are the caller's; of a service without a role they are the queue's."""
    express = {"StateMachineType": "EXPRESS"} if trigger is WAITING_PIPE else {}
    by_queue = [one for one in statements if one and "Principal" in one]
    polls = allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], QUEUE_ARN)
    own = [polls, *(one for one in statements if one and "Principal" not in one)]
    return {
        "Q": queue(),
        "News": resource("SNS::Topic", TopicName="news"),
        "R": role("machine", "states"),
        "M": machine(PASS, **express),
        "Caller": role("caller", service, *own),
        "Trigger": trigger,
        **({"P": queue_policy(*by_queue)} if by_queue else {}),
    }


@pytest.mark.parametrize(("service", "trigger", "statement", "action", "grant"), CASES)
def test_a_target_that_may_not_be_called_is_told_with_the_grant(
    tmp_path: Path,
    service: str,
    trigger: dict[str, Any],
    statement: Any,
    action: str,
    grant: str,
) -> None:
    with pytest.raises(InputError) as refused, opened(tmp_path, app_of(service, trigger)):
        pass
    assert refused.value.where.endswith("/Resources/Trigger")
    assert f"it may not call its target: User: {_user(statement)}" in refused.value.message
    assert action in refused.value.message
    assert grant in refused.value.hint


def _user(statement: Any) -> str:
    return "arn:aws:sts::" if statement else ""


@pytest.mark.parametrize(("service", "trigger", "statement", "action", "grant"), CASES)
def test_a_target_that_may_be_called_lets_the_app_load(
    tmp_path: Path,
    service: str,
    trigger: dict[str, Any],
    statement: Any,
    action: str,
    grant: str,
) -> None:
    by_service = {**allow(action, QUEUE_ARN), "Principal": {"Service": f"{service}.amazonaws.com"}}
    with opened(tmp_path, app_of(service, trigger, statement or by_service)) as app:
        assert app.iam is not None
        assert app.iam.refusals == []


def test_a_target_of_another_account_is_not_judged(tmp_path: Path) -> None:
    theirs = resource(
        "Events::Rule",
        EventPattern={"source": ["shop"]},
        Targets=[{"Id": "a", "Arn": "arn:aws:sqs:us-east-1:999999999999:theirs"}],
    )
    with opened(tmp_path, app_of("events", theirs)) as app:
        assert app.iam is not None
        assert app.iam.refusals == []
