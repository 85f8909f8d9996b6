"""EventBridge Scheduler's API, as boto3 sees it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.testing import LocalApp, load

TEMPLATE = Path(__file__).parent / "schedule_app.yaml"
ARN = "arn:aws:scheduler:us-east-1:123456789012:"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:jobs"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DEFINITION: dict[str, Any] = {
    "Name": "made",
    "ScheduleExpression": "rate(1 hour)",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": QUEUE, "RoleArn": "arn:aws:iam::123456789012:role/scheduler"},
}


@pytest.fixture
def app() -> Iterator[LocalApp]:
    with load(TEMPLATE, seed=7, iam=False) as app:
        yield app


@pytest.fixture
def scheduler(app: LocalApp) -> Any:
    return app.client("scheduler")


def answer(call: Any, **params: Any) -> dict[str, Any]:
    given: dict[str, Any] = call(**params)
    return {name: value for name, value in given.items() if name != "ResponseMetadata"}


def refusal(call: Any, **params: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as refused:
        call(**params)
    response: Any = refused.value.response
    error = response["Error"]
    return error["Code"], error["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


# Schedules


def test_a_schedule_is_told_with_its_defaults(scheduler: Any) -> None:
    start = datetime(2026, 2, 1, tzinfo=UTC)
    arn = scheduler.create_schedule(**DEFINITION, StartDate=start)["ScheduleArn"]
    assert arn == f"{ARN}schedule/default/made"
    assert answer(scheduler.get_schedule, Name="made") == {
        **DEFINITION,
        "Arn": arn,
        "GroupName": "default",
        "ScheduleExpressionTimezone": "UTC",
        "StartDate": start,
        "State": "ENABLED",
        "ActionAfterCompletion": "NONE",
        "CreationDate": BEGIN,
        "LastModificationDate": BEGIN,
        "Target": {
            **DEFINITION["Target"],
            "RetryPolicy": {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185},
        },
    }


def test_the_schedules_of_the_template_are_there(scheduler: Any) -> None:
    listed = scheduler.list_schedules()["Schedules"]
    assert {(one["GroupName"], one["State"]) for one in listed} == {
        ("default", "DISABLED"),
        ("default", "ENABLED"),
        ("nightly", "ENABLED"),
    }
    [daily] = scheduler.list_schedules(GroupName="nightly")["Schedules"]
    shown = scheduler.get_schedule(Name=daily["Name"], GroupName="nightly")
    assert shown["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert shown["Arn"] == daily["Arn"]


def test_an_update_replaces_everything(app: LocalApp, scheduler: Any) -> None:
    scheduler.create_schedule(**DEFINITION, Description="first", State="DISABLED")
    app.advance(minutes=1)
    scheduler.update_schedule(**{**DEFINITION, "ScheduleExpression": "rate(2 hours)"})
    shown = scheduler.get_schedule(Name="made")
    assert "Description" not in shown
    assert (shown["State"], shown["ScheduleExpression"]) == ("ENABLED", "rate(2 hours)")
    assert (shown["LastModificationDate"] - shown["CreationDate"]).total_seconds() == 60


def test_schedules_are_listed_in_pages_by_name_and_state(scheduler: Any) -> None:
    for number in range(5):
        scheduler.create_schedule(**{**DEFINITION, "Name": f"n-{number}"})
    scheduler.update_schedule(**{**DEFINITION, "Name": "n-3", "State": "DISABLED"})
    pages = scheduler.get_paginator("list_schedules").paginate(
        NamePrefix="n-", PaginationConfig={"PageSize": 2}
    )
    names = [[one["Name"] for one in page["Schedules"]] for page in pages]
    assert names == [["n-0", "n-1"], ["n-2", "n-3"], ["n-4"]]
    disabled = scheduler.list_schedules(NamePrefix="n-", State="DISABLED")["Schedules"]
    assert [one["Name"] for one in disabled] == ["n-3"]
    assert refusal(scheduler.list_schedules, NextToken="?")[0] == "ValidationException"


def test_a_name_is_taken_once_in_its_group(scheduler: Any) -> None:
    scheduler.create_schedule(**DEFINITION)
    scheduler.create_schedule(**DEFINITION, GroupName="nightly")
    assert refusal(scheduler.create_schedule, **DEFINITION) == (
        "ConflictException",
        "Schedule made already exists.",
        409,
    )


@pytest.mark.parametrize("call", ["get_schedule", "delete_schedule", "update_schedule"])
def test_a_schedule_that_does_not_exist_is_named(scheduler: Any, call: str) -> None:
    params = DEFINITION if call == "update_schedule" else {"Name": "made"}
    assert refusal(getattr(scheduler, call), **params) == (
        "ResourceNotFoundException",
        "Schedule made does not exist.",
        404,
    )


def test_a_call_with_the_same_token_is_answered_as_before(scheduler: Any) -> None:
    first = scheduler.create_schedule(**DEFINITION, ClientToken="t-1")
    again = scheduler.create_schedule(**DEFINITION, ClientToken="t-1")
    assert again["ScheduleArn"] == first["ScheduleArn"]
    other = {**DEFINITION, "ScheduleExpression": "rate(2 hours)", "ClientToken": "t-1"}
    assert refusal(scheduler.create_schedule, **other)[0] == "ConflictException"
    for _ in range(2):
        scheduler.delete_schedule(Name="made", ClientToken="t-2")
    assert refusal(scheduler.get_schedule, Name="made")[0] == "ResourceNotFoundException"


TARGET = DEFINITION["Target"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"ScheduleExpression": "cron(0 10 * * * *)"},
            "Invalid Schedule Expression cron(0 10 * * * *).",
        ),
        ({"ScheduleExpressionTimezone": "Mars"}, "Invalid Schedule Expression rate(1 hour)."),
        (
            {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
            "MaximumWindowInMinutes is only valid in the mode FLEXIBLE.",
        ),
        (
            {"Target": {**TARGET, "Arn": f"{QUEUE}.fifo"}},
            "SqsParameters with a MessageGroupId are required for a FIFO queue.",
        ),
        (
            {"Target": {**TARGET, "Arn": "arn:aws:events:us-east-1:123456789012:event-bus/b"}},
            "EventBridgeParameters are required for an event bus as the target.",
        ),
        (
            {"Target": {**TARGET, "Arn": "arn:aws:lambda:::function:f", "Input": "{"}},
            "Invalid Input: it must be well-formed JSON for this target.",
        ),
        ({"Target": {**TARGET, "Arn": "jobs"}}, "Provided Arn is not in correct format: jobs"),
        (
            {"StartDate": BEGIN + timedelta(days=1), "EndDate": BEGIN},
            "The EndDate must be after the StartDate.",
        ),
    ],
)
def test_a_wrong_definition_is_refused(scheduler: Any, given: dict[str, Any], message: str) -> None:
    assert refusal(scheduler.create_schedule, **{**DEFINITION, **given}) == (
        "ValidationException",
        message,
        400,
    )


@pytest.mark.parametrize(
    ("given", "value", "where", "constraint"),
    [
        (
            {"Name": "no spaces"},
            "no spaces",
            "name",
            "Member must satisfy regular expression pattern: [0-9a-zA-Z-_.]+",
        ),
        ({"State": "ON"}, "ON", "state", "Member must satisfy enum value set: [ENABLED, DISABLED]"),
        ({"Name": "n" * 65}, "n" * 65, "name", "Member must have length less than or equal to 64"),
        (
            {"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1441}},
            "1441",
            "flexibleTimeWindow.maximumWindowInMinutes",
            "Member must have value less than or equal to 1440",
        ),
        (
            {"Target": {**TARGET, "RetryPolicy": {"MaximumEventAgeInSeconds": 59}}},
            "59",
            "target.retryPolicy.maximumEventAgeInSeconds",
            "Member must have value greater than or equal to 60",
        ),
        (
            {"Target": {**TARGET, "RetryPolicy": {"MaximumRetryAttempts": "3"}}},
            "3",
            "target.retryPolicy.maximumRetryAttempts",
            "Member must be of type integer",
        ),
        (
            {"Target": {**TARGET, "DeadLetterConfig": {"Arn": f"{QUEUE}.fifo"}}},
            f"{QUEUE}.fifo",
            "target.deadLetterConfig.arn",
            (
                "Member must satisfy regular expression pattern: "
                r"arn:aws[a-z-]*:sqs:[a-z0-9\-]+:\d{12}:[a-zA-Z0-9\-_]+"
            ),
        ),
    ],
)
def test_a_value_out_of_its_bounds_is_named_with_its_place(
    app: LocalApp, given: dict[str, Any], value: str, where: str, constraint: str
) -> None:
    with pytest.raises(ApiError) as refused:
        app.session.aws.call("scheduler", "CreateSchedule", {**DEFINITION, **given})
    assert refused.value.message == (
        f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: "
        f"{constraint}"
    )


def test_what_is_missing_is_named_to_those_who_send_requests_themselves(app: LocalApp) -> None:
    with pytest.raises(ApiError, match="Value null at 'target' failed") as refused:
        app.session.aws.call("scheduler", "CreateSchedule", {"Name": "made"})
    assert "Value null at 'scheduleExpression'" in refused.value.message


# Groups and their tags


def test_a_group_keeps_its_schedules_and_takes_them_along(scheduler: Any) -> None:
    arn = scheduler.create_schedule_group(Name="g")["ScheduleGroupArn"]
    scheduler.create_schedule(**DEFINITION, GroupName="g")
    assert answer(scheduler.get_schedule_group, Name="g") == {
        "Arn": arn,
        "Name": "g",
        "State": "ACTIVE",
        "CreationDate": BEGIN,
        "LastModificationDate": BEGIN,
    }
    groups = scheduler.list_schedule_groups()["ScheduleGroups"]
    assert [one["Name"] for one in groups] == ["default", "g", "nightly"]
    scheduler.delete_schedule_group(Name="g")
    assert refusal(scheduler.get_schedule, Name="made", GroupName="g")[0] == (
        "ResourceNotFoundException"
    )
    assert refusal(scheduler.create_schedule, **DEFINITION, GroupName="g")[1] == (
        "Schedule group g does not exist."
    )


def test_the_default_group_stays_and_a_name_is_taken_once(scheduler: Any) -> None:
    assert refusal(scheduler.delete_schedule_group, Name="default")[0] == "ValidationException"
    assert refusal(scheduler.create_schedule_group, Name="nightly")[:2] == (
        "ConflictException",
        "Schedule group nightly already exists.",
    )


def test_groups_have_tags_and_schedules_have_none(scheduler: Any) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    arn = scheduler.create_schedule_group(Name="g", Tags=tags)["ScheduleGroupArn"]
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "dev"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["team", "other"])
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [
        {"Key": "stage", "Value": "dev"}
    ]
    schedule = scheduler.create_schedule(**DEFINITION)["ScheduleArn"]
    assert refusal(scheduler.list_tags_for_resource, ResourceArn=schedule)[0] == (
        "ResourceNotFoundException"
    )


def test_an_operation_that_there_is_not_is_refused_by_name(app: LocalApp) -> None:
    with pytest.raises(UnsupportedError, match="PauseSchedule"):
        app.session.aws.call("scheduler", "PauseSchedule", {})
