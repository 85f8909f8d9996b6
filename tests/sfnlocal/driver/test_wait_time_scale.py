"""Step Functions Local's WAIT_TIME_SCALE."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfnlocal.testing import load


@pytest.mark.parametrize(("scale", "seconds"), [(0, 0), (0.5, 3600), (2, 14400)])
def test_only_wait_states_are_scaled(scale: float, seconds: int, tmp_path: Path) -> None:
    template = tmp_path / "app.json"
    definition = {
        "StartAt": "Rest",
        "States": {
            "Rest": {"Type": "Wait", "Seconds": 7200, "Next": "Call"},
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "none"},
                "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 10, "MaxAttempts": 1}],
                "End": True,
            },
        },
    }
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/r", "Definition": definition},
    }
    template.write_text(json.dumps({"Resources": {"Sleeper": machine}}))
    with load(template, wait_time_scale=scale) as app:
        run = app.run("Sleeper", {})
    assert run.execution.stop_ms is not None
    assert run.execution.stop_ms - run.execution.start_ms == seconds * 1000 + 10_000
