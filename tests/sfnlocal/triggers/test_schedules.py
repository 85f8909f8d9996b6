"""What an app's schedules start, and when; each test lets virtual time pass."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import ApiError, InputError
from sfnlocal.services.aws_sdk import member_name
from sfnlocal.services.service_models import service_model
from sfnlocal.template import App, load_app
from sfnlocal.testing import LocalApp, load
from sfnlocal.timestamps import instant
from sfnlocal.triggers.schedule_input import ScheduleArguments
from sfnlocal.triggers.schedules import Schedules, refusals

TEMPLATE = Path(__file__).parent / "schedule_app.yaml"
ROLE = "arn:aws:iam::123456789012:role/scheduler"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:"
OFF = {"Mode": "OFF"}


@pytest.fixture(scope="module")
def template() -> App:
    return load_app(TEMPLATE)


@pytest.fixture
def app(template: App) -> Iterator[LocalApp]:
    with load(template, iam=False, seed=7) as app:
        yield app


@pytest.fixture
def schedules(app: LocalApp) -> Schedules:
    return app.session.triggers.schedules


def only(app: LocalApp, *kept: str) -> None:
    """Disable the template's other schedules."""
    for name in ("Daily", "Windowed"):
        if name not in kept:
            app.session.triggers.schedules.disable(name)


def queue_arn(app: LocalApp, logical_id: str) -> str:
    return next(one.arn for one in app.app.resources if one.logical_id == logical_id)


def create(app: LocalApp, expression: str, **given: Any) -> str:
    """A schedule made while the app runs; its target is the queue Jobs."""
    target = {"Arn": queue_arn(app, "Jobs"), "RoleArn": ROLE, **given.pop("target", {})}
    params = {
        "Name": "made",
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": OFF,
        "Target": target,
        **given,
    }
    arn: str = app.session.aws.call("scheduler", "CreateSchedule", params)["ScheduleArn"]
    return arn


def instants(app: LocalApp) -> list[str]:
    """When something was started."""
    return [instant(one.at_ms) for one in app.session.aws.timeline]


# What is due


def test_a_week_of_a_daily_schedule_starts_seven_executions(app: LocalApp) -> None:
    app.advance(days=7)
    inputs = [run.execution.input for run in app.executions("Work")]
    assert [one["time"] for one in inputs] == [f"2026-01-0{n}T01:30:00Z" for n in range(1, 8)]
    assert {one["by"].partition("/")[2].partition("/")[0] for one in inputs} == {"nightly"}


def test_over_the_change_of_the_clocks_the_time_in_the_gap_is_skipped(template: App) -> None:
    with load(template, iam=False, start_ms=1_774_569_600_000) as app:  # 2026-03-27
        only(app, "Daily")
        app.advance(days=4)
        assert [one[5:16] for one in instants(app)] == ["03-27T01:30", "03-28T01:30", "03-30T00:30"]


def test_what_an_execution_jumps_over_is_left_out_and_the_schedule_goes_on(app: LocalApp) -> None:
    app.run_until_idle()
    assert app.executions() == []
    create(app, "at(2026-01-03T12:00:00)")
    app.run_until_idle()
    app.advance(days=1)
    assert instants(app)[0] == "2026-01-03T12:00:00Z"
    assert [run.execution.input["time"] for run in app.executions("Work")] == [
        "2026-01-04T01:30:00Z"
    ]


def test_what_is_jumped_over_by_less_than_a_minute_is_in_time(app: LocalApp) -> None:
    only(app, "Daily")
    create(app, "at(2026-01-01T01:30:20)")
    app.run_until_idle()
    app.advance(seconds=1)
    assert instants(app) == ["2026-01-01T01:30:20Z"] * 2
    [run] = app.executions("Work")
    assert run.execution.input["time"] == "2026-01-01T01:30:00Z"


def test_a_template_says_dates_as_text(template: App) -> None:
    dates = {"StartDate": "2026-01-02T12:00:00Z", "EndDate": "2026-01-04T12:00:00"}
    with load(changed(template, **dates), iam=False) as app:
        only(app, "Windowed")
        app.advance(days=7)
        assert [one[:10] for one in instants(app)] == ["2026-01-03", "2026-01-04"]


def test_a_disabled_schedule_starts_nothing_until_it_is_enabled(
    app: LocalApp, schedules: Schedules
) -> None:
    only(app)
    app.advance(minutes=5)
    assert instants(app) == []
    schedules.enable("Paused")
    app.advance(minutes=2)
    assert instants(app) == ["2026-01-01T00:05:00Z", "2026-01-01T00:06:00Z", "2026-01-01T00:07:00Z"]


