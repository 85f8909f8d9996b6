"""The notification workflow as deployed: every branch, providers that fail, nights, and duplicates.

What it relies on:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
(batchItemFailures), https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
sqs-dead-letter-queues.html (maxReceiveCount), https://docs.aws.amazon.com/scheduler/latest/
UserGuide/managing-schedule-delete.html (ActionAfterCompletion), https://docs.aws.amazon.com/
step-functions/latest/dg/choosing-workflow-type.html (Express: five minutes, at least once)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from typing import Any

import pytest

from sfnlocal.testing import CALL, Failure, LocalApp, Lost
from tests.callers import trust_issuer
from tests.workflows.post_office import (
    CHANNELS,
    NIGHT,
    a_request,
    add_recipient,
    an_event,
    call_back,
    changes,
    dead_letters,
    log,
    message,
    notify,
    outcomes,
    post,
    schedules,
    sends,
    sent_by,
    set_outage,
    state,
)

OfficeAt = Callable[[str], LocalApp]

VISIBILITY_MINUTES = 6
RECEIVES_MAX = 5


@pytest.fixture
def office(sfn: LocalApp) -> LocalApp:
    sfn.pause_schedules()
    trust_issuer(sfn)
    return sfn


@pytest.fixture
def office_at(sfn_load: Callable[..., AbstractContextManager[LocalApp]]) -> Iterator[OfficeAt]:
    """The app when it is a certain time."""
    with ExitStack() as offices:

        def opened(moment: str) -> LocalApp:
            start_ms = int(datetime.fromisoformat(moment).timestamp() * 1000)
            office = offices.enter_context(sfn_load(start_ms=start_ms))
            office.pause_schedules()
            trust_issuer(office)
            return office

        yield opened


def later(office: LocalApp, **duration: float) -> None:
    office.advance(**duration)


# Sent


@pytest.mark.parametrize("channel", CHANNELS)
def test_each_channel_has_its_provider(office: LocalApp, channel: str) -> None:
    add_recipient(office, channel)
    notification = notify(office)
    office.run_until_idle()
    assert changes(office, notification) == ["created", "pending", "sent"]
    assert sent_by(office, notification) == [channel]
    [run] = office.executions("Notification")
    run.assert_succeeded({"batchItemFailures": []})


def test_a_batch_goes_to_the_channels_of_its_recipients(office: LocalApp) -> None:
    for number in range(25):
        add_recipient(office, CHANNELS[number % 4], recipient_id=f"r-{number}")
    body = {"notifications": [a_request(f"r-{number}") for number in range(25)]}
    response = post(office, body, path="/notifications/batch")
    assert response.status == 202
    ids = json.loads(response.body)["notificationIds"]
    assert len(set(ids)) == 25
    office.run_until_idle()
    assert [sent_by(office, one) for one in ids] == [[CHANNELS[n % 4]] for n in range(25)]


def test_an_opt_out_is_asked_for_first(office: LocalApp) -> None:
    add_recipient(office, "email", "sms", optedOut={"email"}, quietHours=NIGHT)
    notification = notify(office)
    office.run_until_idle()
    assert changes(office, notification) == ["created", "pending", "unsubscribed"]
    assert sends(office) == {}


# Providers that fail


def test_one_providers_outage_holds_up_no_other(office: LocalApp) -> None:
    for channel in CHANNELS:
        add_recipient(office, channel, recipient_id=channel)
    set_outage(office, "email")
    ids = {channel: notify(office, channel, key=channel) for channel in CHANNELS}
    later(office, seconds=1)
    assert {channel: state(office, one) for channel, one in ids.items()} == {
        "email": "pending",
        "sms": "sent",
        "push": "sent",
        "webhook": "sent",
    }
    later(office, minutes=VISIBILITY_MINUTES)
    set_outage(office, "email", down=False)
    assert state(office, ids["email"]) == "pending"
    later(office, minutes=VISIBILITY_MINUTES)
    assert sent_by(office, ids["email"]) == ["email"]
    assert dead_letters(office) == []


def test_a_short_outage_is_waited_out(office: LocalApp) -> None:
    add_recipient(office, "email", "sms")
    office.mock("Notification", "Send", [Failure("ProviderUnavailable")] * 4 + [CALL])
    notification = notify(office)
    office.run_until_idle()
    assert sent_by(office, notification) == ["email"]
    [run] = office.executions("Notification")
    assert run.duration_ms is not None
    assert run.duration_ms < 15_000


def test_in_an_outage_the_next_channel_is_taken(office: LocalApp) -> None:
    add_recipient(office, "email", "sms", "push")
    set_outage(office, "email")
    notification = notify(office)
    office.run_until_idle()
    assert sent_by(office, notification) == ["sms"]
    assert changes(office, notification) == ["created", "pending", "pending", "sent"]
    assert (log(office, notification)["channel"], log(office, notification)["hop"]) == ("sms", 1)


def test_a_refused_address_is_not_tried_again(office: LocalApp) -> None:
    add_recipient(office, "email", "sms", refused=("email",))
    notification = notify(office)
    office.run_until_idle()
    assert sent_by(office, notification) == ["sms"]
    first, _ = office.executions("Notification")
    assert first.attempts("Send") == 1
    assert outcomes(office) == ["fell back", "sent"]


@pytest.mark.parametrize("channel", CHANNELS)
def test_any_channel_may_be_the_next(office: LocalApp, channel: str) -> None:
    first = "sms" if channel == "email" else "email"
    add_recipient(office, first, channel, refused=(first,))
    notification = notify(office)
    office.run_until_idle()
    assert sent_by(office, notification) == [channel]


def test_no_channel_is_tried_that_the_recipient_has_opted_out_of(office: LocalApp) -> None:
    add_recipient(office, "email", "sms", "push", refused=("email",), optedOut={"sms"})
    notification = notify(office)
    office.run_until_idle()
    assert sent_by(office, notification) == ["push"]


def test_when_every_address_is_refused_it_has_failed(office: LocalApp) -> None:
    add_recipient(office, *CHANNELS, refused=CHANNELS)
    notification = notify(office)
    office.run_until_idle()
    assert state(office, notification) == "failed"
    assert log(office, notification)["channel"] == "webhook"
    assert outcomes(office) == ["fell back"] * 3 + ["failed"]
    assert dead_letters(office) == []


def test_a_recipient_who_has_gone_is_not_sent_anything(office_at: OfficeAt) -> None:
    office = office_at("2026-06-01T21:30:00Z")
    add_recipient(office, "email", quietHours=NIGHT)
    notification = notify(office)
    office.client("dynamodb").delete_item(
        TableName=office.table("Recipients"), Key={"recipientId": {"S": "ann"}}
    )
    later(office, hours=8)
    assert state(office, notification) == "failed"
    assert sends(office) == {}


def test_what_no_provider_takes_for_half_an_hour_is_a_dead_letter_and_comes_back(
    office: LocalApp,
) -> None:
    add_recipient(office, "email")
    set_outage(office, "email")
    notification = notify(office)
    later(office, hours=1)
    assert outcomes(office) == ["left"] * RECEIVES_MAX
    assert [one["notificationId"] for one in office.messages("EmailQueueDeadLetters")] == [
        notification
    ]
    assert state(office, notification) == "pending"

    set_outage(office, "email", down=False)
    sqs = office.client("sqs")
    dead = sqs.get_queue_attributes(
        QueueUrl=office.queue_url("EmailQueueDeadLetters"), AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    sqs.start_message_move_task(SourceArn=dead)
    later(office, minutes=1)
    assert sent_by(office, notification) == ["email"]
    assert dead_letters(office) == []


# One message never fails for another


@pytest.mark.parametrize(
    "task",
    ["RecordPending", "ReadRecipient", "RecordSent"],
)
def test_a_message_that_fails_comes_back_alone(office: LocalApp, task: str) -> None:
    for number in range(10):
        add_recipient(office, "sms", recipient_id=f"r-{number}")
    broken = Failure("Lambda.Unknown", "something broke")
    office.mock("Notification", task, [CALL, CALL, broken, CALL])
    body = {"notifications": [a_request(f"r-{number}") for number in range(10)]}
    ids = json.loads(post(office, body, path="/notifications/batch").body)["notificationIds"]
    later(office, seconds=1)
    [run] = office.executions("Notification")
    assert len(run.output["batchItemFailures"]) == 1
    later(office, minutes=VISIBILITY_MINUTES)
    assert [state(office, one) for one in ids] == ["sent"] * 10
    assert set(sends(office).values()) == {1}
    assert dead_letters(office) == []


@pytest.mark.parametrize("task", ["PutOffMessage", "RecordDeferred", "FindQuietEnd"])
def test_what_cannot_be_put_off_now_is_put_off_a_little_later(
    office_at: OfficeAt, task: str
) -> None:
    office = office_at("2026-06-01T21:00:00Z")
    add_recipient(office, "email", quietHours=NIGHT)
    office.mock("Notification", task, [Failure("Lambda.Unknown"), CALL])
    notification = notify(office)
    later(office, minutes=VISIBILITY_MINUTES, seconds=1)
    assert outcomes(office) == ["left", "deferred"]
    assert len(schedules(office)) == 1
    later(office, hours=9)
    assert sent_by(office, notification) == ["email"]


@pytest.mark.parametrize(
    ("task", "setting"),
    [
        ("FallBack", {"refused": ("email",)}),
        ("RecordFailed", {"refused": ("email", "sms")}),
        ("RecordUnsubscribed", {"optedOut": {"email"}}),
    ],
)
def test_any_other_end_is_reached_at_the_second_delivery(
    office: LocalApp, task: str, setting: dict[str, Any]
) -> None:
    add_recipient(office, "email", "sms", **setting)
    office.mock("Notification", task, [Failure("Lambda.Unknown"), CALL])
    notification = notify(office)
    later(office, minutes=VISIBILITY_MINUTES, seconds=1)
    ends = {"FallBack": "sent", "RecordFailed": "failed", "RecordUnsubscribed": "unsubscribed"}
    assert state(office, notification) == ends[task]
    assert dead_letters(office) == []


def test_what_is_no_message_of_ours_is_a_dead_letter_and_holds_up_nobody(office: LocalApp) -> None:
    add_recipient(office, "email")
    office.send("EmailQueue", "no JSON")
    office.send("EmailQueue", {"notificationId": 7})
    notification = notify(office)
    later(office, hours=1)
    assert state(office, notification) == "sent"
    assert dead_letters(office) == ["no JSON", {"notificationId": 7}]


def test_a_batch_that_cannot_name_its_messages_fails_as_a_whole(office: LocalApp) -> None:
    """As somebody starts it by hand: an empty answer would say that all is done."""
    office.run("Notification", [{"any": "thing"}]).assert_failed("States.QueryEvaluationError")


def test_a_run_that_takes_too_long_leaves_its_messages_in_the_queue(office: LocalApp) -> None:
    add_recipient(office, "email")
    stuck = Failure("DynamoDB.SdkClientException", elapsed_ms=9_000)
    slow = Failure("Lambda.ServiceException", elapsed_ms=29_000)
    office.mock("Notification", "ReadRecipient", [*[stuck] * 6, CALL])
    office.mock("Notification", "Send", [*[slow] * 6, CALL])
    notification = notify(office)
    later(office, minutes=VISIBILITY_MINUTES, seconds=1)
    first, second = office.executions("Notification")
    assert first.status == "TIMED_OUT"
    second.assert_succeeded()
    assert sent_by(office, notification) == ["email"]


# Quiet hours


def test_at_night_a_schedule_puts_the_message_back_and_nothing_waits(office_at: OfficeAt) -> None:
    office = office_at("2026-06-01T21:30:00Z")
    add_recipient(office, "email", quietHours=NIGHT)
    notification = notify(office)
    later(office, minutes=1)
    assert state(office, notification) == "deferred"
    [run] = office.executions("Notification")
    assert run.status == "SUCCEEDED"
    assert run.duration_ms == 0
    [schedule] = schedules(office)
    assert schedule["ScheduleExpression"] == "at(2026-06-02T05:00:00)"
    assert schedule["ActionAfterCompletion"] == "DELETE"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["Name"].startswith(notification)
    assert json.loads(schedule["Target"]["Input"]) == message(notification)
    later(office, hours=7, minutes=28)
    assert state(office, notification) == "deferred"
    later(office, minutes=2)
    assert changes(office, notification) == ["created", "pending", "deferred", "pending", "sent"]
    assert schedules(office) == []


@pytest.mark.parametrize(
    ("now", "until"),
    [
        # The last Sunday of March: the night is an hour shorter.
        ("2026-03-28T21:30:00Z", "at(2026-03-29T05:00:00)"),
        # The last Sunday of October: it is an hour longer.
        ("2026-10-24T20:30:00Z", "at(2026-10-25T06:00:00)"),
        ("2026-10-25T05:30:00Z", "at(2026-10-25T06:00:00)"),
    ],
)
def test_a_night_ends_by_the_recipients_clock_when_that_changes(
    office_at: OfficeAt, now: str, until: str
) -> None:
    office = office_at(now)
    add_recipient(office, "sms", quietHours=NIGHT)
    notification = notify(office)
    later(office, minutes=1)
    [schedule] = schedules(office)
    assert schedule["ScheduleExpression"] == until
    later(office, hours=11)
    assert sent_by(office, notification) == ["sms"]


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_message_comes_back_to_the_queue_of_its_channel(
    office_at: OfficeAt, channel: str
) -> None:
    office = office_at("2026-06-01T21:30:00Z")
    add_recipient(office, channel, quietHours=NIGHT)
    notification = notify(office)
    later(office, hours=8)
    assert changes(office, notification) == ["created", "pending", "deferred", "pending", "sent"]
    assert sent_by(office, notification) == [channel]


def test_by_day_nothing_is_put_off(office_at: OfficeAt) -> None:
    office = office_at("2026-10-25T06:00:00Z")
    add_recipient(office, "sms", quietHours=NIGHT)
    notification = notify(office)
    later(office, minutes=1)
    assert changes(office, notification) == ["created", "pending", "sent"]


def test_who_opts_out_while_a_message_is_put_off_does_not_get_it(office_at: OfficeAt) -> None:
    office = office_at("2026-06-01T21:30:00Z")
    add_recipient(office, "email", quietHours=NIGHT)
    notification = notify(office)
    later(office, hours=1)
    add_recipient(office, "email", quietHours=NIGHT, optedOut={"email"})
    later(office, hours=8)
    assert state(office, notification) == "unsubscribed"
    assert sends(office) == {}


def test_a_message_that_comes_twice_is_put_off_once(office_at: OfficeAt) -> None:
    office = office_at("2026-06-01T21:30:00Z")
    add_recipient(office, "email", quietHours=NIGHT)
    notification = notify(office)
    later(office, minutes=1)
    office.send("EmailQueue", message(notification))
    later(office, minutes=1)
    assert outcomes(office) == ["deferred", "deferred"]
    assert len(schedules(office)) == 1
    later(office, hours=8)
    assert sent_by(office, notification) == ["email"]


def test_a_schedule_whose_answer_is_lost_is_made_once(office_at: OfficeAt) -> None:
    office = office_at("2026-06-01T21:30:00Z")
    add_recipient(office, "email", quietHours=NIGHT)
    lost = Lost("Scheduler.SdkClientException")
    office.mock("Notification", "PutOffMessage", [lost, CALL])
    notification = notify(office)
    later(office, hours=9)
    assert sent_by(office, notification) == ["email"]
    assert schedules(office) == []


# Again


def test_the_same_key_is_the_same_notification(office: LocalApp) -> None:
    add_recipient(office, "email")
    notification = notify(office)
    assert notify(office) == notification
    office.run_until_idle()
    assert notify(office) == notification
    office.run_until_idle()
    assert changes(office, notification) == ["created", "pending", "sent"]
    assert notify(office, key="k-2") != notification


@pytest.mark.parametrize("copies", [2, 5])
def test_a_message_that_comes_again_is_sent_once(office: LocalApp, copies: int) -> None:
    add_recipient(office, "email")
    notification = notify(office)
    for _ in range(copies):
        office.send("EmailQueue", message(notification))
    office.run_until_idle()
    office.send("EmailQueue", message(notification))
    office.run_until_idle()
    assert sent_by(office, notification) == ["email"]
    assert state(office, notification) == "sent"
    assert outcomes(office).count("sent") == 1
    assert outcomes(office).count("duplicate") == copies + 1


def test_a_message_of_an_earlier_channel_finds_its_notification_taken(office: LocalApp) -> None:
    add_recipient(office, "email", "sms")
    set_outage(office, "sms")
    set_outage(office, "email")
    notification = notify(office)
    later(office, minutes=1)
    assert log(office, notification)["channel"] == "sms"
    set_outage(office, "email", down=False)
    office.send("EmailQueue", message(notification))
    later(office, minutes=1)
    assert sends(office) == {}
    set_outage(office, "sms", down=False)
    later(office, minutes=VISIBILITY_MINUTES)
    assert sent_by(office, notification) == ["sms"]


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ("RecordPending", "DynamoDB.SdkClientException"),
        ("ReadRecipient", "DynamoDB.SdkClientException"),
        ("Send", "Lambda.SdkClientException"),
        ("RecordSent", "DynamoDB.SdkClientException"),
    ],
)
def test_a_lost_answer_sends_nothing_twice(office: LocalApp, task: str, error: str) -> None:
    add_recipient(office, "email")
    office.mock("Notification", task, [Lost(error), CALL])
    notification = notify(office)
    office.run_until_idle()
    assert state(office, notification) == "sent"
    assert sent_by(office, notification) == ["email"]
    assert dead_letters(office) == []


def test_a_lost_answer_of_the_next_queue_sends_nothing_twice(office: LocalApp) -> None:
    add_recipient(office, "email", "sms", refused=("email",))
    office.mock("Notification", "FallBack", [Lost("Sqs.SdkClientException"), CALL])
    notification = notify(office)
    office.run_until_idle()
    assert sent_by(office, notification) == ["sms"]
    assert sorted(outcomes(office)) == ["duplicate", "fell back", "sent"]


# What providers tell


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (["delivered", "opened", "clicked"], "clicked"),
        (["opened", "delivered"], "opened"),
        (["clicked", "opened", "delivered"], "clicked"),
        (["delivered", "delivered"], "delivered"),
        (["failed"], "failed"),
        (["failed", "delivered"], "failed"),
        (["delivered", "failed"], "delivered"),
        (["unsubscribed", "clicked"], "unsubscribed"),
    ],
)
def test_events_never_move_a_notification_backwards(
    office: LocalApp, events: list[str], expected: str
) -> None:
    add_recipient(office, "email")
    notification = notify(office)
    office.run_until_idle()
    for event in events:
        call_back(office, an_event(office, notification, event))
        later(office, seconds=1)
    assert state(office, notification) == expected


def test_an_event_that_is_faster_than_the_workflow_stays(office: LocalApp) -> None:
    add_recipient(office, "email")
    fault = Failure("DynamoDB.ThrottlingException")
    office.mock("Notification", "RecordSent", [fault, CALL])
    notification = notify(office)
    later(office, milliseconds=10)
    assert state(office, notification) == "pending"
    assert call_back(office, an_event(office, notification, "delivered"))["recorded"] == 1
    office.run_until_idle()
    assert changes(office, notification) == ["created", "pending", "delivered"]


def test_who_unsubscribes_gets_nothing_more_on_that_channel(office: LocalApp) -> None:
    add_recipient(office, "email", "sms")
    first = notify(office)
    office.run_until_idle()
    call_back(office, an_event(office, first, "unsubscribed"))
    second = notify(office, key="k-2")
    office.run_until_idle()
    assert (state(office, first), state(office, second)) == ("unsubscribed", "unsubscribed")
    assert sent_by(office, second) == []
