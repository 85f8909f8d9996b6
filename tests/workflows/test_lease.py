"""The lease and the audit as building blocks: two runs that work on one target, in a small app of
their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_stepfunctions as sfn

from sfnlocal.template import App, load_app
from sfnlocal.testing import CALL, LocalApp, Lost, Run, load
from stacks.control_stack import ControlStack
from stacks.stage import Stage
from tests.workflows.shop import iso_ms
from workflows.audit import Audit
from workflows.jsonata import jsonata
from workflows.lease import Lease
from workflows.machine import standard_machine

TARGET = "'function ' & $states.context.Execution.Input.name"
MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> App:
    """Takes the lease of a function, works on it as long as the input says, gives it back."""
    folder: Path = tmp_path_factory.mktemp("lease")
    root = cdk.App(outdir=str(folder))
    stage = Stage.from_context(root.node)
    control = ControlStack(root, "Control", stage=stage)
    stack = cdk.Stack(root, "Workshop")
    lease = Lease(control.leases, TARGET, cdk.Duration.minutes(30))
    audit = Audit(control.audit, TARGET)

    refused = sfn.Fail.jsonata(
        stack, "Refused", error="TargetIsHeld", cause=jsonata("$string($holder)")
    )
    take = lease.take(stack, "TakeLease", held=refused)
    tell = audit.before(
        stack,
        "TellBefore",
        action="'WORK'",
        saw="{'minutes': $states.input.minutes}",
        undo="'aws lambda update-alias'",
    )
    work = sfn.Wait.jsonata(
        stack, "Working", time=sfn.WaitTime.seconds(jsonata("$states.input.minutes * 60"))
    )
    renew = lease.renew(stack, "Renew")
    told = audit.after(stack, "TellAfter", action="'WORK'", result="'done'")
    done = sfn.Succeed.jsonata(stack, "Done")
    release = lease.release(stack, "Release", then=done)
    chain = take.next(tell).next(work).next(renew).next(told).next(release)
    standard_machine(
        stack,
        "Work",
        chain=chain,
        time_out=cdk.Duration.hours(2),
        removal_policy=stage.removal_policy,
    )
    root.synth()
    return load_app(folder)


@pytest.fixture
def app(workshop: App) -> Iterator[LocalApp]:
    with load(workshop) as app:
        yield app


def work(app: LocalApp, name: str, minutes: int = 10, *, on: str = "charge") -> Run:
    return app.start("Work", {"name": on, "minutes": minutes, "reason": "a test"}, name)


def entries(app: LocalApp) -> list[dict[str, Any]]:
    return sorted(app.items("Audit"), key=lambda entry: str(entry["entry"]))


def test_the_second_on_a_target_is_told_who_holds_it_until_when(app: LocalApp) -> None:
    first = work(app, "first")
    app.advance(minutes=1)
    began_ms = app.session.now_ms - MINUTE_MS
    second = work(app, "second")
    other = work(app, "other", on="reserve")
    app.advance(seconds=1)
    execution = second.assert_failed("TargetIsHeld").execution
    [item] = [one for one in app.items("Leases") if one["target"] == "function charge"]
    assert item["heldBy"] == first.arn
    assert item["heldUntil"] == iso_ms(began_ms + 30 * MINUTE_MS)
    for part in ("function charge", first.arn, item["heldUntil"]):
        assert part in str(execution.cause)
    app.run_until_idle()
    first.assert_succeeded()
    other.assert_succeeded()
    assert app.items("Leases") == []
    app.run("Work", {"name": "charge", "minutes": 1}, "third").assert_succeeded()


@pytest.mark.parametrize("state", ["TakeLease", "Renew", "Release"])
def test_a_lost_answer_changes_nothing(app: LocalApp, state: str) -> None:
    app.mock("Work", state, [Lost("DynamoDB.SdkClientException"), CALL])
    run = app.run("Work", {"name": "charge", "minutes": 1}, "first").assert_succeeded()
    assert run.attempts(state) == 2
    assert app.items("Leases") == []


def test_a_run_that_was_stopped_holds_its_target_until_the_lease_is_over(app: LocalApp) -> None:
    first = work(app, "first")
    app.advance(minutes=5)
    app.session.stop_execution(first.arn, "Stopped", "by hand")
    app.advance(minutes=24)
    work(app, "second")
    app.advance(minutes=1, seconds=1)
    third = work(app, "third")
    app.run_until_idle()
    assert [run.status for run in app.executions()] == ["ABORTED", "FAILED", "SUCCEEDED"]
    third.assert_succeeded()


def test_who_has_outlived_its_lease_finds_out_before_it_acts(app: LocalApp) -> None:
    slow = work(app, "slow", 60)
    app.advance(minutes=40)
    fast = work(app, "fast", 30)
    app.run_until_idle()
    slow.assert_failed("DynamoDB.ConditionalCheckFailedException")
    fast.assert_succeeded()


def test_a_lease_that_is_over_and_that_nobody_took_goes_on(app: LocalApp) -> None:
    app.run("Work", {"name": "charge", "minutes": 60}, "slow").assert_succeeded()


def test_who_works_tells_before_and_after(app: LocalApp) -> None:
    app.mock("Work", "TellBefore", [Lost("DynamoDB.SdkClientException"), CALL])
    run = app.run("Work", {"name": "charge", "minutes": 1, "reason": "r", "startedBy": "ann"}, "w")
    before, after = entries(app)
    assert before["phase"] == "BEFORE"
    assert after["phase"] == "AFTER"
    for entry in (before, after):
        assert entry["target"] == "function charge"
        assert entry["action"] == "WORK"
        assert entry["executionArn"] == run.arn
        assert (entry["startedBy"], entry["reason"]) == ("ann", "r")
    assert before["detail"] == '{"minutes":1}'
    assert before["undo"] == "aws lambda update-alias"
    assert after["detail"] == "done"
    assert before["at"] < after["at"]
