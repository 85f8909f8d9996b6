"""What a test says to start work, and where it looks at what was started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import ApiError, InputError
from sfnlocal.testing import LocalApp, load

HERE = "us-east-1:123456789012"
ROLE = "arn:aws:iam::123456789012:role/any"
HANDLER = """
def handler(event, context):
    if "requestContext" in event:
        return {"statusCode": 201, "body": event["body"]}
    return {"batchItemFailures": []}
"""


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _machine(name: str) -> dict[str, Any]:
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    return resource(
        "StepFunctions::StateMachine",
        StateMachineName=name,
        RoleArn=ROLE,
        Definition=definition,
    )


MACHINE = f"arn:aws:states:{HERE}:stateMachine:Report"
FUNCTION = f"arn:aws:lambda:{HERE}:function:take"
TEMPLATE = {
    "Resources": {
        "Report": _machine("Report"),
        "Jobs": resource("SQS::Queue", QueueName="jobs"),
        "Inbox": resource("SQS::Queue", QueueName="inbox"),
        "News": resource(
            "SNS::Topic",
            TopicName="news",
            Subscription=[{"Protocol": "sqs", "Endpoint": f"arn:aws:sqs:{HERE}:inbox"}],
        ),
        "Take": resource(
            "Lambda::Function",
            FunctionName="take",
            Handler="index.handler",
            Runtime="python3.14",
            Code={"ZipFile": HANDLER},
            Role=ROLE,
        ),
        "Mapping": resource(
            "Lambda::EventSourceMapping",
            FunctionName="take",
            EventSourceArn=f"arn:aws:sqs:{HERE}:jobs",
            BatchSize=1,
        ),
        "Bus": resource("Events::EventBus", Name="shop"),
        "Rule": resource(
            "Events::Rule",
            Name="placed",
            EventPattern={"source": ["shop"]},
            Targets=[{"Id": "1", "Arn": MACHINE, "RoleArn": ROLE}],
        ),
        "BusRule": resource(
            "Events::Rule",
            Name="placed-on-bus",
            EventBusName="shop",
            EventPattern={"detail": {"n": [{"numeric": [">", 1]}]}},
            Targets=[{"Id": "1", "Arn": MACHINE, "RoleArn": ROLE}],
        ),
        "Nightly": resource(
            "Scheduler::Schedule",
            Name="nightly",
            ScheduleExpression="cron(30 2 * * ? *)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": MACHINE, "RoleArn": ROLE, "Input": "{}"},
        ),
        "Hourly": resource(
            "Events::Rule",
            Name="hourly",
            ScheduleExpression="rate(1 hour)",
            State="DISABLED",
            Targets=[{"Id": "1", "Arn": MACHINE, "RoleArn": ROLE}],
        ),
        "Api": resource("ApiGatewayV2::Api", Name="api", ProtocolType="HTTP"),
        "Stage": resource(
            "ApiGatewayV2::Stage", ApiId={"Ref": "Api"}, StageName="$default", AutoDeploy=True
        ),
        "Integration": resource(
            "ApiGatewayV2::Integration",
            ApiId={"Ref": "Api"},
            IntegrationType="AWS_PROXY",
            IntegrationUri=FUNCTION,
            PayloadFormatVersion="2.0",
        ),
        "Route": resource(
            "ApiGatewayV2::Route",
            ApiId={"Ref": "Api"},
            RouteKey="POST /orders",
            Target={"Fn::Join": ["/", ["integrations", {"Ref": "Integration"}]]},
        ),
    }
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("app") / "app.template.json"
    path.write_text(json.dumps(TEMPLATE))
    return path


@pytest.fixture
def app(template: Path) -> Iterator[LocalApp]:
    with load(template, iam=False) as app:
        yield app


def triggered(app: LocalApp) -> list[tuple[str, str]]:
    """Each source with its target."""
    pairs = [line.split("  ")[1].split(" -> ") for line in app.timeline().splitlines()]
    return [(source, target) for source, target in pairs]


def test_a_week_passes(app: LocalApp) -> None:
    app.advance(days=7)
    runs = app.executions("Report")
    assert len(runs) == 7
    assert {run.status for run in runs} == {"SUCCEEDED"}
    assert [entry.started for entry in app.triggered] == [run.arn for run in runs]
    assert app.timeline().splitlines()[0].startswith("2026-01-01T02:30:00Z  Nightly -> Report")


def test_one_who_only_waits_for_an_end_meets_no_schedule(app: LocalApp) -> None:
    app.run("Report", {})
    app.run_until_idle()
    assert app.triggered == []


def enable_hourly(app: LocalApp) -> None:
    app.client("events").enable_rule(Name="hourly")


def test_paused_schedules_start_nothing(app: LocalApp) -> None:
    enable_hourly(app)
    app.pause_schedules()
    app.advance(days=7)
    assert app.triggered == []


@pytest.mark.parametrize(("kept", "a_day"), [("Nightly", 1), ("nightly", 1), ("Hourly", 24)])
def test_the_schedules_that_a_test_is_about_go_on(app: LocalApp, kept: str, a_day: int) -> None:
    enable_hourly(app)
    app.pause_schedules(except_for=[kept])
    app.advance(days=2)
    assert len(app.executions("Report")) == 2 * a_day
    assert {source for source, _ in triggered(app)} == {kept.capitalize()}


def test_a_schedule_that_was_off_stays_off_and_a_paused_one_can_be_enabled(app: LocalApp) -> None:
    app.pause_schedules(except_for=["Hourly"])
    app.advance(days=1)
    assert app.triggered == []
    app.session.triggers.schedules.enable("Nightly")
    app.advance(days=1)
    assert len(app.triggered) == 1


def test_one_made_while_the_app_runs_is_paused_with_the_others(app: LocalApp) -> None:
    scheduler = app.client("scheduler")
    scheduler.create_schedule(
        Name="made",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": MACHINE, "RoleArn": ROLE},
    )
    app.pause_schedules(except_for=["Nightly"])
    assert scheduler.get_schedule(Name="made")["State"] == "DISABLED"
    assert scheduler.get_schedule(Name="nightly")["State"] == "ENABLED"


def test_a_schedule_that_is_not_there_cannot_be_excepted(app: LocalApp) -> None:
    with pytest.raises(InputError, match="there is no schedule 'Weekly'"):
        app.pause_schedules(except_for=["Weekly"])
    app.advance(days=1)
    assert len(app.triggered) == 1


def test_a_message_is_sent(app: LocalApp) -> None:
    identifier = app.send("Jobs", {"id": 7})
    app.run_until_idle()
    assert app.messages("Jobs") == []
    (entry,) = app.triggered
    assert (entry.target_arn, entry.error) == (FUNCTION, "")
    assert identifier in entry.why or "1 message" in entry.why


def test_a_message_is_published(app: LocalApp) -> None:
    identifier = app.publish("News", {"id": 7})
    app.run_until_idle()
    (body,) = app.messages("Inbox")
    assert (body["MessageId"], body["Message"]) == (identifier, '{"id":7}')


def test_an_event_is_put_on_a_bus(app: LocalApp) -> None:
    app.put_event("shop", "OrderPlaced", {"n": 1})
    app.put_event("other", "OrderPlaced", {"n": 1})
    app.put_event("shop", "OrderPlaced", {"n": 1}, bus="Bus")
    app.put_event("shop", "OrderPlaced", {"n": 2}, bus="Bus")
    app.run_until_idle()
    assert triggered(app) == [("Rule", "Report"), ("BusRule", "Report")]
    with pytest.raises(ApiError):
        app.put_event("aws.s3", "Object Created", {})
    with pytest.raises(InputError, match="there are: Bus"):
        app.put_event("shop", "OrderPlaced", {}, bus="Buses")


def test_a_request_is_sent(app: LocalApp) -> None:
    response = app.request("POST", "/orders", json={"sku": "mug"})
    assert (response.status, response.json) == (201, {"sku": "mug"})
    assert app.request("GET", "/orders").status == 404
    assert [entry.target_arn for entry in app.triggered] == [FUNCTION]