def test_a_rate_begins_at_its_start_date_and_ends_at_its_end_date(app: LocalApp) -> None:
    only(app)
    create(
        app,
        "rate(10 minutes)",
        StartDate=1_767_225_600 + 300,
        EndDate=1_767_225_600 + 1_500,
    )
    app.advance(hours=1)
    assert [one[11:16] for one in instants(app)] == ["00:05", "00:15", "00:25"]


def test_cron_waits_for_its_start_date(app: LocalApp) -> None:
    only(app)
    create(app, "cron(0 * * * ? *)", StartDate=1_767_225_600 + 7_200)
    app.advance(hours=3)
    assert [one[11:16] for one in instants(app)] == ["02:00", "03:00"]


def test_one_time_is_reached_without_letting_time_pass_and_is_over_then(app: LocalApp) -> None:
    create(
        app,
        "at(2026-07-01T09:00:00)",
        ScheduleExpressionTimezone="Europe/Berlin",
        target={"Input": "hello"},
    )
    app.run_until_idle()
    assert instants(app) == ["2026-07-01T07:00:00Z"]
    assert app.messages("Jobs") == ["hello"]


def test_the_past_is_over(app: LocalApp) -> None:
    create(app, "at(2025-12-31T23:59:59)")
    app.run_until_idle()
    assert instants(app) == []


def test_an_updated_schedule_goes_by_its_new_expression(app: LocalApp) -> None:
    only(app)
    create(app, "rate(1 minute)")
    app.advance(minutes=1, seconds=30)
    app.client("scheduler").update_schedule(
        Name="made",
        ScheduleExpression="cron(10 0 * * ? *)",
        FlexibleTimeWindow=OFF,
        Target={"Arn": queue_arn(app, "Jobs"), "RoleArn": ROLE},
    )
    app.advance(hours=1)
    assert [one[11:16] for one in instants(app)] == ["00:00", "00:01", "00:10"]


def test_a_deleted_schedule_starts_nothing_more(app: LocalApp) -> None:
    only(app)
    create(
        app, "rate(1 minute)", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}
    )
    app.advance(seconds=1)
    app.client("scheduler").delete_schedule(Name="made")
    app.advance(hours=1)
    assert instants(app) == []


def test_a_schedule_that_is_over_deletes_itself_if_it_says_so(
    app: LocalApp, schedules: Schedules
) -> None:
    create(app, "at(2026-01-01T00:10:00)", ActionAfterCompletion="DELETE")
    create(app, "at(2026-01-01T00:10:00)", Name="stays")
    app.advance(hours=1)
    names = {name for _, name in schedules.schedules}
    assert "stays" in names
    assert "made" not in names


# Windows


def test_a_window_delays_the_delivery_and_not_the_scheduled_time(app: LocalApp) -> None:
    only(app, "Windowed")
    app.advance(days=3)
    assert [body[:16] for body in app.messages("Jobs")] == [
        f"2026-01-0{n}T06:00" for n in (1, 2, 3)
    ]
    minutes = [one[11:16] for one in instants(app)]
    assert all("06:00" <= minute < "06:15" for minute in minutes)
    assert len(set(minutes)) > 1


def test_the_seed_decides_the_moment_in_the_window(template: App) -> None:
    def moments(seed: int) -> list[str]:
        with load(template, iam=False, seed=seed) as app:
            only(app, "Windowed")
            app.advance(days=3)
            return instants(app)

    assert moments(1) == moments(1)
    assert moments(1) != moments(2)


# At least once


def test_a_test_can_ask_for_an_occurrence_to_be_delivered_twice(
    app: LocalApp, schedules: Schedules
) -> None:
    only(app, "Daily")
    schedules.duplicate("Daily")
    app.advance(days=2)
    times = [run.execution.input["time"] for run in app.executions("Work")]
    assert times == ["2026-01-01T01:30:00Z", "2026-01-01T01:30:00Z", "2026-01-02T01:30:00Z"]


