"""How a state's input becomes its work's input, and its work's result the state's output.

Each state gets a `prepare` and a `finish` built once from the fields that it has; absent fields
cost nothing. JSONPath: InputPath, Parameters | ResultSelector, Assign, ResultPath, OutputPath.
JSONata: Arguments | Output, Assign.

`bound` keeps an upper bound of each payload's bytes, so that text is made to count them only when
the bound passes the limit.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sfnlocal.interpreter.execution import Frame
from sfnlocal.interpreter.quotas import checked_assignment
from sfnlocal.jsontext import json_bytes
from sfnlocal.language.payload import put_result
from sfnlocal.language.program import Catcher, Evaluator, ResultPath, State
from sfnlocal.ports import Json

# The Context object without the execution's input, the item and the token.
_CONTEXT_BYTES = 4_096

# (frame) -> the value the state works on, and the bound of its bytes.
Prepare: TypeAlias = Callable[[Frame], tuple[Json, int]]
# (frame, result, result_bytes) -> assigned variables or None; sets the frame's value.
Finish: TypeAlias = Callable[[Frame, Json, int], Json]


def bound(evaluator: Evaluator, frame: Frame, data_bytes: int, value: Json) -> int:
    """An upper bound of the bytes of `value`, which the evaluator made of data of that size."""
    if evaluator.references is None:
        return json_bytes(value)
    if evaluator.references == 0:
        return evaluator.constant_bytes
    largest = max(data_bytes, frame.variable_bytes, frame.execution.input_bytes + _CONTEXT_BYTES)
    return evaluator.constant_bytes + evaluator.references * largest


def assign(evaluator: Evaluator, frame: Frame, data: Json, data_bytes: int) -> Json:
    """Evaluate Assign. The variables change only when the state is left."""
    assigned = evaluator.call(data, frame)
    size = bound(evaluator, frame, data_bytes, assigned)
    frame.variable_bytes = checked_assignment(frame.variables, frame.variable_bytes, assigned, size)
    return assigned


def effective_input(state: State) -> Prepare:
    """InputPath, then Parameters or Arguments."""
    if state.query_language == "JSONata":
        arguments: Evaluator | None = getattr(state, "arguments", None)
        if arguments is None:
            return _whole_input
        return _jsonata_arguments(arguments)
    paths = [e for e in (state.input_path, state.parameters) if e is not None]
    if not paths:
        return _whole_input

    def prepare(frame: Frame) -> tuple[Json, int]:
        value, size = frame.value, frame.value_bytes
        for evaluator in paths:
            result = evaluator.call(value, frame)
            size = bound(evaluator, frame, size, result)
            value = result
        return value, size

    return prepare


def _whole_input(frame: Frame) -> tuple[Json, int]:
    return frame.value, frame.value_bytes


def _jsonata_arguments(arguments: Evaluator) -> Prepare:
    def prepare(frame: Frame) -> tuple[Json, int]:
        value = arguments.call({"input": frame.value}, frame)
        return value, bound(arguments, frame, frame.value_bytes, value)

    return prepare


def finish(state: State, *, default_is_input: bool = False) -> Finish:
    """From result to output. Without Output, a JSONata state gives its result, or its input
    where it has no result (`default_is_input`)."""
    if state.query_language == "JSONata":
        return _finish_jsonata(state.output, state.assign, "result", default_is_input)
    return _finish_jsonpath(
        state.result_selector, state.assign, state.result_path, state.output_path
    )


def choice_finish(state: State, output: Evaluator | None, assigned: Evaluator | None) -> Finish:
    """The output of a Choice state by one of its rules, or by its default."""
    if state.query_language == "JSONata":
        return _finish_jsonata(output, assigned, "", True)
    return _finish_jsonpath(None, assigned, None, state.output_path)


def catcher_finish(state: State, catcher: Catcher) -> Finish:
    """The output of a state whose error a Catcher took; the result is the error output."""
    if state.query_language == "JSONata":
        return _finish_jsonata(catcher.output, catcher.assign, "errorOutput", False)
    return _finish_jsonpath(None, catcher.assign, catcher.result_path, None)


def _finish_jsonata(
    output: Evaluator | None, assigned: Evaluator | None, key: str, default_is_input: bool
) -> Finish:
    finish_plain = _keep_input if default_is_input else _take_result
    if output is None and assigned is None:
        return finish_plain

    def finish_full(frame: Frame, result: Json, result_bytes: int) -> Json:
        states = {"input": frame.value}
        size = frame.value_bytes
        if key and not default_is_input:
            states[key] = result
            size += result_bytes
        variables = None if assigned is None else assign(assigned, frame, states, size)
        if output is not None:
            value = output.call(states, frame)
            frame.value_bytes = bound(output, frame, size, value)
            frame.value = value
        else:
            finish_plain(frame, result, result_bytes)
        return variables

    return finish_full


def _keep_input(frame: Frame, result: Json, result_bytes: int) -> Json:
    return None


def _take_result(frame: Frame, result: Json, result_bytes: int) -> Json:
    frame.value, frame.value_bytes = result, result_bytes
    return None


def _finish_jsonpath(
    selector: Evaluator | None,
    assigned: Evaluator | None,
    result_path: ResultPath | None,
    output_path: Evaluator | None,
) -> Finish:
    if selector is None and assigned is None and result_path is None and output_path is None:
        return _take_result

    def finish_full(frame: Frame, result: Json, result_bytes: int) -> Json:
        if selector is not None:
            selected = selector.call(result, frame)
            result, result_bytes = selected, bound(selector, frame, result_bytes, selected)
        variables = None if assigned is None else assign(assigned, frame, result, result_bytes)
        if result_path is not None:
            if result_path.discard:
                result, result_bytes = frame.value, frame.value_bytes
            elif result_path.steps:
                result = put_result(result_path, frame.value, result)
                keys_bytes = sum(len(str(step)) * 4 + 6 for step in result_path.steps)
                result_bytes += frame.value_bytes + keys_bytes
        if output_path is not None:
            value = output_path.call(result, frame)
            result, result_bytes = value, bound(output_path, frame, result_bytes, value)
        frame.value, frame.value_bytes = result, result_bytes
        return variables

    return finish_full
