"""Rules between state machines: one sends an event, a rule starts another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfnlocal.testing import LocalApp, load
from sfnlocal.triggers.bus_resources import refusals

APP = Path(__file__).with_name("rules_app.yaml")


@pytest.fixture
def app() -> Iterator[LocalApp]:
    with load(APP, iam=False) as loaded:
        yield loaded


def test_an_event_of_a_state_machine_names_it_among_its_resources(app: LocalApp) -> None:
    run = app.run("Place", {"orderId": "o-1"}).assert_succeeded()
    [event] = app.messages("Heard")
    assert event["resources"] == ["arn:shop", run.arn, run.execution.state_machine_arn]
    assert event["detail"] == {"orderId": "o-1"}


def test_a_rule_starts_a_state_machine_with_what_its_transformer_makes(app: LocalApp) -> None:
    app.run("Place", {"orderId": "o-1", "totalCents": 900})
    app.run("Place", {"orderId": "o-2", "totalCents": 1100})
    [check] = app.executions("Check")
    [rule] = [name for name in app.session.triggers.buses.bus("shop").rules if "Large" in name]
    assert check.assert_succeeded().execution.input == {"order": "o-2", "by": rule}
    [entry] = [one for one in app.session.aws.timeline if one.started == check.arn]
    assert entry.why == "shop: Placed"
    assert entry.source_arn.endswith(f"rule/shop/{rule}")


def test_a_client_puts_events_tests_patterns_and_reads_rules(app: LocalApp) -> None:
    events = app.client("events")
    detail = json.dumps({"orderId": "o-3", "totalCents": 2000})
    entry = {"Source": "shop", "DetailType": "Placed", "Detail": detail}
    answer = events.put_events(Entries=[{**entry, "EventBusName": "shop"}, {"Source": "shop"}])
    app.run_until_idle()
    assert answer["FailedEntryCount"] == 1
    assert len(app.executions("Check")) == 1
    names = [rule["Name"] for rule in events.list_rules(EventBusName="shop")["Rules"]]
    assert len(names) == 2
    with pytest.raises(events.exceptions.InvalidEventPatternException, match="must be an object"):
        events.put_rule(Name="bad", EventPattern=json.dumps({"source": "shop"}))
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name="none")


def test_an_input_that_is_no_json_is_refused_and_the_timeline_says_so(app: LocalApp) -> None:
    """What the transformer's path does not find is not in its output."""
    app.run("Place", {"totalCents": 1100})
    assert app.executions("Check") == []
    [error] = [entry.error for entry in app.session.aws.timeline if entry.error]
    assert error.startswith("InvalidExecutionInput")


UNKNOWN = """
Parameters:
  Source: {Type: String}
Resources:
  Heard: {Type: AWS::SQS::Queue}
  Unknown:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [!Ref Source]}
      Targets: [{Id: T, Arn: !GetAtt Heard.Arn}]
  Elsewhere:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [shop]}
      Targets: [{Id: T, Arn: !ImportValue other}]
  Known:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [shop]}
      Targets: [{Id: T, Arn: !GetAtt Heard.Arn}]
"""


def test_a_rule_of_what_only_aws_knows_is_left_out_and_listed(tmp_path: Path) -> None:
    template = tmp_path / "app.yaml"
    template.write_text(UNKNOWN)
    with load(template, iam=False) as app:
        rules = app.session.triggers.buses.bus(None).rules
        assert [name.rpartition("-")[2] for name in rules] == ["Known"]
        listed = {resource.logical_id: why for resource, why in refusals(app.app)}
        assert listed.keys() == {"Unknown", "Elsewhere"}
        assert "no default value" in listed["Unknown"]


def test_an_empty_schedule_is_none(app: LocalApp) -> None:
    """Recorded on AWS: PutRule takes it."""
    events = app.client("events")
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}', ScheduleExpression="")
    assert "ScheduleExpression" not in events.describe_rule(Name="r")
    with pytest.raises(events.exceptions.ClientError, match="must be specified"):
        events.put_rule(Name="s", EventPattern="", ScheduleExpression="")
