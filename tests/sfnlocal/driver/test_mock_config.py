"""Executions in test cases of a mock configuration, and what is said of a bad one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.mock_config import load_mock_config, parse_mock_config
from sfnlocal.errors import InputError, UnsupportedError
from sfnlocal.testing import LocalApp, load

HERE = Path(__file__).parent
CONFIG = HERE / "MockConfigFile.json"
APP = HERE / "mocked_app.yaml"


@pytest.fixture
def app() -> Iterator[LocalApp]:
    with load(APP, mock_config=load_mock_config(CONFIG)) as loaded:
        yield loaded


def test_a_test_case_answers_for_its_states(app: LocalApp) -> None:
    run = app.run("courier", {}, test_case="AllAtHome")
    run.assert_succeeded(["thank you", "thank you", "at last"])


def test_attempts_are_numbered_one_after_the_other(app: LocalApp) -> None:
    run = app.run("courier", {}, test_case="ScalesAreSlow").assert_succeeded(["thank you"])
    assert run.attempts("Weigh") == 4
    causes = [
        event["taskFailedEventDetails"]["cause"]
        for event in run.events
        if event["type"] == "TaskFailed"
    ]
    assert causes == ["no answer", "still none", "still none"]


def test_what_is_thrown_reaches_the_catcher_and_a_job_can_be_mocked(app: LocalApp) -> None:
    run = app.run("courier", {}, test_case="ScalesAreBroken")
    run.assert_succeeded({"JobRunState": "SUCCEEDED"}).assert_visited("Weigh", "TellOffice")


@pytest.mark.parametrize(
    ("test_case", "response", "invocation"),
    [("NotEnoughAnswers", "WeighedOnTheThirdTime", 1), ("ThirdStopIsUnknown", "OpenedTwice", 2)],
)
def test_an_invocation_without_a_response_ends_the_execution_past_every_catcher(
    app: LocalApp, test_case: str, response: str, invocation: int
) -> None:
    run = app.run("courier", {}, test_case=test_case).assert_failed("States.Runtime")
    assert run.cause == f"mocked response '{response}' has no invocation {invocation}"


def test_each_execution_counts_its_own_invocations(app: LocalApp) -> None:
    runs = [app.start("courier", {}, test_case="ScalesAreSlow") for _ in range(3)]
    app.run_until_idle()
    assert [run.attempts("Weigh") for run in runs] == [4, 4, 4]


def test_a_state_that_the_test_case_does_not_name_calls_its_service(app: LocalApp) -> None:
    run = app.run("courier", {}, test_case="NothingButTheScales")
    run.assert_failed("SQS.QueueDoesNotExistException")


def test_an_execution_without_a_test_case_is_not_mocked(app: LocalApp) -> None:
    app.run("courier", {}, test_case="AllAtHome").assert_succeeded()
    with pytest.raises(UnsupportedError, match=r"'TellOffice': .*glue:startJobRun.sync is not"):
        app.run("courier", {})


def test_an_unknown_test_case_is_refused_with_those_there_are(app: LocalApp) -> None:
    with pytest.raises(InputError, match="no test case 'Typo'") as refused:
        app.run("courier", {}, test_case="Typo")
    assert refused.value.where == f"{CONFIG}#/StateMachines/courier/TestCases"
    assert "AllAtHome, ScalesAreSlow" in refused.value.hint


def written_for(state_machine: str, states: dict[str, str]) -> str:
    return json.dumps(
        {
            "StateMachines": {state_machine: {"TestCases": {"Case": states}}},
            "MockedResponses": {"Fine": {"0": {"Return": 1}}},
        }
    )


@pytest.mark.parametrize("known_as", ["courier", "Courier"])
def test_a_file_may_name_the_state_machine_as_the_command_line_does(known_as: str) -> None:
    config = parse_mock_config(written_for(known_as, {"Announce": "Fine"}), "file")
    with load(APP, mock_config=config) as app:
        app.start("Courier", {}, test_case="Case")


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        (
            written_for("courier", {"Anounce": "Fine"}),
            "the state machine has no Task state 'Anounce'",
            "file#/StateMachines/courier/TestCases/Case/Anounce",
        ),
        (
            written_for("courier", {"Deliver": "Fine"}),
            "the state machine has no Task state 'Deliver'",
            "file#/StateMachines/courier/TestCases/Case/Deliver",
        ),
        (
            written_for("other", {}),
            "no test cases for the state machine 'courier'",
            "file#/StateMachines",
        ),
    ],
)
def test_a_test_case_must_fit_the_state_machine(text: str, message: str, where: str) -> None:
    with (
        load(APP, mock_config=parse_mock_config(text, "file")) as app,
        pytest.raises(InputError) as refused,
    ):
        app.start("courier", {}, test_case="Case")
    assert (refused.value.message, refused.value.where) == (message, where)


def test_a_test_case_needs_a_file() -> None:
    with load(APP) as app, pytest.raises(InputError, match="there is no mock configuration"):
        app.start("courier", {}, test_case="AllAtHome")


def responses(**numbers: Any) -> dict[str, Any]:
    return {"MockedResponses": {"A/b": numbers}}


FINE = {"Return": None}


@pytest.mark.parametrize(
    ("config", "message", "pointer"),
    [
        ([], "this must be an object", ""),
        ({"MockedResponse": {}}, "unknown field 'MockedResponse'", "/MockedResponse"),
        ({"StateMachines": {"m": []}}, "this must be an object", "/StateMachines/m"),
        (
            {"StateMachines": {"m": {"Cases": {}}}},
            "unknown field 'Cases'",
            "/StateMachines/m/Cases",
        ),
        (
            {"StateMachines": {"m": {"TestCases": {"c": {"State": "Gone"}}}}},
            'no mocked response "Gone"',
            "/StateMachines/m/TestCases/c/State",
        ),
        (
            {"StateMachines": {"m": {"TestCases": {"c": {"State": 1}}}}},
            "no mocked response 1",
            "/StateMachines/m/TestCases/c/State",
        ),
        (responses(**{"-1": FINE}), "'-1' names no invocations", "/MockedResponses/A~1b/-1"),
        (responses(**{"1-": FINE}), "'1-' names no invocations", "/MockedResponses/A~1b/1-"),
        (responses(**{"2-1": FINE}), "'2-1' ends before it begins", "/MockedResponses/A~1b/2-1"),
        (
            responses(**{"0-3": FINE, "2-5": FINE}),
            "invocation 2 is answered twice",
            "/MockedResponses/A~1b/2-5",
        ),
        (
            responses(**{"0": {}}),
            "an invocation has one of Return and Throw",
            "/MockedResponses/A~1b/0",
        ),
        (
            responses(**{"0": {"Return": 1, "Throw": {"Error": "E", "Cause": "C"}}}),
            "an invocation has one of Return and Throw",
            "/MockedResponses/A~1b/0",
        ),
        (
            responses(**{"0": {"Returns": 1}}),
            "unknown field 'Returns'",
            "/MockedResponses/A~1b/0/Returns",
        ),
        (
            responses(**{"0": {"Throw": {"Error": "E"}}}),
            "Throw needs the text Cause",
            "/MockedResponses/A~1b/0/Throw",
        ),
        (
            responses(**{"0": {"Throw": {"Error": 5, "Cause": "C"}}}),
            "Throw needs the text Error",
            "/MockedResponses/A~1b/0/Throw",
        ),
    ],
)
def test_a_bad_file_is_refused_with_the_place(config: Any, message: str, pointer: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_mock_config(json.dumps(config), "file")
    assert (refused.value.message, refused.value.where) == (message, f"file#{pointer}")


def test_a_name_that_stands_twice_is_refused() -> None:
    text = '{"MockedResponses": {"A": {}, "A": {}}}'
    with pytest.raises(InputError, match="'A' stands twice in one object"):
        parse_mock_config(text, "file")


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(InputError, match="file: not JSON: Expecting value"):
        parse_mock_config("StateMachines: {}", "file")


def test_a_file_that_is_not_there_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file") as refused:
        load_mock_config(tmp_path / "none.json")
    assert refused.value.where == str(tmp_path / "none.json")
