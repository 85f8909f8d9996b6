"""Whole reports: text, data, events."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import botocore.loaders
import botocore.model
import pytest

from sfnlocal.interpreter import Execution
from sfnlocal.reports.data import execution_data, open_task_data
from sfnlocal.reports.events import cli_events, render_events
from sfnlocal.reports.text import render_execution
from sfnlocal.reports.waiting import unanswered
from sfnlocal.reports.wording import cause_block, cut, duration, failure, json_block, wants_colour

SHORT = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"a": 1}, "End": True}}}
ASKING = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
            "End": True,
        }
    },
}
LAMBDA_CAUSE = json.dumps(
    {
        "errorMessage": "no luck",
        "errorType": "Boom",
        "stackTrace": ["  File a.py, line 1\n", "  File b.py\n"],
    }
)
FAILING = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f"},
            "End": True,
        }
    },
}
TASK = {"Type": "Task", "End": True}
FAILED = {"Ask": [{"error": "Boom", "cause": LAMBDA_CAUSE}]}


def test_a_report_has_the_status_the_transitions_the_path_and_the_output(
    play: Callable[..., Execution],
) -> None:
    assert render_execution(play(SHORT)).splitlines() == [
        "Machine  SUCCEEDED",
        "  arn:aws:states:us-east-1:123456789012:execution:Machine:run",
        "  started 2026-01-01T00:00:00.000Z, took 0s; 1 state transition",
        "",
        "  after  state  type  outcome",
        "     0s  A      Pass  succeeded",
        "",
        '  output  {"a":1}',
    ]


def test_a_failure_is_shown_with_its_whole_cause(play: Callable[..., Execution]) -> None:
    text = render_execution(play(FAILING, None, FAILED))
    assert "  error   Boom\n" in text
    assert text.endswith("  cause   no luck\n            File a.py, line 1\n            File b.py")


def test_a_running_execution_says_what_it_waits_for(play: Callable[..., Execution]) -> None:
    execution = play(ASKING, None, {"Ask": ["waits"]})
    text = render_execution(execution)
    [task] = unanswered(execution)
    waits, token = text.splitlines()[-2:]
    assert waits == f"  waits   in state 'Ask' of Machine/run for {task.resource}"
    assert token == f"          token {task.token}"
    assert open_task_data(task) == {
        "executionArn": execution.arn,
        "state": "Ask",
        "resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "taskToken": task.token,
        "since": "2026-01-01T00:00:00.000Z",
    }
    assert task.token


def test_executions_that_were_started_stand_under_their_state_and_are_counted(
    play: Callable[..., Execution],
) -> None:
    child = play(SHORT, name="Child")
    parent = play(
        {
            "StartAt": "Start",
            "States": {
                "Start": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::states:startExecution.sync:2",
                    "Parameters": {"StateMachineArn": "arn:aws:states:::stateMachine:Child"},
                    "End": True,
                }
            },
        },
        None,
        {"Start": [{"submitted": {"ExecutionArn": child.arn}, "output": {}}]},
    )
    executions = {parent.arn: parent, child.arn: child}
    lines = render_execution(parent, executions=executions).splitlines()
    assert lines[2].endswith("1 state transition, and 1 in the execution that it started")
    assert lines[5:8] == [
        "     0s  Start    Task  succeeded  states:startExecution.sync:2",
        "     0s    Child        succeeded  run",
        "     0s      A    Pass  succeeded",
    ]


def test_colour_paints_outcomes_only(play: Callable[..., Execution]) -> None:
    plain = render_execution(play(SHORT))
    coloured = render_execution(play(SHORT), colour=True)
    assert "\x1b[32msucceeded\x1b[0m" in coloured
    assert coloured.replace("\x1b[32m", "").replace("\x1b[0m", "") == plain


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals_where_nobody_refuses_it(
    stream: io.StringIO, environment: dict[str, str], wanted: bool
) -> None:
    assert wants_colour(stream, environment) is wanted


def test_data_has_names_and_times_as_the_api_has_them(play: Callable[..., Execution]) -> None:
    data = execution_data(play(FAILING, {"x": 1}, FAILED), history=True)
    assert data["status"] == "FAILED"
    assert data["input"] == {"x": 1}
    assert data["cause"] == LAMBDA_CAUSE
    assert data["stateTransitions"] == 1
    assert data["path"] == [
        {
            "state": "Ask",
            "type": "Task",
            "outcome": "failed",
            "entered": "2026-01-01T00:00:00.000Z",
            "left": "2026-01-01T00:00:00.000Z",
            "resource": "lambda:invoke",
            "attempts": [
                {
                    "started": "2026-01-01T00:00:00.000Z",
                    "ended": "2026-01-01T00:00:00.000Z",
                    "error": "Boom",
                    "cause": LAMBDA_CAUSE,
                }
            ],
        }
    ]
    assert [event["type"] for event in data["events"]][-1] == "ExecutionFailed"
    assert "output" not in data


def test_a_null_output_is_an_output(play: Callable[..., Execution]) -> None:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": None, "End": True}}}
    assert execution_data(play(definition))["output"] is None


def test_events_are_a_table(play: Callable[..., Execution]) -> None:
    answers = {"Ask": [{"error": "Busy", "cause": LAMBDA_CAUSE}, {"output": {"a": "x" * 200}}]}
    state = {**FAILING["States"]["Ask"], "Retry": [{"ErrorEquals": ["Busy"]}]}  # type: ignore[index]
    execution = play({**FAILING, "States": {"Ask": state}}, answers=answers)
    long = '{"a":"' + "x" * 74 + "..."
    assert render_events(execution).splitlines() == [
        "  id  follows  after  type                of             details",
        "   1              0s  ExecutionStarted                   input {}",
        "   2        0     0s  TaskStateEntered    Ask            input {}",
        '   3              0s  TaskScheduled       lambda:invoke  parameters {"FunctionName":"f"}',
        "   4              0s  TaskStarted         lambda:invoke",
        "   5              0s  TaskFailed          lambda:invoke  Busy: no luck",
        '   6              1s  TaskScheduled       lambda:invoke  parameters {"FunctionName":"f"}',
        "   7              1s  TaskStarted         lambda:invoke",
        f"   8              1s  TaskSucceeded       lambda:invoke  output {long}",
        f"   9              1s  TaskStateExited     Ask            output {long}",
        f"  10              1s  ExecutionSucceeded                 output {long}",
    ]


def test_iterations_and_functions_are_named_in_the_table(play: Callable[..., Execution]) -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:greet"
    greet = {"StartAt": "Greet", "States": {"Greet": {**TASK, "Resource": function}}}
    each = {"Type": "Map", "ItemProcessor": greet, "End": True}
    execution = play(
        {"StartAt": "Each", "States": {"Each": each}}, [1], {"Greet": [{"output": {}}]}
    )
    table = render_events(execution)
    assert "MapIterationStarted      Each #0" in table
    assert "LambdaFunctionScheduled  greet" in table


def test_events_have_the_fields_of_the_aws_cli_in_its_order(
    play: Callable[..., Execution],
) -> None:
    model = botocore.loaders.create_loader().load_service_model("stepfunctions", "service-2")
    shapes = botocore.model.ServiceModel(model)
    execution = play(ASKING, answers={"Ask": ["waits"]}, stop_after_ms=1500)
    events = cli_events(execution)
    assert [event["timestamp"] for event in events[:1] + events[-1:]] == [
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:01.500000+00:00",
    ]
    for event in events:
        assert list(event) == ordered(event, shapes.shape_for("HistoryEvent"))


def ordered(value: Any, shape: Any) -> list[str]:
    """The keys in the order of the API's model, in which the AWS CLI prints them."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            assert list(inner) == ordered(inner, shape.members[key])
    return [name for name in shape.members if name in value]


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (7, "7ms"),
        (1_000, "1s"),
        (1_250, "1.25s"),
        (60_000, "1m"),
        (90_061_001, "1d 1h 1m 1.001s"),
        (86_400_000, "1d"),
    ],
)
def test_durations_are_short_and_exact(ms: int, text: str) -> None:
    assert duration(ms) == text


