"""Alarms during an upgrade: one that came and went between two looks counts, and one that only
found its data does not.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
(StateTransitionedTimestamp)
"""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.testing import CALL, Failure, LocalApp, Run
from tests.workflows.versions import alias, configure

BAKE_S = 600


@pytest.fixture
def app(sfn: LocalApp) -> LocalApp:
    sfn.pause_schedules()
    for name in ("Siren", "Bell"):
        sfn.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="Shop",
            MetricName=name,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="ignore",
        )
    configure(sfn, "ValidateOrder", LOOK="new")
    return sfn


def upgrade(app: LocalApp, **more: Any) -> Run:
    return app.start(
        "Upgrade",
        {
            "target": "ValidateOrder",
            "bakeSeconds": BAKE_S,
            "alarms": ["Siren", "Bell"],
            **more,
        },
    )


def turn(app: LocalApp, *states: str, name: str = "Siren") -> None:
    for state in states:
        app.client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue=state, StateReason="a test"
        )


def test_an_alarm_that_rang_between_two_looks_takes_the_version_back(app: LocalApp) -> None:
    turn(app, "OK")
    run = upgrade(app)
    app.advance(seconds=30)
    turn(app, "ALARM", "OK")
    app.advance(seconds=160)
    assert run.output["outcome"] == "ROLLED_BACK"
    assert run.output["reason"] == "these alarms have rung since it began: Siren"
    assert run.output["checks"][-1]["ringing"] == ["Siren"]
    assert alias(app, "ValidateOrder") == ("1", {})


def test_one_that_rang_before_the_upgrade_began_is_past(app: LocalApp) -> None:
    turn(app, "ALARM", "OK")
    app.advance(seconds=1)
    run = upgrade(app)
    app.advance(seconds=2 * BAKE_S + 2)
    assert run.output["outcome"] == "UPGRADED"
    assert run.attempts("ReadAlarmHistory") == 0


def test_one_whose_data_came_and_went_has_not_rung(app: LocalApp) -> None:
    run = upgrade(app)
    app.advance(seconds=30)
    turn(app, "OK", "INSUFFICIENT_DATA", "OK")
    turn(app, "OK", name="Bell")
    app.advance(seconds=2 * BAKE_S + 2)
    assert run.output["outcome"] == "UPGRADED"
    # Two of them moved, and were read at each look after it.
    looks = run.attempts("CheckAlarms")
    assert run.attempts("ReadAlarmHistory") == 2 * looks


def test_a_history_that_cannot_be_read_takes_the_version_back(app: LocalApp) -> None:
    app.mock("Upgrade", "ReadAlarmHistory", [Failure("CloudWatch.Broken", "for good"), CALL])
    run = upgrade(app)
    app.advance(seconds=30)
    turn(app, "OK")
    app.advance(seconds=160)
    run.assert_failed("CloudWatch.Broken")
    assert alias(app, "ValidateOrder") == ("1", {})
