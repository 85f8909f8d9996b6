"""`sfnlocal schedule`: what it prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sfnlocal.cli import main

TEMPLATE = """\
Resources:
  Jobs: {Type: AWS::SQS::Queue}
  Daily:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: cron(0 9 * * ? *)
      ScheduleExpressionTimezone: America/New_York
      FlexibleTimeWindow: {Mode: FLEXIBLE, MaximumWindowInMinutes: 15}
      Target: {Arn: !GetAtt Jobs.Arn, RoleArn: "arn:aws:iam::123456789012:role/r"}
  Paused:
    Type: AWS::Scheduler::Schedule
    Properties:
      State: DISABLED
      ScheduleExpression: rate(1 minute)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !GetAtt Jobs.Arn, RoleArn: "arn:aws:iam::123456789012:role/r"}
  Ping:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(12 hours)
      Targets: [{Id: a, Arn: !GetAtt Jobs.Arn}]
  Placed:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [shop]}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    return path


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_the_occurrences_of_schedules_and_rules_are_listed_in_local_and_utc_time(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["schedule", "--app", str(template), "--from", "2026-10-31", "--for", "2d"]
    assert main(command) == 0
    daily = "America/New_York  Daily  -> Jobs  +15 min"
    assert lines(capsys) == [
        "2026-10-31T12:00:00Z  2026-10-31T12:00:00+00:00  UTC               Ping   -> Jobs",
        f"2026-10-31T13:00:00Z  2026-10-31T09:00:00-04:00  {daily}",
        "2026-11-01T00:00:00Z  2026-11-01T00:00:00+00:00  UTC               Ping   -> Jobs",
        "2026-11-01T12:00:00Z  2026-11-01T12:00:00+00:00  UTC               Ping   -> Jobs",
        f"2026-11-01T14:00:00Z  2026-11-01T09:00:00-05:00  {daily}",
        "disabled: Paused",
    ]


def test_as_json_each_occurrence_is_an_object(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["schedule", "--app", str(template), "--from", "2026-11-01T12:30:00Z", "--for", "2h"]
    assert main([*command, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "utc": "2026-11-01T14:00:00Z",
            "local": "2026-11-01T09:00:00-05:00",
            "zone": "America/New_York",
            "schedule": "Daily",
            "target": "Jobs",
            "window_minutes": 15,
        }
    ]


def test_an_expression_needs_no_app(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    expression = "cron(30 2 ? * SUN *)"
    command = ["schedule", "--expression", expression, "--zone", "Europe/Berlin"]
    assert main([*command, "--from", "2026-10-18", "--for", "14d"]) == 0
    assert lines(capsys) == [
        f"2026-10-18T00:30:00Z  2026-10-18T02:30:00+02:00  Europe/Berlin  {expression}",
        f"2026-10-25T00:30:00Z  2026-10-25T02:30:00+02:00  Europe/Berlin  {expression}",
    ]


def test_an_app_without_schedules_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("Resources:\n  Jobs: {Type: AWS::SQS::Queue}\n")
    assert main(["schedule", "--app", str(template)]) == 0
    assert lines(capsys) == [
        "The app has no schedules: no AWS::Scheduler::Schedule, no rule on a schedule."
    ]


def test_a_time_without_occurrences_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", "--expression", "at(2026-01-01T00:00:00)", "--for", "1d"]) == 0
    assert lines(capsys) == ["Nothing is due in this time."]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--expression", "cron(0 25 * * ? *)"],
            "sfnlocal: --expression cron(0 25 * * ? *): the hours field: '25' is not in 0-23",
        ),
        (["--zone", "UTC"], "sfnlocal: --zone: it is the time zone of --expression"),
        (["--for", "soon"], "sfnlocal: --for: 'soon' is no duration"),
        (["--from", "soon"], "sfnlocal: --from: 'soon' is no ISO 8601 time"),
    ],
)
def test_wrong_use_is_explained(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schedule", *options]) == 2
    assert capsys.readouterr().err.splitlines()[0] == message


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("cron(0 9 * * ? *)", "cron(0 9 * * * *)", "#/Resources/Daily: Invalid Schedule Expr"),
        ("rate(12 hours)", "rate(12 hour)", "#/Resources/Ping: Parameter ScheduleExpression is n"),
    ],
)
def test_a_refused_expression_is_named_with_its_resource(
    template: Path,
    before: str,
    after: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    template.write_text(TEMPLATE.replace(before, after))
    assert main(["schedule", "--app", str(template)]) == 2
    assert message in capsys.readouterr().err


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["schedule", "--help"])
    assert ended.value.code == 0
    assert "  sfnlocal schedule --for 30d" in capsys.readouterr().out.partition("examples:")[2]


def test_neither_moto_nor_boto3_is_loaded(template: Path) -> None:
    code = (
        "import sys; from sfnlocal.cli import main; "
        f"main(['schedule', '--app', {str(template)!r}, '--from', '2026-10-31']); "
        "sys.exit(bool({'moto', 'boto3', 'botocore'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
