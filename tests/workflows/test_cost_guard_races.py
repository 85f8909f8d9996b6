"""The cost guard while others turn the same switches, and where what it watches is gone.

AWS offers no condition on these calls, so the guard looks again right before each of them:
https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DisableRule.html
"""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.ports import Json
from sfnlocal.testing import Failure, LocalApp, Run
from tests.workflows.switches import (
    after,
    concurrency,
    count_starts,
    described,
    is_on,
    set_concurrency,
)

TARGET = "Normalize"


@pytest.fixture
def app(sfn: LocalApp) -> LocalApp:
    sfn.pause_schedules()
    count_starts(sfn, TARGET, 20_001)
    return sfn


@pytest.fixture
def told(app: LocalApp) -> list[dict[str, str]]:
    """What people were told."""
    found: list[dict[str, str]] = []

    def listen(service: str, operation: str, params: Json, _response: Json) -> None:
        if (service, operation) == ("sns", "Publish"):
            found.append(params)

    app.session.aws.observe(listen)
    return found


def guard(app: LocalApp, **asked: Any) -> Run:
    return app.run("CostGuard", asked)


def restore(app: LocalApp) -> Run:
    return guard(app, action="RESTORE", target=TARGET)


def outcomes(run: Run) -> dict[str, str]:
    return {one["target"]: one["outcome"] for one in run.output["targets"]}


def test_what_somebody_changes_meanwhile_is_what_comes_back(app: LocalApp) -> None:
    set_concurrency(app, TARGET, 7)
    # Its second look is the one before the first switch.
    after(
        app,
        "UpdateEventSourceMapping",
        lambda _: set_concurrency(app, TARGET, 5),
    )
    run = guard(app)
    assert outcomes(run) == {TARGET: "STOPPED"}
    assert run.attempts("ReadStopped") == 2
    assert (is_on(app, TARGET), concurrency(app, TARGET)) == (False, 0)
    restore(app)
    assert (is_on(app, TARGET), concurrency(app, TARGET)) == (True, 5)


def test_who_changes_it_again_and_again_is_left_alone(
    app: LocalApp, told: list[dict[str, str]]
) -> None:
    after(
        app,
        "GetFunctionConcurrency",
        lambda number: set_concurrency(app, TARGET, number),
        times=20,
    )
    run = guard(app)
    assert outcomes(run) == {TARGET: "ABANDONED"}
    assert "but somebody else turns the same switches" in run.output["targets"][0]["reason"]
    assert concurrency(app, TARGET) != 0
    assert [one["Subject"] for one in told] == [f"ABANDONED: {TARGET}"]
    assert app.items("Leases") == []


def test_what_others_have_remembered_meanwhile_is_not_forgotten(app: LocalApp) -> None:
    guard(app)
    [item] = app.items("Stopped")
    theirs = {**item, "stoppedBy": "another"}
    after(
        app,
        "DeleteFunctionConcurrency",
        lambda _: app.put_item("Stopped", theirs),
    )
    assert outcomes(restore(app)) == {TARGET: "ABANDONED"}
    assert [one["stoppedBy"] for one in app.items("Stopped")] == ["another"]


def test_what_others_have_remembered_meanwhile_is_not_overwritten(app: LocalApp) -> None:
    theirs = {"target": TARGET, "stoppedBy": "another", "starter": "ON", "concurrency": 3}
    after(app, "GetFunctionConcurrency", lambda _: app.put_item("Stopped", theirs))
    assert outcomes(guard(app)) == {TARGET: "ABANDONED"}
    assert (is_on(app, TARGET), concurrency(app, TARGET)) == (True, None)
    assert int(app.items("Stopped")[0]["concurrency"]) == 3


def test_a_function_is_stopped_though_its_mapping_is_gone(
    app: LocalApp, told: list[dict[str, str]]
) -> None:
    """Somebody has put another one in its place."""
    uuid = described(app, TARGET)["starterArn"].rpartition(":")[2]
    app.client("lambda").delete_event_source_mapping(UUID=uuid)
    app.advance(minutes=1)
    assert outcomes(guard(app)) == {TARGET: "STOPPED"}
    assert concurrency(app, TARGET) == 0
    assert outcomes(restore(app)) == {TARGET: "RESTORED"}
    assert concurrency(app, TARGET) is None
    assert app.items("Stopped") == []


def test_what_is_gone_is_named_and_people_are_told(
    app: LocalApp, told: list[dict[str, str]]
) -> None:
    count_starts(app, "ViewRecorder", 501)
    arn = described(app, "ViewRecorder")["starterArn"]
    events, name = app.client("events"), arn.rpartition("/")[2]
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    events.remove_targets(Rule=name, Ids=[one["Id"] for one in targets])
    events.delete_rule(Name=name)
    app.client("lambda").delete_function(FunctionName=described(app, TARGET)["function"])
    run = guard(app)
    assert outcomes(run) == {TARGET: "REFUSED", "ViewRecorder": "REFUSED"}
    reason = run.output["targets"][1]["reason"]
    assert f"but there is no {arn} any more" in reason
    assert "the targets are Normalize, Redact, Classify, RecomputeView, ViewRecorder" in reason
    assert [one["Subject"] for one in told] == [f"REFUSED: {TARGET}", "REFUSED: ViewRecorder"]


def test_a_failure_is_written_down_too(app: LocalApp) -> None:
    app.mock("CostGuard", "PutConcurrency", [Failure("Lambda.Broken", "for good")])
    guard(app).assert_failed("Lambda.Broken")
    [entry] = [one for one in app.items("Audit") if one["phase"] == "AFTER"]
    assert '"outcome":"FAILED"' in entry["detail"]
    assert app.items("Leases") == []


def test_a_holder_that_cannot_be_read_is_still_a_holder(app: LocalApp) -> None:
    app.put_item(
        "Leases",
        {"target": f"cost of {TARGET}", "heldBy": "me", "heldUntil": "2027-01-01T00:00:00.000Z"},
    )
    app.mock("CostGuard", "TakeLeaseHolder", [Failure("DynamoDB.Broken", "for good")])
    run = guard(app)
    assert outcomes(run) == {TARGET: "REFUSED"}


def test_what_people_are_told_has_lines(app: LocalApp, told: list[dict[str, str]]) -> None:
    guard(app)
    subject, empty, *lines = told[0]["Message"].split("\n")
    assert (subject, empty) == (f"STOPPED: {TARGET}", "")
    assert [line.partition(":")[0] for line in lines][1] == "What starts it"
    assert lines[-1].startswith("Run: arn:aws:states:")
