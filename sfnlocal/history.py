"""The event history: an append-only list of plain tuples, and its API form.

An event is `(type, previous_event_id, at_ms, *fields)`; its id is its position counted from 1.
JSON text is made here, when somebody reads, never when an event happens. `_DETAILS` says for each
type which key of botocore's HistoryEvent holds the details and how the fields become them.

Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html and
recorded histories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, TypeAlias

from sfnlocal.jsontext import json_ascii, json_text
from sfnlocal.ports import Json

Event: TypeAlias = tuple[Any, ...]
Encode: TypeAlias = Callable[[Json], str]
Details: TypeAlias = dict[str, Any]

_NOT_TRUNCATED = {"truncated": False}


def _input(name: str, text: str) -> Details:
    return {name: text, f"{name}Details": _NOT_TRUNCATED}


def _present(**fields: Any) -> Details:
    return {key: value for key, value in fields.items() if value is not None}


def _execution_started(fields: Sequence[Any], encode: Encode) -> Details:
    input_text, role_arn, version_arn, alias_arn = fields
    details = {**_input("input", input_text), "roleArn": role_arn}
    if version_arn:
        details["stateMachineVersionArn"] = version_arn
    if alias_arn:
        details["stateMachineAliasArn"] = alias_arn
    return details


def _state_entered(fields: Sequence[Any], encode: Encode) -> Details:
    name, value = fields
    return {"name": name, **_input("input", encode(value))}


def _state_exited(fields: Sequence[Any], encode: Encode) -> Details:
    name, value, assigned = fields
    details = {"name": name, **_input("output", encode(value))}
    if assigned:
        details["assignedVariables"] = {key: encode(item) for key, item in assigned.items()}
        details["assignedVariablesDetails"] = _NOT_TRUNCATED
    return details


def _output(fields: Sequence[Any], encode: Encode) -> Details:
    return _input("output", encode(fields[0]))


def _failure(fields: Sequence[Any], encode: Encode) -> Details:
    error, cause = fields
    return _present(error=error, cause=cause)


def _evaluation_failed(fields: Sequence[Any], encode: Encode) -> Details:
    error, cause, location, state = fields
    return _present(error=error, cause=cause, location=location, state=state)


def _function_scheduled(fields: Sequence[Any], encode: Encode) -> Details:
    resource, value, timeout_seconds, role_arn = fields
    return {
        "resource": resource,
        **_input("input", encode(value)),
        **_present(
            timeoutInSeconds=timeout_seconds,
            taskCredentials=None if role_arn is None else {"roleArn": role_arn},
        ),
    }


def _activity_scheduled(fields: Sequence[Any], encode: Encode) -> Details:
    resource, value, timeout_seconds, heartbeat_seconds = fields
    return {
        "resource": resource,
        **_input("input", encode(value)),
        **_present(timeoutInSeconds=timeout_seconds, heartbeatInSeconds=heartbeat_seconds),
    }


def _task_scheduled(fields: Sequence[Any], encode: Encode) -> Details:
    service, action, region, parameters, timeout_seconds, heartbeat_seconds, role_arn = fields
    return {
        "resourceType": service,
        "resource": action,
        "region": region,
        "parameters": encode(parameters),
        **_present(
            timeoutInSeconds=timeout_seconds,
            heartbeatInSeconds=heartbeat_seconds,
            taskCredentials=None if role_arn is None else {"roleArn": role_arn},
        ),
    }


def _task(fields: Sequence[Any], encode: Encode) -> Details:
    service, action = fields
    return {"resourceType": service, "resource": action}


def _task_output(fields: Sequence[Any], encode: Encode) -> Details:
    service, action, value = fields
    return {"resourceType": service, "resource": action, **_input("output", encode(value))}


def _task_failure(fields: Sequence[Any], encode: Encode) -> Details:
    service, action, error, cause = fields
    return {"resourceType": service, "resource": action, **_present(error=error, cause=cause)}


def _worker(fields: Sequence[Any], encode: Encode) -> Details:
    return _present(workerName=fields[0])


def _length(fields: Sequence[Any], encode: Encode) -> Details:
    return {"length": fields[0]}


def _map_run(fields: Sequence[Any], encode: Encode) -> Details:
    return {"mapRunArn": fields[0]}


def _map_run_redriven(fields: Sequence[Any], encode: Encode) -> Details:
    arn, redrive_count = fields
    return {"mapRunArn": arn, "redriveCount": redrive_count}


def _redrive_count(fields: Sequence[Any], encode: Encode) -> Details:
    return {"redriveCount": fields[0]}


def _iteration(fields: Sequence[Any], encode: Encode) -> Details:
    name, index = fields
    return {"name": name, "index": index}


_STATE_TYPES = ("Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")
_DETAILS: dict[str, tuple[str, Callable[[Sequence[Any], Encode], Details]]] = {
    **{
        f"{state_type}StateEntered": ("stateEnteredEventDetails", _state_entered)
        for state_type in _STATE_TYPES
    },
    **{
        f"{state_type}StateExited": ("stateExitedEventDetails", _state_exited)
        for state_type in _STATE_TYPES
    },
    "ExecutionStarted": ("executionStartedEventDetails", _execution_started),
    "ExecutionSucceeded": ("executionSucceededEventDetails", _output),
    "ExecutionFailed": ("executionFailedEventDetails", _failure),
    "ExecutionTimedOut": ("executionTimedOutEventDetails", _failure),
    "ExecutionAborted": ("executionAbortedEventDetails", _failure),
    "EvaluationFailed": ("evaluationFailedEventDetails", _evaluation_failed),
    "LambdaFunctionScheduled": ("lambdaFunctionScheduledEventDetails", _function_scheduled),
    "LambdaFunctionSucceeded": ("lambdaFunctionSucceededEventDetails", _output),
    "LambdaFunctionFailed": ("lambdaFunctionFailedEventDetails", _failure),
    "LambdaFunctionTimedOut": ("lambdaFunctionTimedOutEventDetails", _failure),
    "ActivityScheduled": ("activityScheduledEventDetails", _activity_scheduled),
    "ActivityStarted": ("activityStartedEventDetails", _worker),
    "ActivitySucceeded": ("activitySucceededEventDetails", _output),
    "ActivityFailed": ("activityFailedEventDetails", _failure),
    "ActivityTimedOut": ("activityTimedOutEventDetails", _failure),
    "TaskScheduled": ("taskScheduledEventDetails", _task_scheduled),
    "TaskStarted": ("taskStartedEventDetails", _task),
    "TaskSubmitted": ("taskSubmittedEventDetails", _task_output),
    "TaskSucceeded": ("taskSucceededEventDetails", _task_output),
    "TaskFailed": ("taskFailedEventDetails", _task_failure),
    "TaskTimedOut": ("taskTimedOutEventDetails", _task_failure),
    "ExecutionRedriven": ("executionRedrivenEventDetails", _redrive_count),
    "MapStateStarted": ("mapStateStartedEventDetails", _length),
    "MapRunStarted": ("mapRunStartedEventDetails", _map_run),
    "MapRunRedriven": ("mapRunRedrivenEventDetails", _map_run_redriven),
    "MapRunFailed": ("mapRunFailedEventDetails", _failure),
    "MapIterationStarted": ("mapIterationStartedEventDetails", _iteration),
    "MapIterationSucceeded": ("mapIterationSucceededEventDetails", _iteration),
    "MapIterationFailed": ("mapIterationFailedEventDetails", _iteration),
    "MapIterationAborted": ("mapIterationAbortedEventDetails", _iteration),
}
# Events of a name and one more field, which `json_events` writes without a dictionary.
_PLAIN = {
    **{f"{state_type}StateEntered": "input" for state_type in _STATE_TYPES},
    **{f"{state_type}StateExited": "output" for state_type in _STATE_TYPES},
    "MapIterationStarted": "index",
    "MapIterationSucceeded": "index",
}
_EXECUTION_DATA = frozenset(
    {
        "input",
        "inputDetails",
        "output",
        "outputDetails",
        "parameters",
        "assignedVariables",
        "assignedVariablesDetails",
    }
)
_NO_DETAILS = frozenset(
    {
        "LambdaFunctionStarted",
        "MapRunSucceeded",
        "MapRunAborted",
        "MapStateSucceeded",
        "MapStateFailed",
        "MapStateAborted",
        "ParallelStateStarted",
        "ParallelStateSucceeded",
        "ParallelStateFailed",
        "ParallelStateAborted",
        "TaskStateAborted",
        "WaitStateAborted",
    }
)


def api_event(event_id: int, event: Event, encode: Encode = json_text) -> dict[str, Any]:
    """One event as GetExecutionHistory gives it; `timestamp` is epoch milliseconds."""
    event_type, previous_event_id, at_ms, *fields = event
    answer: dict[str, Any] = {
        "id": event_id,
        "previousEventId": previous_event_id,
        "timestamp": at_ms,
        "type": event_type,
    }
    if event_type not in _NO_DETAILS:
        key, details = _DETAILS[event_type]
        answer[key] = details(fields, encode)
    return answer


def event_details(event: Event, encode: Encode = json_text) -> Details:
    """What an event has beside its type, time and predecessor; the same as its API form has."""
    event_type, _, _, *fields = event
    return {} if event_type in _NO_DETAILS else _DETAILS[event_type][1](fields, encode)


def without_data(details: Details) -> Details:
    """The details where execution data is not wanted."""
    return {name: value for name, value in details.items() if name not in _EXECUTION_DATA}


def api_events(history: Sequence[Event]) -> Iterator[dict[str, Any]]:
    """The whole history. A payload that several events share is encoded once."""
    encode = _Texts()
    for index, event in enumerate(history, 1):
        yield api_event(index, event, encode)


def json_events(history: Sequence[Event], first: int = 1) -> Iterator[str]:
    """Each event as the JSON text that the API sends; timestamps are epoch seconds. `first` is
    the id of the first one.

    Nearly all events enter or leave a state: theirs is put together around the payload's text,
    four times as fast as encoding a dictionary of it.
    """
    encode = _Texts()
    literals: dict[int, str] = {}
    starts: dict[tuple[str, str], str] = {}
    for index, event in enumerate(history, first):
        event_type, previous_event_id, at_ms, *fields = event
        head = f'{{"id":{index},"previousEventId":{previous_event_id},"timestamp":{at_ms / 1000},'
        key = _PLAIN.get(event_type)
        if key is None or (len(fields) == 3 and fields[2]):
            details = api_event(index, event, encode)
            for name in ("id", "previousEventId", "timestamp"):
                del details[name]
            yield head + json_ascii(details)[1:]
            continue
        start = starts.get((event_type, fields[0]))
        if start is None:
            start = starts[event_type, fields[0]] = _event_start(event_type, fields[0], key)
        value = fields[1]
        if key == "index":
            yield f"{head}{start}{value}}}}}"
            continue
        literal = literals.get(id(value))
        if literal is None:
            literal = literals[id(value)] = encode_basestring_ascii(encode(value))
        yield f"{head}{start}{literal}}}}}"


def _event_start(event_type: str, name: str, field: str) -> str:
    """The text of an event about a state or iteration, up to its payload or index."""
    details = _DETAILS[event_type][0]
    truncated = "" if field == "index" else f'"{field}Details":{{"truncated":false}},'
    named = f'"name":{encode_basestring_ascii(name)}'
    return f'"type":"{event_type}","{details}":{{{named},{truncated}"{field}":'


class _Texts:
    """JSON text of payloads, made once for each. The history keeps every value alive, so an id
    names one value."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}

    def __call__(self, value: Json) -> str:
        text = self._texts.get(id(value))
        if text is None:
            text = self._texts[id(value)] = json_text(value)
        return text
