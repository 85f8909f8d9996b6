"""Executions: started, described, listed, stopped, and their histories.

Of Express executions AWS keeps only logs: they answer no other operation than the one that started
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, TypeAlias

from sfnlocal.driver.redrive import redrive_status
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, InputError
from sfnlocal.history import api_event, without_data
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text
from sfnlocal.server.names import checked_arn
from sfnlocal.server.paging import page
from sfnlocal.server.state_machines import Revision, StateMachineOperations

Params = dict[str, Any]
Answer: TypeAlias = "Params | Future[Params]"

_INCLUDED = {"included": True}
# Express is billed by 64 MB and 100 ms. https://aws.amazon.com/step-functions/pricing/
_BILLED_MEMORY_MB = 64
_BILLED_STEP_MS = 100


class ExecutionOperations:
    def __init__(self, session: Session, machines: StateMachineOperations) -> None:
        self._session = session
        self._machines = machines

    @property
    def operations(self) -> Mapping[str, Callable[[Params], Answer]]:
        return {
            "StartExecution": self._start,
            "StartSyncExecution": self._start_sync,
            "DescribeExecution": self._describe,
            "ListExecutions": self._list,
            "StopExecution": self._stop,
            "GetExecutionHistory": self._history,
        }

    def _start(self, params: Params) -> Params:
        machine, test_case = self._named(params)
        execution = self._begin(machine, params, test_case)
        return {"executionArn": execution.arn, "startDate": execution.start_ms / 1000}

    def _start_sync(self, params: Params) -> Future[Params]:
        """Answered when the execution has ended."""
        machine, test_case = self._named(params)
        if machine.type != "EXPRESS":
            raise _type_not_supported()
        execution = self._begin(machine, params, test_case)
        answer: Future[Params] = Future()

        def ended(execution: Execution) -> None:
            if answer.set_running_or_notify_cancel():
                answer.set_result(_sync_result(execution, params))

        self._session.on_ended(execution, ended)
        return answer

    def _named(self, params: Params) -> tuple[Revision, str | None]:
        """The state machine and, after `#` as Step Functions Local has it, the test case."""
        arn, mark, test_case = params["stateMachineArn"].partition("#")
        return self._machines.usable(arn), test_case if mark else None

    def _begin(self, machine: Revision, params: Params, test_case: str | None) -> Execution:
        input_text, name = params.get("input", "{}"), params.get("name")
        try:
            return self._session.start_execution_text(machine, input_text, name, test_case)
        except InputError as error:
            raise ApiError("ValidationException", str(error)) from None

    def _execution(self, params: Params) -> Execution:
        arn = params["executionArn"]
        checked_arn(arn, "execution")
        return self._session.execution(arn)

    def _describe(self, params: Params) -> Params:
        execution = self._execution(params)
        answer = {
            **_summary(execution),
            **_payloads(execution, hidden=params.get("includedData") == "METADATA_ONLY"),
        }
        deleted = self._machines.is_deleted(execution.state_machine_arn)
        answer["redriveStatus"], reason = redrive_status(
            execution, self._session.now_ms, machine_deleted=deleted
        )
        if reason:
            answer["redriveStatusReason"] = reason
        return answer

    def _list(self, params: Params) -> Params:
        if ("stateMachineArn" in params) == ("mapRunArn" in params):
            message = "Either stateMachineArn or mapRunArn must be specified."
            raise ApiError("ValidationException", message)
        if "mapRunArn" in params:
            checked_arn(params["mapRunArn"], "mapRun")
            map_runs = self._session.map_runs
            started = map_runs.children(map_runs.find(params["mapRunArn"]))
        else:
            started = self._started(params["stateMachineArn"])
        status, redriven = params.get("statusFilter"), params.get("redriveFilter")
        found = (
            execution
            for execution in started
            if status in (None, execution.status)
            and redriven in (None, "REDRIVEN" if execution.redrive_count else "NOT_REDRIVEN")
        )
        return page("executions", found, params, key=lambda execution: execution.arn, shown=_listed)

    def _started(self, state_machine_arn: str) -> Iterator[Execution]:
        """The latest first; of a Map state's ARN, its child executions."""
        machine = self._machines.known(state_machine_arn.partition("/")[0])
        if machine.type == "EXPRESS":
            raise _type_not_supported()
        # The session keeps them in the order in which they started.
        return (
            execution
            for execution in reversed(self._session.executions.values())
            if state_machine_arn
            in (
                execution.state_machine_arn,
                execution.version_arn,
                execution.alias_arn,
            )
        )

    def _stop(self, params: Params) -> Params:
        execution = self._execution(params)
        self._session.stop_execution(execution.arn, params.get("error"), params.get("cause"))
        assert execution.stop_ms is not None
        return {"stopDate": execution.stop_ms / 1000}

    def _history(self, params: Params) -> Params:
        history = self._execution(params).history
        hidden = params.get("includeExecutionData") is False
        ids = range(1, len(history) + 1)

        def shown(event_id: int) -> Params:
            event = api_event(event_id, history[event_id - 1])
            event["timestamp"] /= 1000
            return _without_data(event) if hidden else event

        return page(
            "events",
            reversed(ids) if params.get("reverseOrder") else ids,
            params,
            key=lambda event_id: event_id,
            shown=shown,
        )


