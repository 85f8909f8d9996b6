"""`sfnlocal cost`: what it shows, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sfnlocal.cli import main

TEMPLATE = """\
Resources:
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
  Tell:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: Tell
      RoleArn: arn:aws:iam::123456789012:role/m
      Definition:
        StartAt: Send
        States:
          Send:
            Type: Task
            Resource: arn:aws:states:::sqs:sendMessage
            Parameters:
              QueueUrl: https://sqs.us-east-1.amazonaws.com/123456789012/jobs
              MessageBody: hello
            Retry: [{ErrorEquals: [States.ALL], MaxAttempts: 1}]
            Next: Done
          Done: {Type: Succeed}
  Bad:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: Bad
      RoleArn: arn:aws:iam::123456789012:role/m
      Definition: {StartAt: Stop, States: {Stop: {Type: Fail}}}
"""


@pytest.fixture
def app(tmp_path: Path) -> str:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    return str(path)


def test_a_run_is_shown_with_its_quantities_and_amounts(
    app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", "Tell", "--app", app, "--fault-rate", "10%"]) == 0
    # 2 transitions at 0.000025 and a request at 0.0000004; a tenth of one of each more.
    heading, _, *rows, _, retries, _, assumed = capsys.readouterr().out.splitlines()
    assert heading == "Tell: SUCCEEDED, 1 execution(s), prices of us-east-1 as of 2026-11-01"
    assert [re.split(" {2,}", row) for row in rows] == [
        ["", "quantity", "unit price", "one run", "1,000,000 runs"],
        ["Step Functions: state transitions", "2", "$0.025 per 1,000", "$0.00005", "$50.00"],
        ["SQS: requests", "1", "$0.40 per 1,000,000", "$0.0000004", "$0.40"],
        ["total", "$0.0000504", "$50.40"],
    ]
    added = "retries add $0.00000254 a run and $2.54 for 1,000,000 runs."
    assert retries == f"Where 10 % of the attempts fail, {added}"
    assert assumed == "Each call of a function counts as 100 ms, or as what it slept."


def test_json_says_what_caused_what(app: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--region", "eu-west-1", "--per", "10", "--fault-rate", "0", "--format", "json"]
    assert main(["cost", "Tell", "--app", app, *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["region"] == "eu-west-1"
    assert report["amountOfRuns"] == pytest.approx(0.000504)
    assert {one["state"]: one["amount"] for one in report["byCause"]} == {
        "Send": pytest.approx(0.0000004),
        "": pytest.approx(0.00005),
    }
    assert report["lines"][1]["confidence"] == "memory"
    assert report["retries"] == {"amount": 0, "lines": []}


def test_a_run_that_fails_costs_too(app: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "Bad", "--app", app]) == 1
    assert capsys.readouterr().out.startswith("Bad: FAILED, 1 execution(s)")


def test_a_region_without_prices_is_wrong_use(app: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "Tell", "--app", app, "--region", "mars"]) == 2
    said = capsys.readouterr().err
    assert "there are no prices of the region 'mars'" in said
    assert "there are us-east-1, eu-west-1, eu-central-1" in said


@pytest.mark.parametrize(
    ("option", "value"),
    [("--fault-rate", "100%"), ("--fault-rate", "x"), ("--per", "0"), ("--lambda-ms", "-1")],
)
def test_numbers_out_of_range_are_wrong_use(option: str, value: str, app: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["cost", "Tell", "--app", app, option, value])
    assert ended.value.code == 2
