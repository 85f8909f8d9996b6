"""The nets of the order workflow from outside: what the rule and the schedule start."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sfnlocal.testing import LocalApp, Run
from tests.workflows.shop import stop

# An event's input and output together; the input is left out where they are larger.
PAYLOAD_BYTES_MAX = 248 * 1024


def status_change(run: Run) -> dict[str, Any]:
    """The event of a run that has ended.
    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html"""
    execution = run.execution
    assert execution.stop_ms is not None
    included = len(json.dumps(execution.input_text)) <= PAYLOAD_BYTES_MAX
    return {
        "version": "0",
        "id": "315c1398-40ff-a850-213b-158f73e60175",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "123456789012",
        "time": datetime.fromtimestamp(execution.stop_ms // 1000, UTC).isoformat(),
        "region": execution.region,
        "resources": [run.arn],
        "detail": {
            "executionArn": run.arn,
            "stateMachineArn": execution.state_machine_arn,
            "name": execution.name,
            "status": run.status,
            "startDate": execution.start_ms,
            "stopDate": execution.stop_ms,
            "input": execution.input_text if included else None,
            "output": None,
            "inputDetails": {"included": included},
            "outputDetails": None,
            "error": run.error,
            "cause": run.cause,
            "redriveCount": 0,
            "redriveDate": None,
            "redriveStatus": "REDRIVABLE",
            "redriveStatusReason": None,
        },
    }


def hear(app: LocalApp, event: dict[str, Any]) -> Run:
    """The rule hears of an event that matches its pattern, and starts its target."""
    rule = properties(app, "Orders/Recorder/FailedRuns")
    pattern = rule["EventPattern"]
    assert event["source"] in pattern["source"]
    assert event["detail-type"] in pattern["detail-type"]
    for field, values in pattern["detail"].items():
        assert event["detail"][field] in values
    [target] = rule["Targets"]
    assert target["InputPath"] == "$.detail"
    return app.start(target["Arn"], event["detail"])


def record(app: LocalApp, run: Run) -> Run:
    """The Recorder that the rule starts when the run has ended."""
    recorder = hear(app, status_change(run))
    app.advance(minutes=1)
    return recorder.assert_succeeded()


def sweep(app: LocalApp) -> list[Run]:
    """The schedule's hour has come: the Recorders that the Sweep starts."""
    before = len(app.executions("Recorder"))
    target = properties(app, "Orders/Sweep/Hourly")["Target"]
    swept = app.start(target["Arn"], json.loads(target["Input"]))
    app.advance(minutes=1)
    swept.assert_succeeded()
    return app.executions("Recorder")[before:]


def stop_after(app: LocalApp, order: dict[str, Any], *, seconds: int) -> Run:
    """An order that somebody stops, too abruptly for any Catch."""
    run = app.start("Order", order, order["orderId"])
    app.advance(seconds=seconds)
    stop(app, run)
    return run


def properties(app: LocalApp, path: str) -> dict[str, Any]:
    [resource] = [one for one in app.app.resources if one.path.removesuffix("/Resource") == path]
    return dict(resource.properties)
