"""The events that Step Functions sends when an execution starts or ends, onto the default bus.

Standard executions only, Express ones send none. Of the child executions of a Map Run AWS does not
say; here they send none. An event is made only where a rule or an archive could want it. It has at
most 248 KB of input and output: a larger one goes without its input, or without its output.
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

from sfnlocal.arns import parse_arn
from sfnlocal.driver.describe import described
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_bytes
from sfnlocal.limits import EVENT_PAYLOAD_BYTES_MAX
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.triggers.composition import Triggers

SOURCE = "aws.states"
DETAIL_TYPE = "Step Functions Execution Status Change"

# In AWS's order; by the names of DescribeExecution.
_FIELDS = {
    "executionArn": "ExecutionArn",
    "stateMachineArn": "StateMachineArn",
    "name": "Name",
    "status": "Status",
    "startDate": "StartDate",
    "stopDate": "StopDate",
    "input": "Input",
    "output": "Output",
    "stateMachineVersionArn": "StateMachineVersionArn",
    "stateMachineAliasArn": "StateMachineAliasArn",
    "redriveCount": "RedriveCount",
    "redriveDate": "RedriveDate",
    "redriveStatus": "RedriveStatus",
    "redriveStatusReason": "RedriveStatusReason",
    "error": "Error",
    "cause": "Cause",
}


class StatusChanges:
    def __init__(self, aws: Aws, triggers: Triggers) -> None:
        self._aws = aws
        self._triggers = triggers

    def changed(self, execution: Execution) -> None:
        """The execution has got the status that it has."""
        wanted = self._triggers.listens(
            SOURCE,
            DETAIL_TYPE,
            status=execution.status,
            stateMachineArn=execution.state_machine_arn,
        )
        if wanted and not execution.map_run_arn and not is_express(execution.arn):
            detail = status_detail(execution)
            self._aws.emit(SOURCE, DETAIL_TYPE, detail, [execution.arn])


def is_express(execution_arn: str) -> bool:
    return parse_arn(execution_arn).resource.startswith("express:")


def status_detail(execution: Execution) -> dict[str, Json]:
    """Dates are epoch milliseconds; what there is not is null."""
    known = described(execution)
    detail: dict[str, Json] = {name: known.get(field) for name, field in _FIELDS.items()}
    has_output = detail["output"] is not None
    output_bytes = json_bytes(detail["output"]) if has_output else 0
    output_included = output_bytes <= EVENT_PAYLOAD_BYTES_MAX
    input_included = json_bytes(detail["input"]) + output_bytes <= EVENT_PAYLOAD_BYTES_MAX
    if not input_included:
        detail["input"] = None
    if not output_included:
        detail["output"] = None
    detail["inputDetails"] = {"included": input_included}
    detail["outputDetails"] = {"included": output_included} if has_output else None
    return detail
