"""Upgrades on the synthesized template: steps, bakes, and the way back.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html
"""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Run
from tests.workflows.shop import an_order, iso
from tests.workflows.versions import (
    BUG,
    alias,
    audited,
    configure,
    deploy,
    deploy_order,
    machine_alias,
    name_of,
    place_live,
    validate,
)

BAKE_S = 300


@pytest.fixture
def sfn(sfn: LocalApp) -> LocalApp:
    sfn.pause_schedules()
    return sfn


def upgrade(app: LocalApp, target: str = "ValidateOrder", **request: Any) -> Run:
    return app.start("Upgrade", {"target": target, "bakeSeconds": BAKE_S, **request})


def test_a_canary_gets_a_share_then_all_then_the_alias(sfn: LocalApp) -> None:
    configure(sfn, "ValidateOrder", LOOK="new")
    run = upgrade(sfn, percent=20)
    sfn.advance(seconds=1)
    assert alias(sfn, "ValidateOrder") == ("1", {"2": 0.2})
    versions = validate(sfn, 50)
    assert 3 <= versions.count("2") <= 20
    sfn.advance(seconds=BAKE_S)
    assert alias(sfn, "ValidateOrder") == ("1", {"2": 1.0})
    assert set(validate(sfn, 5)) == {"2"}
    sfn.advance(seconds=BAKE_S + 1)
    assert alias(sfn, "ValidateOrder") == ("2", {})
    run.assert_succeeded()
    assert run.output["outcome"] == "UPGRADED"
    assert (run.output["from"], run.output["to"], run.output["changes"]) == (
        "1",
        "2",
        ["Environment"],
    )
    [first, second] = run.output["checks"]
    assert (first["percent"], first["newCalls"], first["liveCalls"]) == (
        20,
        versions.count("2"),
        versions.count("1"),
    )
    assert (second["percent"], second["newCalls"], second["liveCalls"]) == (100, 5, 0)
    assert audited(sfn, f"function {name_of(sfn, 'ValidateOrder')}") == {
        ("upgrade", "BEFORE"): 1,
        ("shift", "BEFORE"): 3,
        ("shift", "AFTER"): 3,
        ("upgrade", "AFTER"): 1,
    }
    assert sfn.items("Leases") == []


def test_a_new_version_that_fails_is_taken_back_at_once(sfn: LocalApp) -> None:
    deploy(sfn, "ValidateOrder", BUG)
    run = upgrade(sfn, percent=50)
    sfn.advance(seconds=1)
    validate(sfn, 20)
    sfn.advance(seconds=BAKE_S + 1)
    run.assert_succeeded()
    assert run.output["outcome"] == "ROLLED_BACK"
    assert "the new version fails 100 % of its calls, the live one 0 %" in run.output["reason"]
    assert alias(sfn, "ValidateOrder") == ("1", {})
    assert set(validate(sfn, 5)) == {"1"}


def test_nothing_changed_says_so(sfn: LocalApp) -> None:
    run = sfn.run("Upgrade", {"target": "ValidateOrder"})
    assert run.output["outcome"] == "NOTHING_CHANGED"
    assert alias(sfn, "ValidateOrder") == ("1", {})


# State machines


def test_a_state_machine_goes_the_same_way(sfn: LocalApp) -> None:
    deploy_order(sfn, {"Type": "Succeed"})
    run = upgrade(sfn, "Order", strategy="linear", percent=50)
    sfn.advance(seconds=1)
    assert machine_alias(sfn) == {"1": 50, "2": 50}
    sfn.advance(seconds=BAKE_S)
    assert machine_alias(sfn) == {"1": 0, "2": 100}
    place_live(sfn, an_order("o-1"))
    sfn.advance(seconds=BAKE_S + 1)
    assert machine_alias(sfn) == {"2": 100}
    assert (run.output["outcome"], run.output["changes"]) == ("UPGRADED", ["Revision"])
    assert [one["newCalls"] for one in run.output["checks"]] == [0, 1]
    again = sfn.run("Upgrade", {"target": "Order"})
    assert again.output["outcome"] == "NOTHING_CHANGED"


BROKEN = {"Type": "Fail", "Error": "Broken"}


def test_a_state_machine_whose_executions_fail_is_taken_back(sfn: LocalApp) -> None:
    """Sold out is a good end, and what is live comes to it."""
    deploy_order(sfn, BROKEN)
    run = upgrade(sfn, "Order", percent=50)
    sfn.advance(seconds=1)
    for number in range(20):
        place_live(sfn, an_order(f"o-{number}", shipAt=iso(sfn.now)))
    sfn.advance(seconds=BAKE_S)
    assert run.output["outcome"] == "ROLLED_BACK"
    assert "fails 100 % of its calls, the live one 0 %" in run.output["reason"]
    assert machine_alias(sfn) == {"1": 100}


def test_only_what_is_worse_than_before_counts(sfn: LocalApp) -> None:
    deploy_order(sfn, BROKEN)
    run = upgrade(sfn, "Order", percent=50)
    sfn.advance(seconds=1)
    for number in range(20):
        place_live(sfn, {"orderId": f"o-{number}", "is": "no order"})
    sfn.advance(seconds=2 * BAKE_S)
    [check, _] = run.output["checks"]
    assert check["newErrors"] == check["newCalls"] > 0
    assert check["liveErrors"] == check["liveCalls"] > 0
    assert run.output["outcome"] == "UPGRADED"


