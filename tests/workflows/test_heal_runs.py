"""Heals on the synthesized template: what starts them, what they do, and when they do nothing.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from sfnlocal.ports import Json
from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Run
from tests.workflows.shop import an_order, iso, stock_up
from tests.workflows.versions import (
    BUG,
    FLAKY,
    alias,
    audited,
    configure,
    deploy,
    go_live,
    name_of,
)

NO_MODULE = "import no_such_module\n"


@pytest.fixture
def ward(sfn_load: Callable[..., AbstractContextManager[LocalApp]]) -> Iterator[LocalApp]:
    with sfn_load() as app:
        app.pause_schedules()
        stock_up(app, "mug")
        yield app


@pytest.fixture
def paged(ward: LocalApp) -> list[str]:
    """The subjects of what people were told."""
    told: list[str] = []

    def listen(service: str, operation: str, params: Json, _response: Json) -> None:
        if (service, operation) == ("sns", "Publish"):
            told.append(params["Subject"])

    ward.session.aws.observe(listen)
    return told


def break_live(app: LocalApp, construct: str, source: str = BUG) -> str:
    deploy(app, construct, source)
    return go_live(app, construct)


def heals(app: LocalApp) -> list[str]:
    return [run.output["outcome"] for run in app.executions("Heal") if run.output]


def heal(app: LocalApp, **asked: Any) -> Run:
    return app.run("Heal", asked)


def order(app: LocalApp, name: str = "o-1", **changes: Any) -> Run:
    shipped = iso(app.now + timedelta(hours=1))
    return app.start("Order", an_order(name, shipAt=shipped, **changes), name)


@pytest.mark.parametrize("function", ["ValidateOrder", "ReserveStock", "ChargePayment"])
@pytest.mark.parametrize("bug", [BUG, NO_MODULE])
def test_the_order_that_ran_into_the_bug_succeeds_in_the_same_execution(
    ward: LocalApp, paged: list[str], function: str, bug: str
) -> None:
    break_live(ward, function, bug)
    run = order(ward)
    ward.advance(minutes=20)
    assert alias(ward, function) == ("1", {})
    assert heals(ward) == ["HEALED"]
    assert paged == [f"HEALED: {function}"]
    ward.advance(hours=2)
    run.assert_succeeded()
    assert run.output["status"] == "COMPLETED"
    assert run.attempts(function) >= 2
    assert ward.messages("OrderDeadLetters") == []
    assert audited(ward, f"function {name_of(ward, function)}") == {
        ("heal", "BEFORE"): 1,
        ("heal", "AFTER"): 1,
    }
    assert ward.items("Leases") == []


def test_what_failed_meanwhile_is_replayed(ward: LocalApp) -> None:
    """An error that is not retried: a refusal that the new version should not give."""
    break_live(
        ward,
        "ReserveStock",
        "class OrderInvalid(Exception): ...\n\n"
        "def handler(event, context):\n    raise OrderInvalid('no')\n",
    )
    failed = order(ward)
    ward.advance(seconds=30)
    failed.assert_failed("OrderInvalid")
    assert heals(ward) == []
    run = heal(ward, target="ReserveStock")
    assert run.output["outcome"] == "HEALED"
    assert "version 2 fails with OrderInvalid: back to version 1" in run.output["reason"]
    ward.advance(hours=2)
    assert {one.execution.name: one.status for one in ward.executions("Order")} == {
        "o-1": "FAILED",
        "o-1-replay-1": "SUCCEEDED",
    }


def test_a_task_that_has_failed_for_good_starts_a_heal(ward: LocalApp) -> None:
    break_live(ward, "ReserveStock")
    for alarm in ward.app.of_type("AWS::CloudWatch::Alarm"):
        if "ReserveStockFaulty" in alarm.path:
            ward.client("cloudwatch").delete_alarms(AlarmNames=[alarm.name])
    run = order(ward)
    ward.advance(minutes=19)
    run.assert_failed("KeyError")
    assert heals(ward) == ["HEALED"]
    assert alias(ward, "ReserveStock") == ("1", {})
    ward.advance(hours=2)
    assert {one.status for one in ward.executions("Order")} == {"FAILED", "SUCCEEDED"}


def test_an_asynchronous_call_that_has_failed_for_good_starts_a_heal(ward: LocalApp) -> None:
    break_live(ward, "ValidateOrder")
    ward.client("lambda").invoke(
        FunctionName=f"{name_of(ward, 'ValidateOrder')}:live",
        InvocationType="Event",
        Payload=json.dumps({"executionArn": "arn", "order": {}}),
    )
    ward.advance(minutes=10)
    assert "HEALED" in heals(ward)
    assert any("FailedCalls" in line for line in ward.timeline().splitlines())


def test_a_version_that_works_is_left_alone(ward: LocalApp, paged: list[str]) -> None:
    configure(ward, "ReserveStock", LOOK="new")
    go_live(ward, "ReserveStock")
    run = heal(ward, target="ReserveStock")
    assert run.output["outcome"] == "HEALTHY"
    assert alias(ward, "ReserveStock") == ("2", {})
    assert paged == []
    assert run.attempts("CallCanary") == 1


def test_no_heal_of_a_shop_whose_shelves_are_empty(ward: LocalApp, paged: list[str]) -> None:
    for number in range(6):
        order(ward, f"o-{number}", lines=[{"sku": "none", "quantity": 1, "unitPriceCents": 1}])
        ward.advance(minutes=1)
    ward.advance(minutes=5)
    assert set(heals(ward)) == {"HEALTHY"}
    assert alias(ward, "ReserveStock") == ("1", {})
    assert paged == []


def test_a_share_of_a_faulty_version_is_taken_away(ward: LocalApp) -> None:
    deploy(ward, "ReserveStock", BUG)
    client, name = ward.client("lambda"), name_of(ward, "ReserveStock")
    client.publish_version(FunctionName=name)
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    client.update_alias(FunctionName=name, Name="live", RoutingConfig=weights)
    assert heal(ward, target="ReserveStock").output["outcome"] == "HEALED"
    assert alias(ward, "ReserveStock") == ("1", {})


def test_versions_that_are_gone_or_faulty_too_are_passed_over(ward: LocalApp) -> None:
    for number in range(3):
        deploy(ward, "ReserveStock", f"{BUG}# {number}\n")
        go_live(ward, "ReserveStock")
    ward.client("lambda").delete_function(FunctionName=name_of(ward, "ReserveStock"), Qualifier="3")
    run = heal(ward, target="ReserveStock")
    assert (run.output["suspect"], run.output["version"]) == ("4", "1")
    assert run.output["changes"] == ["CodeSha256"]


# Where no version works


def only_version(app: LocalApp, source: str) -> None:
    """As if the function had never been anything else."""
    break_live(app, "ReserveStock", source)
    client, name = app.client("lambda"), name_of(app, "ReserveStock")
    client.delete_function(FunctionName=name, Qualifier="1")


def test_without_a_version_that_works_the_same_is_published_again(
    ward: LocalApp, paged: list[str]
) -> None:
    only_version(ward, FLAKY)
    run = heal(ward, target="ReserveStock")
    assert run.output["outcome"] == "HEALED"
    assert "the same again, in new instances" in run.output["reason"]
    assert alias(ward, "ReserveStock") == ("3", {})
    assert paged == ["HEALED: ReserveStock"]


def test_what_does_not_work_in_new_instances_either_is_for_a_person(
    ward: LocalApp, paged: list[str]
) -> None:
    only_version(ward, BUG)
    run = heal(ward, target="ReserveStock")
    assert run.output["outcome"] == "NOT_HEALED"
    assert alias(ward, "ReserveStock") == ("2", {})
    assert paged == ["NOT_HEALED: ReserveStock"]


def test_what_is_latest_is_not_released_by_a_heal(ward: LocalApp, paged: list[str]) -> None:
    only_version(ward, BUG)
    deploy(ward, "ReserveStock", FLAKY)
    assert heal(ward, target="ReserveStock").output["outcome"] == "NOT_HEALED"
    assert alias(ward, "ReserveStock") == ("2", {})
    assert paged == ["NOT_HEALED: ReserveStock"]


# Never too often, never two at once


def test_three_heals_a_day_and_then_a_person(ward: LocalApp, paged: list[str]) -> None:
    break_live(ward, "ReserveStock")
    client, name = ward.client("lambda"), name_of(ward, "ReserveStock")
    for number in range(4):
        # Somebody believes in it.
        client.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
        last = heal(ward, target="ReserveStock")
        if number < 3:
            assert last.output["outcome"] == "HEALED", number
    assert last.output["outcome"] == "OUT_OF_BUDGET"
    assert "it was healed 3 times today already" in last.output["reason"]
    assert alias(ward, "ReserveStock") == ("2", {})
    assert paged[-1] == "OUT_OF_BUDGET: ReserveStock"
    ward.advance(days=1)
    assert heal(ward, target="ReserveStock").output["outcome"] == "HEALED"


def test_two_heals_at_once_and_one_is_told_who_is_at_it(ward: LocalApp) -> None:
    break_live(ward, "ReserveStock")
    first = ward.start("Heal", {"target": "ReserveStock"})
    second = ward.start("Heal", {"target": "ReserveStock"})
    other = ward.start("Heal", {"target": "ValidateOrder"})
    ward.run_until_idle()
    assert first.output["outcome"] == "HEALED"
    assert second.output["outcome"] == "REFUSED"
    assert f"is being worked on by {first.arn} until " in second.output["reason"]
    assert other.output["outcome"] == "HEALTHY"


def test_an_upgrade_and_a_heal_do_not_meet(ward: LocalApp) -> None:
    configure(ward, "ReserveStock", LOOK="new")
    upgrade = ward.start("Upgrade", {"target": "ReserveStock"})
    ward.advance(seconds=1)
    refused = ward.start("Heal", {"target": "ReserveStock"})
    ward.advance(seconds=1)
    assert upgrade.arn in refused.output["reason"]


def test_a_dry_run_tells_and_changes_nothing(ward: LocalApp, paged: list[str]) -> None:
    break_live(ward, "ReserveStock")
    run = heal(ward, target="ReserveStock", dryRun=True)
    assert run.output["outcome"] == "WOULD_HEAL"
    assert run.output["reason"] == "version 2 fails with KeyError: back to version 1"
    assert alias(ward, "ReserveStock") == ("2", {})
    assert ward.items("Budgets") == [] == paged


def test_who_changes_the_alias_meanwhile_is_left_alone(ward: LocalApp, paged: list[str]) -> None:
    break_live(ward, "ReserveStock")
    ward.mock("Heal", "Shift", [Failure("Lambda.PreconditionFailedException")])
    run = heal(ward, target="ReserveStock")
    assert run.output["outcome"] == "ABANDONED"
    assert "somebody else changed the alias meanwhile" in run.output["reason"]
    assert paged == ["ABANDONED: ReserveStock"]


def test_an_answer_that_is_lost_is_no_stranger(ward: LocalApp) -> None:
    break_live(ward, "ReserveStock")
    ward.mock("Heal", "Shift", [Lost("Lambda.SdkClientException"), CALL])
    assert heal(ward, target="ReserveStock").output["outcome"] == "HEALED"


def test_a_heal_that_fails_leaves_a_letter(ward: LocalApp) -> None:
    ward.mock("Heal", "ReadAlias", [Failure("Lambda.Broken", "for good")])
    heal(ward, target="ReserveStock").assert_failed("Lambda.Broken")
    [letter] = ward.messages("UpgradeDeadLetters")
    assert letter["state"] == "ReadAlias"


BAD: Sequence[tuple[dict[str, Any], str]] = (
    ({}, "one of target, alarm, functionArn, executionArn must be given"),
    ({"target": "A", "alarm": "B"}, "one of target, alarm, functionArn, executionArn must be"),
    ({"target": "Basket"}, "there is no Basket; there are ValidateOrder, ReserveStock, Rel"),
    ({"target": 7}, "there is no 7; there are ValidateOrder"),
    ({"alarm": "Siren"}, "there is no Siren; there are ValidateOrder"),
    ({"functionArn": "arn:aws:lambda:x:1:function:f:live"}, "there is no arn:aws:lambda:x:1:func"),
    ({"functionArn": 7}, "there is no 7; there are"),
    ({"target": "ReserveStock", "dry": True}, "there is no field dry; there are target, alarm"),
    ({"target": "ReserveStock", "dryRun": 1}, "dryRun must be true or false"),
)


def test_a_request_is_refused_by_its_field(ward: LocalApp) -> None:
    for asked, problem in BAD:
        run = heal(ward, **asked)
        assert run.output["outcome"] == "REFUSED", asked
        assert problem in run.output["reason"], asked


def test_an_execution_that_failed_elsewhere_is_not_healed(ward: LocalApp) -> None:
    ward.mock("Order", "RecordReceived", [Failure("DynamoDB.Broken")])
    run = order(ward)
    ward.run_until_idle()
    refused = heal(ward, executionArn=run.arn)
    assert "its last failed state RecordReceived calls no function" in refused.output["reason"]
