"""`sfnlocal timeline`: what it shows of what was triggered, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfnlocal.cli import main
from sfnlocal.cli.options import read_duration
from sfnlocal.errors import InputError

TEMPLATE = """\
Resources:
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
  Letters: {Type: AWS::SQS::Queue, Properties: {QueueName: letters}}
  Seen:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: seen
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
  Report:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: Report
      RoleArn: &role arn:aws:iam::123456789012:role/any
      Definition:
        StartAt: Good?
        States:
          Good?:
            Type: Choice
            Choices:
              - And: [{Variable: $.good, IsPresent: true}, {Variable: $.good, BooleanEquals: false}]
                Next: Bad
            Default: Done
          Done: {Type: Succeed}
          Bad: {Type: Fail, Error: Bad}
  Daily:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: cron(0 6 * * ? *)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !Ref Report, RoleArn: *role, Input: '{"good": true}'}
  Placed:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [shop]}
      Targets: [{Id: a, Arn: !Ref Report, RoleArn: *role, InputPath: $.detail}]
  Pipe:
    Type: AWS::Pipes::Pipe
    Properties:
      Source: !GetAtt Jobs.Arn
      Target: !Ref Report
      RoleArn: *role
      TargetParameters:
        StepFunctionStateMachineParameters: {InvocationType: FIRE_AND_FORGET}
        InputTemplate: '{"good": <$.body.good>}'
"""


@pytest.fixture
def template(tmp_path: Path) -> str:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    return str(path)


def test_days_that_pass_show_what_schedules_start(
    template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["timeline", "--app", template, "--for", "2d", "--from", "2026-03-01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[:2] for line in lines] == [
        ["2026-03-01T06:00:00Z", "Daily -> Report"],
        ["2026-03-02T06:00:00Z", "Daily -> Report"],
    ]


def test_messages_and_events_start_things_too(
    template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = {"source": "shop", "detail-type": "OrderPlaced", "detail": {"good": True}}
    command = ["timeline", "--app", template, "--for", "1h", "--format", "json"]
    command += ["--event", json.dumps(event), "--message", 'Jobs={"good": true}']
    assert main(command) == 0
    data = json.loads(capsys.readouterr().out)
    assert sorted((one["source"], one["target"], one["error"]) for one in data) == [
        ("Pipe", "Report", ""),
        ("Placed", "Report", ""),
    ]
    assert all(one["started"].startswith("arn:aws:states:") for one in data)


def test_an_execution_that_fails_is_an_exit_code(
    template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = {"source": "shop", "detail-type": "OrderPlaced", "detail": {"good": False}}
    assert main(["timeline", "--app", template, "--for", "1s", "--event", json.dumps(event)]) == 1
    assert "Placed -> Report" in capsys.readouterr().out


def test_nothing_is_said_so(template: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["timeline", "--app", template, "--for", "1h", "--items", 'Seen={"id": "a"}']
    assert main(command) == 0
    assert capsys.readouterr().out == "Nothing was triggered.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--for", "soon"], "--for: 'soon' is no duration"),
        (["--message", "jobs"], "--message: 'jobs' names no queue"),
        (["--message", "Job={}"], "there is no queue 'Job'"),
        (["--event", '{"source": "a"}'], "--event: an event has source, detail-type and detail"),
        (["--event", "[]"], "--event: an event has source"),
        (
            ["--event", '{"source": "aws.s3", "detail-type": "a", "detail": {}}'],
            "--event: ",
        ),
        (["--items", 'Seen={"key": 1}'], "--items Seen: "),
        (["--port", "1"], "no sfnlocal answers on port 1"),
    ],
)
def test_wrong_use_says_what_is_wrong(
    template: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["timeline", "--app", template, *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "ms"),
    [("30d", 2_592_000_000), ("1d12h", 129_600_000), ("90m", 5_400_000), ("10s", 10_000)],
)
def test_a_duration_is_read(text: str, ms: int) -> None:
    assert read_duration(text, "--for") == ms


@pytest.mark.parametrize("text", ["", "5", "1w", "-1d", "1h1d", "99999999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--for"):
        read_duration(text, "--for")