# What is refused, and what is only told


def test_a_second_upgrade_is_told_who_is_at_it_until_when(sfn: LocalApp) -> None:
    configure(sfn, "ValidateOrder", LOOK="new")
    first = upgrade(sfn)
    sfn.advance(seconds=1)
    second = upgrade(sfn)
    other = upgrade(sfn, "ReserveStock")
    sfn.advance(seconds=1)
    assert second.output["outcome"] == "REFUSED"
    assert f"is being worked on by {first.arn} until 2026-01-01T02:" in second.output["reason"]
    assert other.output["outcome"] == "NOTHING_CHANGED"
    sfn.advance(seconds=2 * BAKE_S)
    assert first.output["outcome"] == "UPGRADED"


def test_a_dry_run_tells_and_changes_nothing(sfn: LocalApp) -> None:
    configure(sfn, "ValidateOrder", LOOK="new")
    run = sfn.run("Upgrade", {"target": "ValidateOrder", "percent": 30, "dryRun": True})
    assert run.output["outcome"] == "WOULD_UPGRADE"
    assert run.output["reason"] == "the latest would go live in steps of 30, 100 percent"
    assert run.output["changes"] == ["Environment"]
    versions = sfn.client("lambda").list_versions_by_function(
        FunctionName=name_of(sfn, "ValidateOrder")
    )["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1"]


# What goes wrong meanwhile


def test_an_alarm_that_rings_takes_the_version_back(sfn: LocalApp) -> None:
    siren = {
        "AlarmName": "Siren",
        "Namespace": "Shop",
        "MetricName": "Complaints",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }
    cloudwatch = sfn.client("cloudwatch")
    cloudwatch.put_metric_alarm(**siren)
    configure(sfn, "ValidateOrder", LOOK="new")
    run = upgrade(sfn, alarms=["Siren"], bakeSeconds=3600)
    sfn.advance(seconds=400)
    complaint = {"MetricName": "Complaints", "Value": 1}
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[complaint])
    # Not at the end of the hour.
    sfn.advance(seconds=181)
    assert run.output["outcome"] == "ROLLED_BACK"
    assert run.output["reason"] == "these alarms ring: Siren"
    assert alias(sfn, "ValidateOrder") == ("1", {})


def test_an_upgrade_does_not_begin_while_its_alarm_rings(sfn: LocalApp) -> None:
    name = next(
        alarm.name
        for alarm in sfn.app.of_type("AWS::CloudWatch::Alarm")
        if alarm.path.startswith("Orders/Order/Order/Failed")
    )
    sfn.client("cloudwatch").set_alarm_state(
        AlarmName=name, StateValue="ALARM", StateReason="orders fail"
    )
    run = sfn.run("Upgrade", {"target": "ValidateOrder", "alarms": [name]})
    assert run.output["reason"] == f"these alarms ring already: {name}"


def test_who_changes_the_alias_meanwhile_is_left_alone(sfn: LocalApp) -> None:
    configure(sfn, "ValidateOrder", LOOK="new")
    run = upgrade(sfn)
    sfn.advance(seconds=1)
    client, name = sfn.client("lambda"), name_of(sfn, "ValidateOrder")
    client.update_alias(FunctionName=name, Name="live", FunctionVersion="2", RoutingConfig={})
    sfn.advance(seconds=BAKE_S)
    assert run.output["outcome"] == "ABANDONED"
    assert "somebody else changed the alias meanwhile, to {" in run.output["reason"]
    assert alias(sfn, "ValidateOrder") == ("2", {})


def test_an_answer_that_is_lost_is_no_stranger(sfn: LocalApp) -> None:
    configure(sfn, "ValidateOrder", LOOK="new")
    sfn.mock("Upgrade", "Shift", [Lost("Lambda.SdkClientException"), CALL])
    run = upgrade(sfn)
    sfn.advance(seconds=2 * BAKE_S + 60)
    assert run.output["outcome"] == "UPGRADED"


def test_a_technical_failure_takes_the_version_back_and_leaves_a_letter(sfn: LocalApp) -> None:
    configure(sfn, "ValidateOrder", LOOK="new")
    sfn.mock("Upgrade", "CheckAlarms", [Failure("CloudWatch.Broken", "for good")])
    run = upgrade(sfn)
    sfn.advance(seconds=2 * BAKE_S)
    run.assert_failed("CloudWatch.Broken")
    assert alias(sfn, "ValidateOrder") == ("1", {})
    [letter] = sfn.messages("UpgradeDeadLetters")
    assert letter["state"] == "CheckAlarms"
    assert sfn.items("Leases") == []


def test_a_run_that_is_stopped_leaves_a_share_that_the_next_one_takes_up(sfn: LocalApp) -> None:
    configure(sfn, "ValidateOrder", LOOK="new")
    first = upgrade(sfn)
    sfn.advance(seconds=1)
    sfn.session.stop_execution(first.arn)
    assert alias(sfn, "ValidateOrder") == ("1", {"2": 0.1})
    assert upgrade(sfn).execution.status == "RUNNING"
    sfn.advance(hours=2)
    second = upgrade(sfn)
    sfn.advance(seconds=2 * BAKE_S + 2)
    assert (second.output["outcome"], second.output["to"]) == ("UPGRADED", "2")
    assert alias(sfn, "ValidateOrder") == ("2", {})
