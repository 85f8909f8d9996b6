"""What DescribeExecution says of an execution, in the casing of the service integrations.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
"""

from __future__ import annotations

from typing import Any

from sfnlocal.driver.redrive import redrive_status
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text


def described(execution: Execution) -> dict[str, Any]:
    """When it has just ended. Dates are epoch milliseconds; absent fields are absent."""
    answer: dict[str, Any] = {
        "ExecutionArn": execution.arn,
        "Input": execution.input_text,
        "InputDetails": {"Included": True},
        "Name": execution.name,
        "RedriveCount": execution.redrive_count,
        "StartDate": execution.start_ms,
        "StateMachineArn": execution.state_machine_arn,
        "Status": execution.status,
    }
    if execution.version_arn:
        answer["StateMachineVersionArn"] = execution.version_arn
    if execution.alias_arn:
        answer["StateMachineAliasArn"] = execution.alias_arn
    if execution.redrive_ms is not None:
        answer["RedriveDate"] = execution.redrive_ms
    answer["RedriveStatus"], reason = redrive_status(execution, execution.now_ms)
    if reason:
        answer["RedriveStatusReason"] = reason
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