CHILD_CAUSE = json.dumps(
    {"ExecutionArn": "arn", "Status": "FAILED", "Error": "Boom", "Cause": LAMBDA_CAUSE}
)


@pytest.mark.parametrize(
    ("error", "cause", "text"),
    [
        ("Boom", None, "Boom"),
        ("Boom", "plain\ntext", "Boom: plain text"),
        ("Boom", LAMBDA_CAUSE, "Boom: no luck"),
        ("States.TaskFailed", CHILD_CAUSE, "States.TaskFailed: Boom: no luck"),
        ("States.TaskFailed", '{"ExecutionArn": "a", "Status": "ABORTED"}', None),
        (None, None, "no error name"),
    ],
)
def test_a_failure_is_one_line(error: str | None, cause: str | None, text: Any) -> None:
    assert failure(error, cause) == (text or "States.TaskFailed: ABORTED")


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        ("plain\ntext", "plain\ntext"),
        ('{"a": 1}', '{"a":1}'),
        ('{"errorMessage": "no", "stackTrace": []}', "no"),
    ],
)
def test_a_cause_is_shown_whole(cause: str, text: str) -> None:
    assert cause_block(cause) == text


def test_long_texts_are_cut_and_long_values_are_indented() -> None:
    assert cut("a" * 10, 8) == "aaaaa..."
    assert json_block({"a": 1}) == '{"a":1}'
    assert json_block({"a": "b" * 90}) == '{\n  "a": "' + "b" * 90 + '"\n}'
