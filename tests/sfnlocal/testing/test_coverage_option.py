"""`pytest --sfn-cov`, in a pytest of its own, and `sfnlocal coverage` on what it wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sfnlocal.cli import main
from sfnlocal.testing.coverage_plugin import read_report

TEMPLATE = """\
Resources:
  Weigh:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: Weigh
      RoleArn: arn:aws:iam::123456789012:role/m
      Definition:
        StartAt: Heavy?
        States:
          Heavy?:
            Type: Choice
            Choices: [{Variable: $.grams, NumericGreaterThan: 9, Next: Heavy}]
            Default: Light
          Heavy: {Type: Succeed}
          Light: {Type: Succeed}
  Rest:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: Rest
      RoleArn: arn:aws:iam::123456789012:role/m
      Definition:
        StartAt: Wait
        States: {Wait: {Type: Wait, Seconds: 60, Next: Done}, Done: {Type: Succeed}}
"""
# One test uses the fixture, one makes a session of its own and leaves an execution running.
TESTS = """
from sfnlocal.testing import load

def test_light(sfn):
    sfn.run("Weigh", {"grams": 1}).assert_succeeded()

def test_rest():
    with load("app.yaml") as app:
        app.start("Rest", {})
        app.advance(seconds=1)
"""


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "app.yaml").write_text(TEMPLATE)
    (folder / "test_app.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "--sfn-app", "app.yaml", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_session_of_the_tests_counts(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, "--sfn-cov")
    assert ended.returncode == 0, ended.stdout
    lines = ended.stdout.splitlines()
    # Heavy? has a state, a rule both ways and Default; of 6 points, 4. Wait has 2, Done 1: 1 of 3.
    assert "Rest      1     1/2    0/1      -         -         -         -   33.3 %" in lines
    assert "Weigh     1     2/3    1/2    1/2         -         -         -   66.6 %" in lines
    assert "total     2     3/5    1/3    1/2         -         -         -   55.5 %" in lines
    assert "    rule 1 ($.grams > 9) is true, to Heavy: start it so that the rule holds" in lines


def test_reports_are_written_merged_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = ["--sfn-cov-report=json:cov.json", "--sfn-cov-report=html:cov.html"]
    ended = run_pytest(tmp_path, *reports, "--sfn-cov-machines=W*")
    assert ended.returncode == 0, ended.stdout
    assert "wrote cov.json" in ended.stdout
    assert "<svg" in (tmp_path / "cov.html").read_text("utf-8")
    path = str(tmp_path / "cov.json")
    assert main(["coverage", path, path]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1] == "Weigh     2     2/3    1/2    1/2         -         -         -   66.6 %"
    assert main(["coverage", path, "--fail-under", "70", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["machines"][0]["percent"] == 66.6
    proofs = tmp_path / "proofs.json"
    proofs.write_text(json.dumps([{"more": {"coverage": json.loads(Path(path).read_text())}}] * 3))
    assert main(["coverage", str(proofs)]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["Weigh", "3"]
    assert main(["coverage", path, "--format", "html"]) == 0
    assert capsys.readouterr().out == (tmp_path / "cov.html").read_text("utf-8")


def test_too_little_coverage_fails_the_tests(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, "--sfn-cov-fail-under", "60")
    assert ended.returncode == 1
    assert "FAIL: 55.5 % is covered, 60 % is required" in ended.stdout


@pytest.mark.parametrize("option", ["--sfn-cov-report=json:c", "--sfn-iam-report=i"])
def test_what_sums_up_a_run_is_refused_in_several_processes(tmp_path: Path, option: str) -> None:
    ended = run_pytest(tmp_path, option, "-n", "2")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"{option.partition('=')[0]} does not work in several processes" in ended.stderr


def test_tests_in_several_processes_have_their_apps(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, "-n", "2")
    assert "2 passed" in ended.stdout


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("pdf:x", "'pdf:x' is none of term, term-missing, json:FILE and html:FILE"),
        ("json", "'json' is none of term, term-missing, json:FILE and html:FILE"),
        ("term:x", "'term:x' is none of term, term-missing, json:FILE and html:FILE"),
        ("json:no/where.json", "there is no folder no"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused(report: str, said: str) -> None:
    with pytest.raises(pytest.UsageError) as refused:
        read_report(report)
    assert str(refused.value) == f"--sfn-cov-report: {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ("{}", "this is no coverage"),
        ("[1]", "this is no coverage"),
        ('[{"more": {}}]', "this is no coverage"),
    ],
)
def test_a_file_without_coverage_is_refused(
    text: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cov.json"
    if text is not None:
        path.write_text(text)
    assert main(["coverage", str(path)]) == 2
    assert said in capsys.readouterr().err
