"""What DescribeExecution says of an execution, in the casing of the service integrations.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
"""

from __future__ import annotations

from typing import Any

from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text


def described(execution: Execution) -> dict[str, Any]:
    """Dates are epoch milliseconds; absent fields are absent."""
    answer: dict[str, Any] = {
        "ExecutionArn": execution.arn,
        "Input": execution.input_text,
        "InputDetails": {"Included": True},
        "Name": execution.name,
        "RedriveCount": 0,
        "StartDate": execution.start_ms,
        "StateMachineArn": execution.state_machine_arn,
        "Status": execution.status,
    }
    if execution.version_arn:
        answer["StateMachineVersionArn"] = execution.version_arn
    if execution.alias_arn:
        answer["StateMachineAliasArn"] = execution.alias_arn
    redrivable = execution.status in ("FAILED", "TIMED_OUT", "ABORTED")
    answer["RedriveStatus"] = "REDRIVABLE" if redrivable else "NOT_REDRIVABLE"
    if not redrivable:
        answer["RedriveStatusReason"] = f"Execution is {execution.status} and cannot be redriven"
    if execution.stop_ms is not None:
        answer["StopDate"] = execution.stop_ms
    if execution.status == "SUCCEEDED":
        answer["Output"] = json_text(execution.output)
        answer["OutputDetails"] = {"Included": True}
    if execution.error is not None:
        answer["Error"] = execution.error
    if execution.cause is not None:
        answer["Cause"] = execution.cause
    return answer
