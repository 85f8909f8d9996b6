"""The event history: an append-only list of plain tuples, and its API form.

An event is `(type, previous_event_id, at_ms, *fields)`; its id is its position counted from 1.
JSON text is made here, when somebody reads, never when an event happens. `_DETAILS` says for each
type which key of botocore's HistoryEvent holds the details and how the fields become them.

Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html and
recorded histories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from sfnlocal.jsontext import json_text
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
    input_text, role_arn = fields
    return {**_input("input", input_text), "roleArn": role_arn}


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


def _iteration(fields: Sequence[Any], encode: Encode) -> Details:
    name, index = fields
    return {"name": name, "index": index}


_DETAILS: dict[str, tuple[str, Callable[[Sequence[Any], Encode], Details]]] = {
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
    "MapStateStarted": ("mapStateStartedEventDetails", _length),
    "MapIterationStarted": ("mapIterationStartedEventDetails", _iteration),
    "MapIterationSucceeded": ("mapIterationSucceededEventDetails", _iteration),
    "MapIterationFailed": ("mapIterationFailedEventDetails", _iteration),
    "MapIterationAborted": ("mapIterationAbortedEventDetails", _iteration),
}
_NO_DETAILS = frozenset(
    {
        "LambdaFunctionStarted",
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
    if event_type.endswith("StateEntered"):
        answer["stateEnteredEventDetails"] = _state_entered(fields, encode)
    elif event_type.endswith("StateExited"):
        answer["stateExitedEventDetails"] = _state_exited(fields, encode)
    elif event_type not in _NO_DETAILS:
        key, details = _DETAILS[event_type]
        answer[key] = details(fields, encode)
    return answer


def api_events(history: Sequence[Event]) -> Iterator[dict[str, Any]]:
    """The whole history. A payload that several events share is encoded once."""
    texts: dict[int, str] = {}

    def encode(value: Json) -> str:
        # The history keeps every value alive, so an id names one value.
        text = texts.get(id(value))
        if text is None:
            text = texts[id(value)] = json_text(value)
        return text

    for index, event in enumerate(history, 1):
        yield api_event(index, event, encode)