def test_a_throttled_target_is_tried_again_as_another_attempt(app: LocalApp) -> None:
    only(app)
    route = app.session.aws.begin
    seen: list[dict[str, Any]] = []

    def busy_twice(service: str, operation: str, params: dict[str, Any], caller: Any = None) -> Any:
        if operation == "SendMessage":
            seen.append(json.loads(params["MessageBody"]))
            if len(seen) < 3:
                raise ApiError("ThrottlingException", "Rate exceeded")
        return route(service, operation, params, caller)

    app.session.aws.begin = busy_twice  # type: ignore[method-assign]
    text = '{"id": "<aws.scheduler.execution-id>", "attempt": "<aws.scheduler.attempt-number>"}'
    create(app, "at(2026-01-01T00:10:00)", target={"Input": text})
    app.run_until_idle()
    assert [one["attempt"] for one in seen] == ["1", "2", "3"]
    assert len({one["id"] for one in seen}) == 3
    assert app.messages("Jobs") == seen[2:]


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue_with_the_reason(
    app: LocalApp,
) -> None:
    arn = create(
        app,
        "at(2026-01-01T00:10:00)",
        target={
            "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:gone",
            "Input": '{"time": "<aws.scheduler.scheduled-time>"}',
            "DeadLetterConfig": {"Arn": queue_arn(app, "Lost")},
        },
    )
    app.run_until_idle()
    sqs = app.client("sqs")
    [letter] = sqs.receive_message(QueueUrl=app.queue_url("Lost"), MessageAttributeNames=["All"])[
        "Messages"
    ]
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"]) == {"time": "2026-01-01T00:10:00Z"}
    assert attributes["SCHEDULE_ARN"] == arn
    assert attributes["SCHEDULED_TIME"] == "2026-01-01T00:10:00Z"
    assert attributes["ERROR_CODE"] == "StateMachineDoesNotExist"
    assert metric_sum(app, "InvocationAttemptCount") == 1
    assert metric_sum(app, "InvocationsSentToDeadLetterCount") == 1


def test_a_dead_letter_queue_that_is_gone_is_counted(app: LocalApp) -> None:
    target = {
        "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:gone",
        "DeadLetterConfig": {"Arn": queue_arn(app, "Lost")},
    }
    create(app, "at(2026-01-01T00:10:00)", target=target)
    app.client("sqs").delete_queue(QueueUrl=app.queue_url("Lost"))
    app.run_until_idle()
    assert metric_sum(app, "InvocationsFailedToBeSentToDeadLetterCount") == 1
    assert metric_sum(app, "InvocationsSentToDeadLetterCount") == 0
    assert len(app.session.aws.timeline) == 2


def metric_sum(app: LocalApp, metric: str) -> float:
    answer = app.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Scheduler",
        MetricName=metric,
        Dimensions=[{"Name": "ScheduleGroup", "Value": "default"}],
        StartTime="2026-01-01T00:00:00Z",
        EndTime="2026-01-02T00:00:00Z",
        Period=86_400,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in answer["Datapoints"]))


# Targets


def test_a_universal_target_is_an_operation_whose_parameters_are_the_input(app: LocalApp) -> None:
    text = {"QueueUrl": app.queue_url("Jobs"), "MessageBody": "at <aws.scheduler.scheduled-time>"}
    create(
        app,
        "at(2026-01-01T00:10:00)",
        target={"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": json.dumps(text)},
    )
    app.run_until_idle()
    assert app.messages("Jobs") == ["at 2026-01-01T00:10:00Z"]


def test_a_universal_target_may_start_an_execution_with_a_name(app: LocalApp) -> None:
    machine = app.session.find("Work").arn
    create(
        app,
        "at(2026-01-01T00:10:00)",
        target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sfn:startExecution",
            "Input": json.dumps({"StateMachineArn": machine, "Name": "mine", "Input": "{}"}),
        },
    )
    app.run_until_idle()
    assert [run.execution.name for run in app.executions("Work")] == ["mine"]


def test_the_payload_of_a_universal_target_is_sent_as_it_is() -> None:
    arguments = ScheduleArguments(member_name)
    given = {"FunctionName": "f", "Payload": '{"n": 1}'}
    operation = service_model("lambda").operation_model("Invoke")
    assert arguments.convert(given, operation) == {**given, "Payload": b'{"n": 1}'}
    assert arguments.mistakes == []


def test_an_input_that_its_operation_does_not_have_is_a_dead_letter(app: LocalApp) -> None:
    text = {"QueueUrl": app.queue_url("Jobs"), "Text": "hello"}
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
        "Input": json.dumps(text),
        "DeadLetterConfig": {"Arn": queue_arn(app, "Lost")},
    }
    create(app, "at(2026-01-01T00:10:00)", target=target)
    app.run_until_idle()
    assert app.messages("Lost") == [text]
    errors = [one.error for one in app.session.aws.timeline if one.error]
    assert errors == [
        (
            'ValidationException: The operation has no parameter "Text"; '
            "The field 'MessageBody' is required but was missing"
        )
    ]


