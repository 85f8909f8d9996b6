"""What executions cover, read from their histories."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.mocks import Failure, Outcome, Success
from sfnlocal.driver.session import Session
from sfnlocal.errors import InputError
from sfnlocal.proof.coverage import Coverage
from sfnlocal.proof.coverage_page import coverage_page
from sfnlocal.proof.coverage_points import Point
from sfnlocal.proof.coverage_text import render_coverage
from sfnlocal.template import load_app

CASES = json.loads((Path(__file__).parent / "cases" / "coverage.json").read_text("utf-8"))
ASK: dict[str, Any] = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f"},
            "Retry": [{"ErrorEquals": ["Boom"], "MaxAttempts": 1}],
            "End": True,
        }
    },
}
ECHO: dict[str, Any] = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
Open = Callable[..., Any]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Opens a session of state machines given by their definitions, which coverage watches."""

    @contextmanager
    def opened(
        coverage: Coverage, definitions: dict[str, Any], **options: Any
    ) -> Iterator[Session]:
        resources: dict[str, Any] = {
            name: {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "StateMachineName": name,
                    "RoleArn": "arn:aws:iam::123456789012:role/m",
                    "Definition": definition,
                },
            }
            for name, definition in definitions.items()
        }
        resources["Doors"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "doors"}}
        path = tmp_path / "app.json"
        path.write_text(json.dumps({"Resources": resources}))
        session = Session(load_app(path), **options)
        coverage.watch(session)
        with session:
            yield session

    return opened


def outcomes(given: list[dict[str, Any]]) -> list[Outcome]:
    return [Failure(one["error"]) if "error" in one else Success(one["output"]) for one in given]


def told(point: Point) -> str:
    """`Ask: retrier used 0`; without a number where a state has one such point."""
    numbered = point.kind.startswith(("rule", "retrier", "catcher")) or point.kind == "branch"
    return f"{point.state}: {point.kind}" + f" {point.position}" * numbered


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_an_execution_covers(case: dict[str, Any], opened: Open) -> None:
    coverage = Coverage()
    with opened(coverage, {"m": case["definition"]}) as session:
        for state, given in case.get("mocks", {}).items():
            session.mock("m", state, outcomes(given))
        execution = session.start_execution("m", case.get("input", {}))
        session.run_until_idle()
        assert execution.status == case["status"]
    counts = coverage.machine("m").counts
    assert {told(point) for point, count in counts.items() if count} == set(case["covered"])


def test_an_attempt_after_a_redrive_is_no_retry(opened: Open) -> None:
    coverage = Coverage()
    with opened(coverage, {"m": ASK}) as session:
        session.mock("m", "Ask", outcomes([{"error": "Other"}, {"output": 1}]))
        execution = session.start_execution("m", {})
        session.run_until_idle()
        assert execution.status == "FAILED"
        session.redrive_execution(execution.arn)
        session.run_until_idle()
        assert execution.status == "SUCCEEDED"
    machine = coverage.machine("m")
    assert machine.executions == 1
    assert {told(point) for point in machine.missing} == {
        "Ask: retrier used 0",
        "Ask: retrier used up 0",
    }


def test_executions_that_are_forgotten_count(opened: Open) -> None:
    coverage = Coverage()
    with opened(coverage, {"m": ECHO}, keep_ended=0) as session:
        for _ in range(3):
            session.start_execution("m", {})
        session.run_until_idle()
        assert not session.executions
    assert coverage.machine("m").counts == {Point("Echo", "state"): 3, Point("Echo", "end"): 3}


def test_child_executions_count_for_their_own_state_machine(opened: Open) -> None:
    parent = {
        "StartAt": "Start",
        "States": {
            "Start": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {
                    "StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:child"
                },
                "End": True,
            }
        },
    }
    coverage = Coverage()
    with opened(coverage, {"parent": parent, "child": ECHO}) as session:
        session.start_execution("parent", {})
        session.run_until_idle()
    assert coverage.summary.percent == 100
    assert coverage.machine("child").executions == 1


