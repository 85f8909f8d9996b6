"""`sfnlocal replay`: an execution of AWS, run again from its history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.cli import main

APP = Path(__file__).parent / "app" / "template.yaml"


@pytest.fixture
def history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Of a run of the state machine Sorter."""
    arguments = ["run", "Sorter", "--app", str(APP), "--input", '{"grams": 5}']
    main([*arguments, "--format", "json", "--history"])
    path = tmp_path / "aws.json"
    path.write_text(json.dumps({"events": json.loads(capsys.readouterr().out)["events"]}))
    return path


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    from sfnlocal.template import find_resource, load_app

    app = load_app(APP)
    resource = find_resource(app, "Sorter", "AWS::StepFunctions::StateMachine")
    machine = next(one for one in app.state_machines if one.resource is resource)
    path = tmp_path / "machine.json"
    text = machine.definition
    text = text if isinstance(text, str) else json.dumps(text)
    arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:Sorter"
    path.write_text(json.dumps({"stateMachineArn": arn, "definition": text}))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["replay", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_apps_state_machine_tells_the_same(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, str(history), "--app", str(APP), "--state-machine", "Sorter")
    assert (code, out) == (0, "the replay tells the same: 10 events\n")


def test_a_description_of_the_state_machine_is_a_definition_too(
    history: Path, definition: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = "arn:aws:states:eu-west-1:111122223333:execution:Sorter:x"
    options = ("--definition", str(definition), "--execution-arn", arn, "--format", "json")
    code, out, _ = run(capsys, str(history), *options)
    assert (code, json.loads(out)) == (0, {"events": 10, "difference": None})


def test_a_difference_is_shown_with_both_sides(
    history: Path, definition: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document: dict[str, Any] = json.loads(history.read_text())
    last = document["events"][-1]["executionSucceededEventDetails"]
    last["output"] = json.dumps({**json.loads(last["output"]), "added": 1})
    history.write_text(json.dumps(document))
    code, out, _ = run(capsys, str(history), "--definition", str(definition))
    assert code == 1
    assert out.startswith(
        "event 10, ExecutionSucceeded\n"
        "/executionSucceededEventDetails/output/added: only the record has it: 1\n\n"
        "recorded: event 10, ExecutionSucceeded\n"
    )
    assert "\n\nreplayed: event 10, ExecutionSucceeded\n" in out
    options = ("--definition", str(definition), "--format", "json")
    code, out, _ = run(capsys, str(history), *options)
    found = json.loads(out)["difference"]
    assert code == 1
    assert set(found) == {"state", "path", "why", "recorded", "replayed"}
    assert found["recorded"]["id"] == found["replayed"]["id"] == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "which state machine ran is not known"),
        (["--definition", "x.json", "--app", "cdk.out"], "not together with --app"),
        (["--definition", "gone.json"], "gone.json: cannot be read"),
        (["--app", str(APP), "--state-machine", "Nobody"], "Nobody"),
        (
            ["--app", str(APP), "--state-machine", "Sorter", "--execution-arn", "x"],
            "'x' is no execution's ARN",
        ),
        (["--app", str(APP), "--state-machine", "Sorter", "--same", "x"], "'x' is no pair"),
    ],
)
def test_what_cannot_be_used_is_refused(
    options: list[str], message: str, history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, str(history), *options)
    assert (code, out) == (2, "")
    assert message in err


def test_a_file_that_is_no_history_is_refused(
    definition: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, str(definition), "--definition", str(definition))
    assert code == 2
    assert "machine.json: no history: " in err
    assert "hint: export it with: aws stepfunctions get-execution-history" in err


def test_a_broken_definition_is_refused(
    history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"StartAt": "A",\n"States": }')
    code, _, err = run(capsys, str(history), "--definition", str(broken))
    assert code == 2
    assert "broken.json:2:11: not JSON" in err
    broken.write_text('{"StartAt": "A", "States": {}}')
    code, _, err = run(capsys, str(history), "--definition", str(broken))
    assert code == 2
    assert "broken.json" in err
