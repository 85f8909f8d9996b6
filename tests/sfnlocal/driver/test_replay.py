"""Histories replay where the definition is the same, and show where it is not.

The histories are made here, then written as the AWS CLI writes them, under names that the replay is
not told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.exported import read_history
from sfnlocal.driver.mocks import Failure, Success
from sfnlocal.driver.replay import Replay, replay
from sfnlocal.driver.replay_names import names_in
from sfnlocal.errors import InputError
from sfnlocal.history import api_events
from sfnlocal.testing import LocalApp, load

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "replays.json").read_text())
# Three of it do not fit into a result.
LARGE = "x" * 100_000
NAMES = [case["name"] for case in CASES]
CHANGES = [(case, change) for case in CASES for change in case["changes"]]


def definition(case: dict[str, Any]) -> dict[str, Any]:
    head: dict[str, Any] = {"StartAt": next(iter(case["states"])), "States": case["states"]}
    if "language" in case:
        head["QueryLanguage"] = case["language"]
    if "timeout" in case:
        head["TimeoutSeconds"] = case["timeout"]
    return deepcopy(head)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApp]:
    resources: dict[str, Any] = {
        "Data": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "data"}}
    }
    for index, case in enumerate(CASES):
        resources[f"Case{index}"] = {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": f"aws-{index}",
                "RoleArn": "arn:aws:iam::123456789012:role/r",
                "Definition": definition(case),
            },
        }
    template = tmp_path_factory.mktemp("app") / "app.json"
    template.write_text(json.dumps({"Resources": resources}))
    with load(template, seed=7) as app:
        yield app


def outcome(mock: dict[str, Any]) -> Success | Failure:
    if "error" in mock:
        return Failure(mock["error"], mock["cause"], mock.get("ms", 0))
    output = LARGE if mock["output"] == "LARGE" else mock["output"]
    return Success(output, mock.get("ms", 0))


def exported(app: LocalApp, case: dict[str, Any]) -> list[dict[str, Any]]:
    """A run's history with times as the AWS CLI prints them."""
    machine = f"Case{CASES.index(case)}"
    for state, mocks in case["mocks"].items():
        app.session.mock(machine, state, [outcome(mock) for mock in mocks])
    execution = app.run(machine, case["input"]).execution
    for mocks_by_state in case.get("redrives", ()):
        for state, mocks in mocks_by_state.items():
            app.session.mock(machine, state, [outcome(mock) for mock in mocks])
        app.session.redrive_execution(execution.arn)
        app.run_until_idle()
    assert execution.status != "RUNNING"
    events = []
    for event in api_events(execution.history):
        moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        events.append({**event, "timestamp": moment.isoformat()})
    return events


def replayed(events: list[dict[str, Any]], machine: dict[str, Any]) -> Replay:
    return replay(read_history({"aws.json": json.dumps({"events": events})}), machine)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_same_definition_tells_the_same(case: dict[str, Any], app: LocalApp) -> None:
    events = exported(app, case)
    result = replayed(events, definition(case))
    assert result.difference is None
    assert [event["type"] for event in result.replayed] == [event["type"] for event in events]


@pytest.mark.parametrize(
    ("case", "change"),
    CHANGES,
    ids=[f"{case['name']}: {change['name']}" for case, change in CHANGES],
)
def test_a_changed_definition_differs_where_it_first_shows(
    case: dict[str, Any], change: dict[str, Any], app: LocalApp
) -> None:
    machine = definition(case)
    *keys, last = change["at"][1:].split("/")
    place: Any = machine
    for key in keys:
        place = place[int(key) if isinstance(place, list) else key]
    place[int(last) if isinstance(place, list) else last] = change["to"]
    result = replayed(exported(app, case), machine)
    found = result.difference
    assert found is not None
    assert found.left is not None
    assert f"{found.left['id']} {found.left['type']}" == change["event"]
    assert (result.state, found.path) == (change["state"], change["path"])
    assert (found.right["type"] if found.right else "") == change["instead"]


@pytest.mark.parametrize(
    "name",
    [
        "tasks, a choice and a wait",
        "iterations, two at a time",
        "an activity's time is over",
        "JSONata with variables, clock and chance",
        "a distributed Map whose results are selected",
    ],
)
def test_a_history_that_lacks_something_is_refused_or_differs(name: str, app: LocalApp) -> None:
    case = case_of(name)
    events = exported(app, case)
    outcomes = set()
    for index, event in enumerate(events):
        for key in list(event):
            for lacking in _without(event, key):
                try:
                    result = replayed(
                        [*events[:index], lacking, *events[index + 1 :]], definition(case)
                    )
                except InputError:
                    outcomes.add("refused")
                else:
                    outcomes.add("same" if result.difference is None else "differs")
    assert outcomes >= {"refused", "differs"}