@pytest.mark.parametrize(("errors", "can_fail"), [(["States.ALL"], False), (["Boom"], True)])
def test_an_iteration_that_catches_all_cannot_fail(
    errors: list[str], can_fail: bool, opened: Open
) -> None:
    ask = {**ASK["States"]["Ask"], "Catch": [{"ErrorEquals": errors, "Next": "Caught"}]}
    inside = {"StartAt": "Ask", "States": {"Ask": ask, "Caught": ECHO["States"]["Echo"]}}
    each = {"Type": "Map", "ItemProcessor": inside, "End": True}
    coverage = Coverage()
    with opened(coverage, {"m": {"StartAt": "Each", "States": {"Each": each}}}):
        assert (Point("Each", "iteration failed") in coverage.machine("m").counts) == can_fail


def test_what_was_never_started_is_to_be_covered_too(opened: Open) -> None:
    coverage = Coverage()
    with opened(coverage, {"m": ECHO, "never": ASK}) as session:
        session.start_execution("m", {})
        session.run_until_idle()
    # Echo has 2 points, Ask 4: entered, ended, retried, given up.
    assert (coverage.summary.covered, coverage.summary.total) == (2, 6)
    assert coverage.summary.percent == 33.3
    assert "never started: never" in render_coverage(coverage)


def test_patterns_choose_the_state_machines(opened: Open) -> None:
    coverage = Coverage(["ne*"])
    with opened(coverage, {"m": ECHO, "never": ASK}) as session:
        session.start_execution("m", {})
        session.run_until_idle()
    assert [machine.name for machine in coverage] == ["never"]


def test_runs_of_another_definition_cover_nothing_of_this_one(opened: Open) -> None:
    coverage = Coverage()
    for definition in (ECHO, ASK):
        with opened(coverage, {"m": definition}) as session:
            if definition is ASK:
                session.mock("m", "Ask", outcomes([{"output": 1}]))
            session.start_execution("m", {})
            session.run_until_idle()
    assert [len(machine.counts) for machine in coverage] == [2, 4]


def test_merging_adds_what_two_runs_covered(opened: Open) -> None:
    runs = []
    for given in ([{"output": 1}], [{"error": "Boom"}]):
        coverage = Coverage()
        with opened(coverage, {"m": ASK}) as session:
            session.mock("m", "Ask", outcomes(given))
            session.start_execution("m", {})
            session.run_until_idle()
        runs.append(Coverage.from_json(json.loads(json.dumps(coverage.json()))))
    merged, other = runs
    # Entered and ended; entered, retried and given up.
    assert merged.summary.percent == 50
    assert other.summary.percent == 75
    merged.merge(other)
    assert merged.summary.percent == 100
    assert merged.machine("m").counts[Point("Ask", "state")] == 2


@pytest.mark.parametrize(
    "data",
    [None, [], {"machines": [{}]}, {"machines": 1}],
    ids=["null", "a list", "no name", "a number"],
)
def test_what_is_no_coverage_is_refused(data: Any) -> None:
    with pytest.raises(InputError, match="this is no coverage"):
        Coverage.from_json(data)


def test_an_unknown_state_machine_is_named_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match="nothing is known of the state machine 'm'"):
        Coverage().machine("m")


def test_text_says_what_is_missing_and_what_covers_it(opened: Open) -> None:
    coverage = Coverage()
    with opened(coverage, {"m": ASK}) as session:
        session.mock("m", "Ask", outcomes([{"output": 1}]))
        session.start_execution("m", {})
        session.run_until_idle()
    assert render_coverage(coverage).splitlines() == [
        "   runs  states  edges  rules  retriers  catchers  failures  covered",
        "m     1     1/1    1/1      -       0/2         -         -   50.0 %",
        "",
        "m: missing",
        "  Ask",
        "    Retrier 1 (Boom) retries: let an attempt fail with Boom, and the next one succeed",
        "    Retrier 1 (Boom) gives up: let it fail 2 times with Boom",
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_point_has_words_and_a_picture(case: dict[str, Any], opened: Open) -> None:
    coverage = Coverage()
    with opened(coverage, {"m": case["definition"]}):
        pass
    page = coverage_page(coverage)
    assert page.count("<tr><td>") == len(coverage.machine("m").counts) + 1
    assert page.count('id="title-1"') == 1
    # Nothing was entered.
    assert 'missing">\n<title>' in page
    assert 'covered">\n<title>' not in page
