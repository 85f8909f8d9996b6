"""What the commands print and how they end, for a small app and for each wrong use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.cli import listing, main
from sfnlocal.cli.progress import Progress
from sfnlocal.driver.session import Session
from sfnlocal.template import load_app

HERE = Path(__file__).parent
CASES = json.loads((HERE / "cases" / "commands.json").read_text())
COMMANDS = ("run", "list", "graph", "validate", "diff")


@pytest.fixture(autouse=True)
def in_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE / "app")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_command_prints_what_it_should(
    case: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(case["arguments"])
    out, err = capsys.readouterr()
    app = str(HERE / "app")
    assert out.splitlines() == case.get("out", [])
    assert err.replace(app, "{app}").splitlines() == case.get("err", [])
    assert code == case["code"]


# Help and version


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_an_example_of_it(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    examples = capsys.readouterr().out.partition("examples:")[2]
    assert f"  sfnlocal {command}" in examples


def test_the_help_shows_every_command_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    examples = capsys.readouterr().out.partition("examples:")[2]
    for command in COMMANDS:
        assert f"  sfnlocal {command}" in examples


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("sfnlocal ")


# Wrong use


def test_no_command_is_wrong_use_and_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "examples:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["deploy"],
        ["run"],
        ["run", "Sorter", "--seed", "many"],
        ["run", "Sorter", "--jsonata", "other"],
        ["run", "Sorter", "--real-time", "--start-at", "2026-01-01"],
        ["list", "--format", "xml"],
    ],
    ids=" ".join,
)
def test_arguments_that_are_not_understood_end_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: sfnlocal" in capsys.readouterr().err


def test_an_interrupt_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(path: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "open_app", interrupt)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "sfnlocal: interrupted\n"


def test_a_reader_that_has_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "sfnlocal", "graph", "Sorter", "--app", "template.yaml"]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


# Input, output


def test_input_comes_from_stdin_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (HERE / "app" / "letter.json").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        code = main(["run", "Sorter", "--app", "template.yaml", "--input", "-"])
    assert code == 0
    assert '"grams":20' in capsys.readouterr().out


@pytest.mark.parametrize("engine", ["jlens", "jsonata-python"])
def test_both_jsonata_engines_run(engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--app", "template.yaml", "--input", '{"n": 20}', "--jsonata", engine]
    assert main(["run", "Doubling", *arguments]) == 0
    assert "output  40" in capsys.readouterr().out


def test_the_seed_makes_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    names = []
    for seed in ("1", "2", "1"):
        main(["run", "Sorter", "--app", "template.yaml", "--input", '{"grams": 1}', "--seed", seed])
        names.append(capsys.readouterr().out.splitlines()[1])
    assert names[0] == names[2] != names[1]


def test_json_has_the_execution_what_it_started_and_the_contents(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--app", "template.yaml", "--input", '{"grams": 5}', "--name", "family-1"]
    code = main(["run", "Family", *arguments, "--format", "json", "--contents", "--history"])
    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert report["name"] == "family-1"
    assert report["output"] == {"grams": 5, "kind": "letter"}
    [child] = report["executions"]
    assert report["path"][0]["attempts"][0]["executionArn"] == child["executionArn"]
    assert child["stateTransitions"] == 4
    assert child["events"][-1]["type"] == "ExecutionSucceeded"
    assert report["waiting"] == []
    assert [queue["name"] for queue in report["contents"]["queues"]] == ["Questions"]


def test_json_tells_who_waits_for_which_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "Asking", "--app", "template.yaml", "--format", "json"]) == 1
    [waiting] = json.loads(capsys.readouterr().out)["waiting"]
    assert waiting["state"] == "Ask"
    assert waiting["taskToken"]


def test_a_list_as_json_has_the_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--app", "template.yaml", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    problems = [one["id"] for one in found["state_machines"] if one["problem"]]
    assert problems == ["Broken"]
    assert [one["id"] for one in found["functions"] if one["problem"]] == ["Drawing"]
    assert [one["kind"] for one in found["not_simulated"]] == ["CloudWatch::Dashboard"]


def test_a_run_is_drawn_at_once_or_from_its_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at_once, report = tmp_path / "run.svg", tmp_path / "run.json"
    arguments = ["--app", "template.yaml", "--input", '{"grams": 5}', "--name", "f"]
    assert main(["run", "Family", *arguments, "--format", "json", "--svg", str(at_once)]) == 0
    report.write_text(capsys.readouterr().out)
    assert "Family: SUCCEEDED" in at_once.read_text()
    graph = ["graph", "--app", "template.yaml", "--format", "svg", "--execution", str(report)]
    assert main([*graph, "Family"]) == 0
    assert capsys.readouterr().out == at_once.read_text()
    child = tmp_path / "child.svg"
    assert main([*graph, "Sorter", "--output", str(child)]) == 0
    assert "Sorter: SUCCEEDED" in child.read_text()


def test_progress_tells_each_state_once_as_it_is_entered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _show_progress(keep_lines=True)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(line[0], line[-1]) for line in lines] == [
        ("0s", "Sort"),
        ("0s", "Weigh"),
        ("0s", "Rest"),
        ("2d", "Label"),
        ("2d", "Done"),
    ]


def test_progress_in_virtual_time_is_one_line_that_goes_away(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _show_progress(keep_lines=False)
    out = capsys.readouterr().out
    assert "\n" not in out
    assert [line.split()[-1] for line in out.split("\r\x1b[K")[1:-1]] == [
        "Sort",
        "Weigh",
        "Rest",
        "Label",
        "Done",
    ]
    assert out.endswith("\r\x1b[K")


def _show_progress(*, keep_lines: bool) -> None:
    with Session(load_app(Path("template.yaml"))) as session:
        progress = Progress(session, sys.stdout, keep_lines=keep_lines)
        session.start_execution("Family", {"grams": 5}, "f")
        progress.show()
        while session.turn():
            progress.show()
        progress.close()


# Speed


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["list", "--app", "template.yaml"],
        ["graph", "Sorter", "--app", "template.yaml"],
    ],
    ids=" ".join,
)
def test_commands_that_run_nothing_import_no_aws(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from sfnlocal.cli import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(sorted({'boto3', 'botocore', 'moto'} & set(sys.modules)), file=sys.stderr)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr == "[]\n"
