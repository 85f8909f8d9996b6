"""The letter: what it says, and that it always fits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows.evaluation import evaluate
from workflows import letter, recorder
from workflows.letter import THIS_RUN

PAYLOAD_BYTES_MAX = 262_144
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:Order"
RUN = "arn:aws:states:eu-west-1:123456789012:execution:Order:"


def context(name: str = "o-1", *, version: str = "", **execution: Any) -> dict[str, Any]:
    return {
        "Execution": {
            "Id": RUN + name,
            "Name": name,
            "Input": {"orderId": "o-1"},
            "StartTime": "2026-01-01T00:00:00Z",
            **execution,
        },
        "StateMachine": {"Id": MACHINE + version, "Name": "Order"},
        "State": {"Name": "ChargePayment", "RetryCount": 2},
    }


FAILURE = {
    "state": "ChargePayment",
    "error": "PaymentProviderUnavailable",
    "cause": "",
    "attempts": 3,
    "failedAt": "2026-01-01T00:00:01.000Z",
}


def write(about: dict[str, Any], *, failure: Any = None, cause: Any = "", **content: Any) -> Any:
    return evaluate(
        letter.letter(THIS_RUN),
        context=about,
        failure=failure or FAILURE,
        cause=cause,
        input=content or {"input": {"orderId": "o-1"}},
    )


def size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def test_a_letter_says_everything_about_the_failed_run() -> None:
    assert write(context(), cause={"errorType": "PaymentProviderUnavailable"}) == {
        "schemaVersion": 1,
        "executionArn": f"{RUN}o-1",
        "executionName": "o-1",
        "stateMachineArn": MACHINE,
        "stateMachineVersion": None,
        "state": "ChargePayment",
        "error": "PaymentProviderUnavailable",
        "cause": {"errorType": "PaymentProviderUnavailable"},
        "attempts": 3,
        "correlationId": "o-1",
        "redriveCount": 0,
        "startTime": "2026-01-01T00:00:00Z",
        "failedAt": "2026-01-01T00:00:01.000Z",
        "replayOf": None,
        "input": {"orderId": "o-1"},
    }


def test_the_version_that_was_started_stands_beside_the_machine() -> None:
    written = write(context(version=":7"))
    assert (written["stateMachineArn"], written["stateMachineVersion"]) == (MACHINE, "7")


@pytest.mark.parametrize(
    ("name", "correlation", "replay_of"),
    [
        ("o-1", "o-1", None),
        ("o-1-replay-1", "o-1", "o-1"),
        ("o-1-replay-12", "o-1", "o-1"),
        ("o-replay-1-x", "o-replay-1-x", None),
    ],
)
def test_a_replay_is_correlated_with_the_first_run(
    name: str, correlation: str, replay_of: str | None
) -> None:
    written = write(context(name))
    assert (written["correlationId"], written["replayOf"]) == (correlation, replay_of)


def test_a_redriven_run_has_letters_of_its_own() -> None:
    assert write(context(RedriveCount=2))["redriveCount"] == 2


def test_a_failed_compensation_is_told_beside_what_it_was_for() -> None:
    failure = evaluate(
        letter.COMPENSATION_FAILURE,
        context=context(),
        states={"errorOutput": {"Error": "TransactionConflict", "Cause": "busy"}},
        failure=FAILURE,
    )
    written = write(context(), failure=failure)
    assert written["error"] == "PaymentProviderUnavailable"
    assert written["compensationFailure"] == {
        "state": "ChargePayment",
        "error": "TransactionConflict",
        "cause": "busy",
    }


@pytest.mark.parametrize("output", [{}, {"Error": None, "Cause": None}])
def test_a_task_may_fail_without_a_word(output: dict[str, Any]) -> None:
    failure = evaluate(letter.FAILURE, context=context(), states={"errorOutput": output})
    assert (failure["error"], failure["cause"], failure["attempts"]) == ("States.TaskFailed", "", 3)


def test_a_long_cause_is_cut() -> None:
    failure = evaluate(
        letter.FAILURE,
        context=context(),
        states={"errorOutput": {"Error": "E", "Cause": "x" * 32_768}},
    )
    assert len(failure["cause"]) == letter.CAUSE_CHARACTERS_MAX


JSON = st.recursive(
    # JSONata's numbers are doubles.
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_the_measured_size_is_an_upper_bound_of_both_forms(value: Any) -> None:
    measured = evaluate("{% $length($encodeUrlComponent($string($value))) %}", value=value)
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert size(value) <= measured + 2  # a text alone has quotes
    assert size(compact) - 2 <= measured + 4


@pytest.mark.parametrize("character", ["a", '"', "\\", "\0", "é", "語", "\N{GRINNING FACE}"])
def test_the_largest_letter_fits_in_both_forms(character: str) -> None:
    """With the largest input that stays inline, and the longest cause."""
    unit = evaluate(
        "{% $length($encodeUrlComponent($string([$value, $value]))) "
        "- $length($encodeUrlComponent($string([$value]))) %}",
        value=character,
    )
    value = {"x": [character] * (letter.INLINE_INPUT_ENCODED_MAX // unit - 20)}
    about = context("n" * 80, Input=value)
    assert evaluate(letter.input_is_large(THIS_RUN), context=about) is False
    assert evaluate(letter.input_is_large(THIS_RUN), context=context(Input={"x": [value, value]}))
    cause = character * letter.CAUSE_CHARACTERS_MAX
    failure = {
        **FAILURE,
        "error": "e" * 256,
        "compensationFailure": {"state": "s" * 80, "error": "e" * 256, "cause": "\0" * 500},
    }
    written = write(about, failure=failure, cause=cause, input=value)
    overhead = 1_000  # the rest of the archive's item
    text = json.dumps(written, ensure_ascii=False, separators=(",", ":"))
    assert size(text) + overhead < PAYLOAD_BYTES_MAX


def described(**more: Any) -> dict[str, Any]:
    return {
        "ExecutionArn": f"{RUN}o-1",
        "Name": "o-1",
        "StateMachineArn": MACHINE,
        "Status": "TIMED_OUT",
        "StartDate": "2026-01-01T00:00:00Z",
        "StopDate": "2026-02-01T00:00:00Z",
        "Input": '{"orderId":"o-1"}',
        "RedriveCount": 0,
        **more,
    }


def test_the_outer_net_writes_the_same_letter() -> None:
    states = {"result": described(Error="States.Timeout")}
    run = evaluate(recorder.RUN, states=states)
    failure = evaluate(recorder.FAILURE, states=states)
    content = evaluate(letter.inline_input(recorder.DESCRIBED_RUN), run=run)
    written = evaluate(
        letter.letter(recorder.DESCRIBED_RUN), run=run, failure=failure, cause="", input=content
    )
    inner = write(context())
    assert written.keys() == inner.keys()
    different = {key for key in inner if inner[key] != written[key]}
    assert different == {"state", "error", "attempts", "failedAt"}
    assert (written["error"], written["failedAt"]) == ("States.Timeout", "2026-02-01T00:00:00Z")


def test_what_cannot_be_read_is_written_as_told() -> None:
    told = {"Execution": {"Input": {"executionArn": f"{RUN}o-1", "redriveCount": 1}}}
    run = evaluate(recorder.RUN_AS_TOLD, context=told)
    assert run["stateMachine"] == MACHINE
    assert (run["name"], run["redriveCount"]) == ("o-1", 1)
    assert evaluate(letter.input_is_large(recorder.DESCRIBED_RUN), run=run) is False
    assert evaluate(letter.inline_input(recorder.DESCRIBED_RUN), run=run) == {
        "inputLocation": {"executionArn": f"{RUN}o-1"}
    }
    assert evaluate(recorder.FAILURE_AS_TOLD, context=told)["error"] == "FAILED"