def _type_not_supported() -> ApiError:
    message = "This operation is not supported by this type of state machine"
    return ApiError("StateMachineTypeNotSupported", message)


def _summary(execution: Execution) -> Params:
    summary: Params = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_ms / 1000,
        "redriveCount": execution.redrive_count,
    }
    if execution.redrive_ms is not None:
        summary["redriveDate"] = execution.redrive_ms / 1000
    if execution.version_arn:
        summary["stateMachineVersionArn"] = execution.version_arn
    if execution.alias_arn:
        summary["stateMachineAliasArn"] = execution.alias_arn
    if execution.stop_ms is not None:
        summary["stopDate"] = execution.stop_ms / 1000
    if execution.map_run_arn:
        summary["mapRunArn"] = execution.map_run_arn
    return summary


def _listed(execution: Execution) -> Params:
    summary = _summary(execution)
    if execution.map_run_arn:
        summary["itemCount"] = execution.item_count
    return summary


def _payloads(execution: Execution, *, hidden: bool = False) -> Params:
    """Input, output, error and cause, as far as there are any."""
    details = {"included": False} if hidden else _INCLUDED
    answer: Params = {"inputDetails": details}
    if not hidden:
        answer["input"] = execution.input_text
    if execution.status == "SUCCEEDED":
        answer["outputDetails"] = details
        if not hidden:
            answer["output"] = json_text(execution.output)
    if execution.error is not None and not hidden:
        answer["error"] = execution.error
    if execution.cause is not None and not hidden:
        answer["cause"] = execution.cause
    return answer


def _sync_result(execution: Execution, params: Params) -> Params:
    assert execution.stop_ms is not None
    elapsed_ms = execution.stop_ms - execution.start_ms
    answer = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_ms / 1000,
        "stopDate": execution.stop_ms / 1000,
        **_payloads(execution, hidden=params.get("includedData") == "METADATA_ONLY"),
        "billingDetails": {
            "billedMemoryUsedInMB": _BILLED_MEMORY_MB,
            "billedDurationInMilliseconds": max(1, -(-elapsed_ms // _BILLED_STEP_MS))
            * _BILLED_STEP_MS,
        },
    }
    if "traceHeader" in params:
        answer["traceHeader"] = params["traceHeader"]
    return answer


def _without_data(event: Params) -> Params:
    """The event as it is without execution data."""
    return {
        name: without_data(value) if isinstance(value, dict) else value
        for name, value in event.items()
    }
