"""Redrives in a session: what may be redriven, Map Runs, nested executions, what is kept for it.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.redrive import redrive_status
from sfnlocal.driver.status_changes import status_detail
from sfnlocal.errors import ApiError
from sfnlocal.history import api_events
from sfnlocal.interpreter import Execution
from sfnlocal.interpreter.map_run import MapRun
from sfnlocal.reports.path import path_taken
from sfnlocal.reports.transitions import state_transitions
from sfnlocal.testing import Failure, LocalApp, Run, Success
from tests.sfnlocal.driver.test_map_runs import EXPORT, app_of, machine, reader

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:work"
WORK: dict[str, Any] = {"Type": "Task", "Resource": FUNCTION, "End": True}
WORKS: dict[str, Any] = {"StartAt": "Work", "States": {"Work": WORK}}
SLOW: dict[str, Any] = {
    "StartAt": "Work",
    "States": {
        "Work": {"Type": "Task", "Resource": FUNCTION, "Next": "Rest"},
        "Rest": {"Type": "Wait", "Seconds": 60, "End": True},
    },
}
PATIENT: dict[str, Any] = {
    "StartAt": "Work",
    "States": {
        "Work": {"Type": "Task", "Resource": FUNCTION, "Next": "Rest"},
        "Rest": {"Type": "Wait", "Seconds": 20 * 24 * 3600, "End": True},
    },
}
THEN_WORK = machine({"ToleratedFailureCount": 1, "Next": "Last"}, WORKS)
THEN_WORK["States"] = {"Each": THEN_WORK["States"]["Each"], "Last": WORK}
MACHINES: dict[str, dict[str, Any]] = {
    "One": WORKS,
    "Resting": {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 9, "End": True}}},
    "Standard": machine({}, WORKS),
    "Express": machine({}, WORKS, "EXPRESS"),
    "Queueing": machine({"MaxConcurrency": 1, "ToleratedFailureCount": 1}, SLOW),
    "Export": machine({"ResultWriter": EXPORT, "MaxConcurrency": 1}, WORKS),
    "Lines": machine({"ItemReader": reader("JSONL"), "MaxConcurrency": 1}, WORKS),
    "Slow": machine({"MaxConcurrency": 2}, SLOW),
    "Patient": machine({"ToleratedFailurePercentage": 100}, PATIENT),
    "Later": THEN_WORK,
    "Batches": machine({"ItemBatcher": {"MaxItemsPerBatch": 2}}, WORKS),
    "Selecting": machine({"ItemSelector": {"a.$": "$.missing"}}, WORKS),
    "Parent": {
        "StartAt": "Child",
        "States": {
            "Child": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {
                    "StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:One"
                },
                "End": True,
            }
        },
    },
}
BOOM = Failure("Boom", "it broke")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[LocalApp]:
    with app_of(tmp_path, MACHINES) as app:
        yield app


def failed(app: LocalApp, name: str, input: Any, *outcomes: Success | Failure) -> Run:
    app.mock(name, "Work", outcomes)
    return app.run(name, input).assert_failed()


def appended(run: Run) -> list[str]:
    """The events from the last redrive on."""
    types = [event["type"] for event in run.events]
    return types[len(types) - 1 - types[::-1].index("ExecutionRedriven") :]


def map_run(app: LocalApp, run: Run) -> MapRun:
    (found,) = app.session.map_runs.of_execution(run.arn)
    return found


def counts(run: MapRun) -> dict[str, int]:
    return {status: count for status, count in run.execution_counts.items() if count}


def refused(app: LocalApp, run: Run) -> str:
    with pytest.raises(ApiError) as refusal:
        app.session.redrive_execution(run.arn)
    assert refusal.value.aws_code == "ExecutionNotRedrivable"
    status, reason = redrive_status(run.execution, app.session.now_ms)
    assert (status, reason) == ("NOT_REDRIVABLE", refusal.value.message)
    return reason


# What may be redriven: the words are those of redriveStatusReason,
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html


def test_an_execution_that_runs_or_succeeded_is_not_redriven(app: LocalApp) -> None:
    run = app.start("Resting", {})
    assert refused(app, run) == "Execution is RUNNING and cannot be redriven"
    app.finish(run)
    assert refused(app, run) == "Execution is SUCCEEDED and cannot be redriven"


def test_two_weeks_after_its_end_an_execution_can_still_be_redriven(app: LocalApp) -> None:
    run = failed(app, "One", {}, BOOM, Success(1))
    app.advance(days=14)
    run.redrive().assert_succeeded(1)


def test_later_than_that_it_cannot(app: LocalApp) -> None:
    run = failed(app, "One", {}, BOOM)
    app.advance(days=14, milliseconds=1)
    assert refused(app, run) == "Execution redrivable period exceeded"


def test_the_period_begins_anew_with_each_end(app: LocalApp) -> None:
    run = failed(app, "One", {}, BOOM, BOOM, Success(1))
    app.advance(days=14)
    run.redrive().assert_failed("Boom")
    app.advance(days=14)
    run.redrive().assert_succeeded(1)
    assert run.execution.redrive_count == 2


def test_an_execution_is_not_redriven_a_year_after_its_start(app: LocalApp) -> None:
    run = failed(app, "One", {}, *[BOOM] * 40)
    for _ in range(26):
        app.advance(days=14)
        run.redrive().assert_failed()
    app.advance(days=1)
    assert refused(app, run) == "Execution has exceeded the max execution time"


@pytest.mark.parametrize(("events", "redrivable"), [(24_998, True), (24_999, False)])
def test_a_history_needs_room_for_two_more_events(
    app: LocalApp, events: int, redrivable: bool
) -> None:
    run = failed(app, "One", {}, BOOM)
    history = run.execution.history
    history[:0] = [history[0]] * (events - len(history))
    if redrivable:
        assert redrive_status(run.execution, app.session.now_ms).status == "REDRIVABLE"
    else:
        assert refused(app, run) == "Execution history event limit exceeded"


def test_an_execution_that_was_stopped_or_timed_out_is_redriven(app: LocalApp) -> None:
    run = app.start("Resting", {})
    app.session.stop_execution(run.arn)
    assert run.status == "ABORTED"
    run.redrive().assert_succeeded()
    assert run.execution.stop_ms == app.session.now_ms


def test_the_execution_is_the_same_and_runs_the_same_machine(app: LocalApp) -> None:
    run = failed(app, "One", {"a": 1}, BOOM, Success("new"))
    before = run.execution
    app.advance(hours=1)
    run.redrive().assert_succeeded("new")
    assert app.session.execution(run.arn) is before
    assert before.redrive_ms == before.stop_ms == before.start_ms + 3_600_000
    assert run.visited == ["Work"]
    assert run.attempts("Work") == 2
    (visit,) = path_taken(before)
    assert (visit.outcome, len(visit.attempts)) == ("succeeded", 2)
    # Documented: the redrive itself is a state transition, too.
    assert state_transitions(before) == 3


def test_who_waits_for_the_end_of_an_execution_waits_for_that_of_its_redrive(
    app: LocalApp,
) -> None:
    run = failed(app, "One", {}, BOOM, Success(1))
    app.session.redrive_execution(run.arn)
    seen: list[str] = []
    app.session.on_ended(run.execution, lambda ended: seen.append(ended.status))
    assert seen == []
    app.run_until_idle()
    assert seen == ["SUCCEEDED"]


def test_a_redriven_execution_changes_its_status(
    app: LocalApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = failed(app, "One", {}, BOOM, Success(1))
    seen: list[tuple[str, Any, Any]] = []

    def changed(execution: Execution) -> None:
        detail = status_detail(execution)
        seen.append((detail["status"], detail["redriveCount"], detail["stopDate"]))

    monkeypatch.setattr(app.session.status_changes, "changed", changed)
    run.redrive()
    assert seen == [("RUNNING", 1, None), ("SUCCEEDED", 1, app.session.now_ms)]


# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
def test_redriven_executions_are_counted_beside_all_others(app: LocalApp) -> None:
    failed(app, "One", {}, BOOM, BOOM, Success(1)).redrive().redrive()
    cloudwatch = app.client("cloudwatch")

    def count(name: str) -> float:
        points: list[dict[str, Any]] = cloudwatch.get_metric_statistics(
            Namespace="AWS/States",
            MetricName=name,
            StartTime=app.now - timedelta(hours=1),
            EndTime=app.now + timedelta(hours=1),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        total: float = sum(point["Sum"] for point in points)
        return total

    counts = {
        name: count(name)
        for name in (
            "ExecutionsStarted",
            "ExecutionsRedriven",
            "ExecutionsFailed",
            "RedrivenExecutionsFailed",
            "RedrivenExecutionsSucceeded",
        )
    }
    assert list(counts.values()) == [1, 2, 2, 1, 1]


def test_a_redriven_execution_is_not_forgotten_while_it_runs(tmp_path: Path) -> None:
    with app_of(tmp_path, {"Resting": MACHINES["Resting"]}) as app:
        app.session.keep_ended = 1
        run = app.start("Resting", {})
        app.session.stop_execution(run.arn)
        app.session.redrive_execution(run.arn)
        other = app.start("Resting", {})
        app.session.stop_execution(other.arn)
        assert app.finish(run).status == "SUCCEEDED"
        assert [one.arn for one in app.executions()] == [run.arn]


def test_a_nested_execution_is_started_anew(app: LocalApp) -> None:
    app.mock("One", "Work", [BOOM, Success("second")])
    run = app.run("Parent", {}).assert_failed("States.TaskFailed")
    assert "Redrive" not in (run.cause or "")
    output = run.redrive().assert_succeeded().output
    assert output["Output"] == "second"
    assert [one.status for one in app.executions("One")] == ["FAILED", "SUCCEEDED"]


# Map Runs


def test_a_map_run_runs_its_failed_standard_children_again(app: LocalApp) -> None:
    run = failed(app, "Standard", [1, 2, 3], Success("a"), BOOM, Success("c"), Success("b"))
    before = map_run(app, run)
    children = {one.arn: one for one in app.session.map_runs.children(before)}
    assert counts(before) == {"SUCCEEDED": 2, "FAILED": 1}
    app.advance(minutes=1)
    run.redrive().assert_succeeded(["a", "b", "c"])
    assert appended(run) == [
        "ExecutionRedriven",
        "MapRunRedriven",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    details = next(e for e in run.events if e["type"] == "MapRunRedriven")
    again = map_run(app, run)
    assert details["mapRunRedrivenEventDetails"] == {"mapRunArn": again.arn, "redriveCount": 1}
    assert (again.status, again.redrive_count) == ("SUCCEEDED", 1)
    assert again.redrive_ms == again.start_ms + 60_000
    assert counts(again) == {"SUCCEEDED": 3}
    assert {one.arn: one for one in app.session.map_runs.children(again)} == children
    assert sorted(child.redrive_count for child in children.values()) == [0, 0, 1]
    path_taken(run.execution)


def test_express_children_are_started_anew_under_their_arn(app: LocalApp) -> None:
    run = failed(app, "Express", [1, 2], Success("a"), BOOM, Success("b"))
    arns = {one.arn for one in app.session.map_runs.children(map_run(app, run))}
    app.advance(minutes=1)
    run.redrive().assert_succeeded(["a", "b"])
    children = list(app.session.map_runs.children(map_run(app, run)))
    assert {one.arn for one in children} == arns
    assert all(one.redrive_count == 0 for one in children)
    again = max(children, key=lambda one: one.start_ms)
    assert next(api_events(again.history))["type"] == "ExecutionStarted"


def test_children_wait_to_be_redriven_as_long_as_no_more_may_run(app: LocalApp) -> None:
    app.mock("Queueing", "Work", [BOOM, BOOM, Success(1)])
    run = app.run("Queueing", ["x", "y", "z"])
    run.assert_failed("States.ExceedToleratedFailureThreshold")
    app.session.redrive_execution(run.arn)
    app.advance(seconds=1)
    again = map_run(app, run)
    assert counts(again) == {"RUNNING": 1}
    assert len(again.pending_redrive) == 1
    statuses = [child.status for child in app.session.map_runs.children(again)]
    assert sorted(statuses) == ["PENDING_REDRIVE", "RUNNING"]
    app.run_until_idle()
    run.assert_succeeded([1, 1, 1])
    assert counts(again) == {"SUCCEEDED": 3}
    assert not again.pending_redrive


def test_who_waits_in_vain_is_what_it_was(app: LocalApp) -> None:
    app.mock("Queueing", "Work", [BOOM, BOOM, Success(1)])
    run = app.run("Queueing", ["x", "y", "z"])
    app.session.redrive_execution(run.arn)
    app.advance(seconds=1)
    app.session.stop_execution(run.arn)
    again = map_run(app, run)
    assert counts(again) == {"FAILED": 1, "ABORTED": 1}
    statuses = [child.status for child in app.session.map_runs.children(again)]
    assert sorted(statuses) == ["ABORTED", "FAILED"]
    run.redrive().assert_succeeded([1, 1, 1])
    assert again.redrive_count == 2


def test_an_export_has_the_results_of_all_attempts(app: LocalApp) -> None:
    run = failed(app, "Export", [1, 2, 3], Success("a"), BOOM, Success("b"), Success("c"))
    output = run.redrive().assert_succeeded().output
    s3 = app.client("s3")

    def read(key: str) -> Any:
        return json.loads(s3.get_object(Bucket="data", Key=key)["Body"].read())

    files = read(output["ResultWriterDetails"]["Key"])["ResultFiles"]
    assert (files["FAILED"], files["PENDING"]) == ([], [])
    (succeeded,) = files["SUCCEEDED"]
    outputs = [json.loads(one["Output"]) for one in read(succeeded["Key"])]
    assert sorted(outputs) == ["a", "b", "c"]


def test_items_that_were_not_read_are_read_by_the_redrive(app: LocalApp) -> None:
    body = b'{"n": 1}\n{"n": 2}\n{"n": 3}\n'
    app.client("s3").put_object(Bucket="data", Key="file", Body=body)
    run = failed(app, "Lines", {}, Success("a"), BOOM, Success("b"), Success("c"))
    run.redrive().assert_succeeded(["a", "b", "c"])
    children = app.session.map_runs.children(map_run(app, run))
    assert sorted(child.input["n"] for child in children) == [1, 2, 3]


def test_a_file_that_was_missing_is_read_by_the_redrive(app: LocalApp) -> None:
    run = failed(app, "Lines", {}, Success("a")).assert_failed("States.ItemReaderFailed")
    app.client("s3").put_object(Bucket="data", Key="file", Body=b"1\n2\n")
    run.redrive().assert_succeeded(["a", "a"])
    assert map_run(app, run).redrive_count == 1


def test_a_map_run_that_was_aborted_goes_on(app: LocalApp) -> None:
    app.mock("Slow", "Work", [Success("a")])
    run = app.start("Slow", [1, 2, 3])
    app.advance(seconds=30)
    app.session.stop_execution(run.arn)
    assert counts(map_run(app, run)) == {"ABORTED": 2}
    run.redrive().assert_succeeded(["a"] * 3)
    # A wait begins again, and the task before it does not.
    assert app.session.now_ms - run.execution.start_ms == 150_000
    children = list(app.session.map_runs.children(map_run(app, run)))
    assert sorted(child.redrive_count for child in children) == [0, 1, 1]


def test_a_child_that_ended_too_long_ago_stays_failed(app: LocalApp) -> None:
    app.mock("Patient", "Work", [BOOM, Success("b")])
    run = app.start("Patient", [1, 2])
    app.advance(days=15)
    app.session.stop_execution(run.arn)
    again = map_run(app, run)
    assert counts(again) == {"FAILED": 1, "ABORTED": 1}
    assert [child.status for child in app.session.map_runs.not_redrivable(again)] == ["FAILED"]
    run.redrive().assert_succeeded()
    assert counts(again) == {"SUCCEEDED": 1, "FAILED": 1}
    assert (run.output[0]["Status"], run.output[1]) == ("FAILED", "b")


def test_failures_that_were_tolerated_are_not_redriven(app: LocalApp) -> None:
    app.mock("Later", "Last", [BOOM, Success("end")])
    app.mock("Later", "Work", [BOOM, Success("b")])
    run = app.run("Later", [1, 2]).assert_failed("Boom")
    run.redrive().assert_succeeded("end")
    assert map_run(app, run).redrive_count == 0


def test_batches_run_again_as_they_were(app: LocalApp) -> None:
    run = failed(app, "Batches", [1, 2, 3], Success("a"), BOOM, Success("b"))
    assert map_run(app, run).item_counts["FAILED"] == 1
    run.redrive().assert_succeeded(["a", "b"])
    assert map_run(app, run).item_counts["SUCCEEDED"] == 3


def test_a_map_run_that_could_not_read_its_data_is_not_redriven_but_begun_anew(
    app: LocalApp,
) -> None:
    run = app.run("Selecting", [{}]).assert_failed("States.Runtime")
    run.redrive().assert_failed("States.Runtime")
    assert appended(run)[:3] == ["ExecutionRedriven", "MapStateStarted", "MapRunStarted"]
    assert len(app.session.map_runs.of_execution(run.arn)) == 2


def test_a_map_run_is_redriven_a_thousand_times(app: LocalApp) -> None:
    run = failed(app, "Standard", [1], BOOM)
    map_run(app, run).redrive_count = 1_000
    run.redrive().assert_failed("States.Runtime")


def test_a_child_is_redriven_by_its_map_run_only(app: LocalApp) -> None:
    run = failed(app, "Standard", [1], BOOM)
    (child,) = app.session.map_runs.children(map_run(app, run))
    assert redrive_status(child, app.session.now_ms) == ("REDRIVABLE_BY_MAP_RUN", "")
    with pytest.raises(ApiError, match="redriven by its Map Run") as refusal:
        app.session.redrive_execution(child.arn)
    assert refusal.value.aws_code == "ExecutionNotRedrivable"


def test_children_are_forgotten_with_their_parent(app: LocalApp) -> None:
    run = failed(app, "Standard", [1, 2], BOOM)
    app.session.keep_ended = 0
    app.session.forget(run.arn)
    assert app.executions() == []