def test_without_an_input_the_target_gets_a_notification(app: LocalApp) -> None:
    arn = create(app, "at(2026-01-01T00:10:00)")
    app.run_until_idle()
    [event] = app.messages("Jobs")
    assert event["source"] == "aws.scheduler"
    assert event["detail-type"] == "Scheduled Event"
    assert event["resources"] == [arn]
    assert event["time"] == "2026-01-01T00:10:00Z"


STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s"


def test_a_target_that_is_not_simulated_is_named_when_it_is_due(app: LocalApp) -> None:
    target = {"Arn": STREAM, "KinesisParameters": {"PartitionKey": "k"}}
    arn = create(app, "at(2026-01-01T00:10:00)", target=target)
    app.run_until_idle()
    [one] = app.session.aws.timeline
    assert (one.source_arn, one.target_arn, one.started) == (arn, STREAM, "")
    assert one.error == "targets of kinesis are not simulated"


def test_a_schedule_that_starts_nothing_here_is_told(template: App) -> None:
    assert refusals(template) == []
    refused = changed(template, Target={"Arn": STREAM, "RoleArn": ROLE})
    [(resource, reason)] = refusals(refused)
    assert resource.logical_id == "Windowed"
    assert reason == "targets of kinesis are not simulated"


def test_a_deleted_schedule_of_the_template_is_told(app: LocalApp, schedules: Schedules) -> None:
    schedules.delete("default", "windowed")
    with pytest.raises(InputError, match="the schedule 'Windowed' is deleted"):
        schedules.duplicate("Windowed")


# At load


def changed(template: App, **properties: Any) -> App:
    resources = tuple(
        dataclasses.replace(one, properties={**one.properties, **properties})
        if one.logical_id == "Windowed"
        else one
        for one in template.resources
    )
    return dataclasses.replace(template, resources=resources)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        (
            {"ScheduleExpression": "cron(0 25 * * ? *)"},
            "Invalid Schedule Expression cron(0 25 * * ? *). The hours field: '25' is not in 0-23",
        ),
        ({"ScheduleExpressionTimezone": "Mars/Olympus"}, "'Mars/Olympus' is no time zone"),
        ({"StartDate": "tomorrow"}, "tomorrow is no ISO 8601 time."),
        ({"GroupName": "missing"}, "Schedule group missing does not exist."),
        (
            {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
            "The mode FLEXIBLE needs MaximumWindowInMinutes.",
        ),
        (
            {"Target": {"Arn": f"{QUEUE}nowhere", "RoleArn": ROLE}},
            f"its target does not exist: {QUEUE}nowhere",
        ),
        (
            {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:fly", "RoleArn": ROLE}},
            "sqs has no action 'fly'",
        ),
        (
            {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:getQueueUrl", "RoleArn": ROLE}},
            "Read-only actions are no target of a schedule: getQueueUrl",
        ),
        (
            {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:nothing:do", "RoleArn": ROLE}},
            "There is no AWS service 'nothing'",
        ),
        (
            {"Target": {"Arn": f"{QUEUE}nowhere", "RoleArn": "scheduler"}},
            "Value 'scheduler' at 'target.roleArn' failed to satisfy constraint",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused_at_load_with_the_resource(
    template: App, properties: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as refused, load(changed(template, **properties)):
        pass
    assert message in refused.value.message
    assert refused.value.where.endswith("#/Resources/Windowed")


def test_a_schedule_that_only_aws_can_resolve_is_told_and_holds_up_no_other(
    tmp_path: Path,
) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "Resources:\n"
        "  Foreign:\n"
        "    Type: AWS::Scheduler::Schedule\n"
        "    Properties:\n"
        "      ScheduleExpression: rate(1 minute)\n"
        "      FlexibleTimeWindow: {Mode: 'OFF'}\n"
        f"      Target: {{Arn: !ImportValue Queue, RoleArn: '{ROLE}'}}\n"
    )
    template = load_app(path)
    with load(template, iam=False) as app:
        app.advance(hours=1)
        assert instants(app) == []
    [(resource, reason)] = refusals(template)
    assert resource.logical_id == "Foreign"
    assert "Queue" in reason
