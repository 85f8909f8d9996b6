"""What `run` prints of a Map Run's children."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfnlocal.cli import main

DEFINITION = {
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "Label": "each",
            "ToleratedFailureCount": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Look",
                "States": {
                    "Look": {
                        "Type": "Choice",
                        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Refuse"}],
                        "Default": "Take",
                    },
                    "Refuse": {"Type": "Fail", "Error": "Two"},
                    "Take": {"Type": "Pass", "End": True},
                },
            },
            "End": True,
        }
    },
}


def test_of_many_children_those_are_shown_that_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    role = "arn:aws:iam::123456789012:role/r"
    properties = {"StateMachineName": "m", "RoleArn": role, "Definition": DEFINITION}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    template = tmp_path / "app.json"
    template.write_text(json.dumps({"Resources": {"M": machine}}))
    assert main(["run", "--app", str(template), "M", "--input", "[1, 2, 3]"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("m")] == ["m  SUCCEEDED", "m/each  FAILED"]