def _without(event: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    """The event without the field, with another value in it, or without one of its own fields."""
    yield {name: value for name, value in event.items() if name != key}
    yield {**event, key: "?"}
    if isinstance(event[key], dict):
        for inner in event[key]:
            rest = {name: value for name, value in event[key].items() if name != inner}
            yield {**event, key: rest}
            yield {**event, key: {**rest, inner: "{"}}
            yield {**event, key: {**rest, inner: 7}}


def case_of(name: str) -> dict[str, Any]:
    return CASES[NAMES.index(name)]


def test_names_that_the_history_does_not_tell_are_learnt_from_it(app: LocalApp) -> None:
    case = case_of("a job, a callback and its token")
    for state, mocks in case["mocks"].items():
        app.session.mock(f"Case{CASES.index(case)}", state, [outcome(mock) for mock in mocks])
    run = app.run(f"Case{CASES.index(case)}", {}, name="order-17")
    events = json.loads(json.dumps(list(api_events(run.execution.history))))
    result = replayed(events, definition(case))
    assert result.difference is None
    assert '"name":"order-17"' in json.dumps(result.replayed).replace("\\", "")


def test_names_are_not_learnt_where_one_contradicts_the_other(app: LocalApp) -> None:
    case = case_of("a job, a callback and its token")
    events = exported(app, case)
    scheduled = next(one for one in events if "token" in json.dumps(one))
    details = scheduled["taskScheduledEventDetails"]
    name = json.loads(details["parameters"])["Payload"]["name"]
    details["parameters"] = details["parameters"].replace(f'"{name}"', '"another"')
    found = replayed(events, definition(case)).difference
    assert found is not None
    assert found.path == "/taskScheduledEventDetails/parameters/Payload/name"


def test_a_service_that_did_not_take_the_request_fails_the_task(app: LocalApp) -> None:
    case = case_of("retries and a catcher")
    events = exported(app, case)
    failed = events[4]
    failed["type"] = "TaskSubmitFailed"
    failed["taskSubmitFailedEventDetails"] = failed.pop("taskFailedEventDetails")
    assert replayed(events, definition(case)).difference is None


def test_the_definition_of_another_state_machine_is_told_from_a_changed_one(app: LocalApp) -> None:
    events = exported(app, case_of("retries and a catcher"))
    with pytest.raises(InputError, match=r"of another state machine: .* no state 'Try'"):
        replayed(events, definition(case_of("branches that take turns")))


def test_arguments_that_aws_refused_are_refused_again() -> None:
    cause = (
        "An error occurred while executing the state 'Send' (entered at the event id #2). The "
        'Parameters \'{"Queue":"q"}\' could not be used to start the Task: [The field "Queue" is '
        "not supported by Step Functions]"
    )
    events = [
        {
            "id": 1,
            "timestamp": 1.5,
            "type": "ExecutionStarted",
            "executionStartedEventDetails": {"input": "{}", "roleArn": "r"},
        },
        {
            "id": 2,
            "timestamp": 1.6,
            "type": "TaskStateEntered",
            "stateEnteredEventDetails": {"name": "Send", "input": "{}"},
        },
        {
            "id": 3,
            "timestamp": 1.7,
            "previousEventId": 2,
            "type": "ExecutionFailed",
            "executionFailedEventDetails": {"error": "States.Runtime", "cause": cause},
        },
    ]
    for event in events[:2]:
        key = next(one for one in event if one.endswith("Details"))
        told: Any = event[key]
        told["inputDetails"] = {"truncated": False}
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"Queue": "q"},
        "End": True,
    }
    assert replayed(events, {"StartAt": "Send", "States": {"Send": task}}).difference is None


def test_an_execution_that_was_stopped_is_stopped_at_its_time(app: LocalApp) -> None:
    case = case_of("the execution's time is over")
    run = app.start(f"Case{CASES.index(case)}", {})
    app.advance(seconds=4)
    app.session.stop_execution(run.execution.arn, "Enough", "by hand")
    events = json.loads(json.dumps(list(api_events(run.execution.history))))
    assert events[-1]["type"] == "ExecutionAborted"
    result = replayed(events, definition(case))
    assert result.difference is None
    assert result.replayed[-1]["timestamp"] == events[-1]["timestamp"]


def test_an_execution_arn_names_everything() -> None:
    names = names_in("arn:aws-cn:states:cn-north-1:123456789012:execution:Order:o-1")
    assert names.state_machine_arn == (
        "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:Order"
    )
    with pytest.raises(ValueError, match="not an execution's ARN"):
        names_in("arn:aws:states:us-east-1:123456789012:stateMachine:Order")
