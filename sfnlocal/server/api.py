"""The Step Functions API as plain calls on a session: operation and parameters in, response out.

boto3 in this process comes here by `Aws.route`, HTTP clients later by the server. Names, shapes
and errors are those of botocore's model `stepfunctions`; dates are epoch seconds, as JSON 1.0
carries them. An operation that is not here is refused by name.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, InputError
from sfnlocal.history import api_events
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text
from sfnlocal.template import StateMachine, find_state_machine

_RESULTS_MAX = 1000
_RESULTS_DEFAULT = 100

Params = dict[str, Any]
Item = TypeVar("Item")


class StepFunctionsApi:
    """Answers for one session. `install()` makes boto3 clients in this process come here."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._operations: dict[str, Callable[[Params], Params]] = {
            "StartExecution": self._start_execution,
            "DescribeExecution": self._describe_execution,
            "ListExecutions": self._list_executions,
            "GetExecutionHistory": self._get_execution_history,
            "StopExecution": self._stop_execution,
            "SendTaskSuccess": self._send_task_success,
            "SendTaskFailure": self._send_task_failure,
            "SendTaskHeartbeat": self._send_task_heartbeat,
            "ListStateMachines": self._list_state_machines,
            "DescribeStateMachine": self._describe_state_machine,
            "DescribeStateMachineForExecution": self._describe_state_machine_for_execution,
        }

    def install(self) -> None:
        self._session.aws.route("stepfunctions", self.call)

    def call(self, operation: str, params: Params) -> Params:
        """Raises ApiError, which the caller sees as the AWS error of that code."""
        answer = self._operations.get(operation)
        if answer is None:
            message = f"sfnlocal does not answer {operation} yet"
            raise ApiError("UnknownOperationException", message)
        return answer(params)

    def _start_execution(self, params: Params) -> Params:
        state_machine = self._state_machine(params["stateMachineArn"])
        execution = self._session.start_execution_text(
            state_machine, params.get("input", "{}"), params.get("name")
        )
        return {"executionArn": execution.arn, "startDate": execution.start_ms / 1000}

    def _describe_execution(self, params: Params) -> Params:
        execution = self._session.execution(params["executionArn"])
        answer = {
            **_summary(execution),
            "input": execution.input_text,
            "inputDetails": {"included": True},
            "redriveStatus": "NOT_REDRIVABLE",
        }
        if execution.status == "SUCCEEDED":
            answer["output"] = json_text(execution.output)
            answer["outputDetails"] = {"included": True}
        if execution.status in ("FAILED", "TIMED_OUT", "ABORTED"):
            answer["redriveStatus"] = "REDRIVABLE"
        else:
            answer["redriveStatusReason"] = (
                f"Execution is {execution.status} and cannot be redriven"
            )
        if execution.error is not None:
            answer["error"] = execution.error
        if execution.cause is not None:
            answer["cause"] = execution.cause
        return answer

    def _list_executions(self, params: Params) -> Params:
        state_machine = self._state_machine(params["stateMachineArn"])
        status = params.get("statusFilter")
        executions = [
            _summary(execution)
            for execution in self._session.executions.values()
            if execution.state_machine_arn == state_machine.arn
            and (status is None or execution.status == status)
        ]
        executions.sort(key=lambda summary: summary["startDate"], reverse=True)
        return _page("executions", executions, params)

    def _get_execution_history(self, params: Params) -> Params:
        execution = self._session.execution(params["executionArn"])
        events = [
            {**event, "timestamp": event["timestamp"] / 1000}
            for event in api_events(execution.history)
        ]
        if params.get("reverseOrder"):
            events.reverse()
        return _page("events", events, params)

    def _stop_execution(self, params: Params) -> Params:
        execution = self._session.stop_execution(
            params["executionArn"], params.get("error"), params.get("cause")
        )
        assert execution.stop_ms is not None
        return {"stopDate": execution.stop_ms / 1000}

    def _send_task_success(self, params: Params) -> Params:
        try:
            output = json.loads(params["output"])
        except ValueError as error:
            raise ApiError("InvalidOutput", f"Invalid Output: '{error}'") from error
        self._session.send_task_success(params["taskToken"], output)
        return {}

    def _send_task_failure(self, params: Params) -> Params:
        self._session.send_task_failure(
            params["taskToken"], params.get("error"), params.get("cause")
        )
        return {}

    def _send_task_heartbeat(self, params: Params) -> Params:
        self._session.send_task_heartbeat(params["taskToken"])
        return {}

    def _list_state_machines(self, params: Params) -> Params:
        machines = [
            {
                "stateMachineArn": machine.arn,
                "name": machine.name,
                "type": machine.type,
                "creationDate": self._session.start_ms / 1000,
            }
            for machine in self._session.app.state_machines
        ]
        return _page("stateMachines", machines, params)

    def _describe_state_machine(self, params: Params) -> Params:
        machine = self._state_machine(params["stateMachineArn"])
        return {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "status": "ACTIVE",
            "definition": json_text(machine.definition),
            "roleArn": machine.role_arn,
            "type": machine.type,
            "creationDate": self._session.start_ms / 1000,
        }

    def _describe_state_machine_for_execution(self, params: Params) -> Params:
        execution = self._session.execution(params["executionArn"])
        machine = self._state_machine(execution.state_machine_arn)
        return {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "definition": json_text(machine.definition),
            "roleArn": machine.role_arn,
            "updateDate": self._session.start_ms / 1000,
        }

    def _state_machine(self, arn: str) -> StateMachine:
        try:
            return find_state_machine(self._session.app, arn)
        except InputError as error:
            message = f"State Machine Does Not Exist: '{arn}'"
            raise ApiError("StateMachineDoesNotExist", message) from error


def _summary(execution: Execution) -> Params:
    summary = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_ms / 1000,
        "redriveCount": 0,
    }
    if execution.stop_ms is not None:
        summary["stopDate"] = execution.stop_ms / 1000
    return summary


def _page(key: str, items: Sequence[Item], params: Params) -> Params:
    """One page of a list; the token is the position of the next one."""
    start = 0
    if token := params.get("nextToken"):
        try:
            start = int(base64.b64decode(token, validate=True))
        except ValueError as error:
            raise ApiError("InvalidToken", f"Invalid Token: '{token}'") from error
    size = min(params.get("maxResults") or _RESULTS_DEFAULT, _RESULTS_MAX)
    page: Params = {key: list(items[start : start + size])}
    if start + size < len(items):
        page["nextToken"] = base64.b64encode(str(start + size).encode()).decode()
    return page
