"""Timed tasks: started once, at their time, whoever asks for them how often.

Sources: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest

from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Run
from tests.workflows.shop import empty, iso

# Answers at once where there is nothing to do.
WORKFLOW = "OperationOutcome"
BROKEN = Failure("Broken", "for good")
LETTERS = "TimedTaskDeadLetters"


@pytest.fixture(scope="module")
def office(sfn_load: Callable[..., AbstractContextManager[LocalApp]]) -> Iterator[LocalApp]:
    with sfn_load() as app:
        app.pause_schedules()
        yield app


@pytest.fixture
def clock(office: LocalApp) -> Iterator[LocalApp]:
    yield office
    office.session.mocks.clear()
    office.advance(minutes=20)
    empty(office, LETTERS)


@pytest.fixture
def task_id(request: pytest.FixtureRequest, clock: LocalApp) -> str:
    return f"task-{len(clock.executions())}"


def ask(app: LocalApp, action: str, **request: Any) -> Run:
    run = app.start("TimedTasks", {"action": action, **request})
    app.advance(seconds=1)
    return run


def schedule(app: LocalApp, task_id: str, **when: Any) -> Run:
    """A task to tell the clock in the order's language: an order that is none fails at once."""
    return ask(
        app, "SCHEDULE", taskId=task_id, workflow="Order", input={"orderId": task_id}, **when
    )


def answer(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = run.assert_succeeded().execution.output
    return found


def started(app: LocalApp, task_id: str) -> list[Run]:
    """The executions that a task has started: all that have its id in their input."""
    return [run for run in app.executions("Order") if run.execution.input == {"orderId": task_id}]


def task(app: LocalApp, task_id: str) -> dict[str, Any]:
    [item] = [one for one in app.items("Tasks") if one["taskId"] == task_id]
    return item


def schedules(app: LocalApp) -> list[str]:
    listed = app.client("scheduler").list_schedules()["Schedules"]
    return [one["Name"] for one in listed if one["Name"].startswith("task-")]


@pytest.mark.parametrize(
    "delay",
    [
        timedelta(seconds=5),
        timedelta(minutes=14),
        timedelta(minutes=16),
        timedelta(days=40),
        timedelta(days=365),
    ],
    ids=str,
)
def test_a_task_starts_after_its_delay_once(
    clock: LocalApp, task_id: str, delay: timedelta
) -> None:
    began = clock.now
    asked = schedule(clock, task_id, afterSeconds=int(delay.total_seconds()))
    clock.advance(seconds=delay.total_seconds() - 2)
    assert started(clock, task_id) == []
    assert task(clock, task_id)["status"] == "SCHEDULED"
    clock.advance(minutes=2)
    [run] = started(clock, task_id)
    assert run.execution.name == task_id
    late_ms = run.execution.start_ms - round((began + delay).timestamp() * 1000)
    assert 0 <= late_ms < 60_000
    assert task(clock, task_id)["status"] == "STARTED"
    assert answer(asked)["status"] in ("STARTED", "SCHEDULED")
    assert schedules(clock) == []


def test_a_time_is_one_of_the_zone(clock: LocalApp, task_id: str) -> None:
    tomorrow = (clock.now + timedelta(days=1)).date()
    asked = schedule(clock, task_id, at=f"{tomorrow}T08:00:00", timeZone="Asia/Tokyo")
    assert answer(asked)["dueAt"] == f"{clock.now.date()}T23:00:00.000Z"
    clock.advance(days=1)
    [run] = started(clock, task_id)
    assert datetime.fromtimestamp(run.execution.start_ms / 1000, clock.now.tzinfo).hour == 23


@pytest.mark.parametrize("minutes", [10, 60])
def test_a_cancelled_task_never_starts(clock: LocalApp, task_id: str, minutes: int) -> None:
    schedule(clock, task_id, afterSeconds=minutes * 60)
    for _ in range(2):
        assert answer(ask(clock, "CANCEL", taskId=task_id))["status"] == "CANCELLED"
    assert schedules(clock) == []
    clock.advance(hours=2)
    assert started(clock, task_id) == []
    assert task(clock, task_id)["status"] == "CANCELLED"
    refused = answer(schedule(clock, task_id, afterSeconds=5))
    assert "there is another task" in refused["why"]


def test_a_schedule_that_fires_although_it_is_cancelled_has_no_effect(
    clock: LocalApp, task_id: str
) -> None:
    schedule(clock, task_id, afterSeconds=3600)
    ask(clock, "CANCEL", taskId=task_id)
    assert "cancelled" in answer(ask(clock, "START", taskId=task_id))["why"]
    assert started(clock, task_id) == []


def test_what_was_started_is_not_cancelled(clock: LocalApp, task_id: str) -> None:
    schedule(clock, task_id, afterSeconds=1)
    clock.advance(seconds=5)
    refused = answer(ask(clock, "CANCEL", taskId=task_id))
    assert refused["status"] == "REFUSED"
    assert f"{task_id} is STARTED since" in refused["why"]
    unknown = answer(ask(clock, "CANCEL", taskId="nobody"))
    assert unknown["why"] == "taskId: there is no task nobody"


def test_a_schedule_that_delivers_twice_starts_once(clock: LocalApp, task_id: str) -> None:
    schedule(clock, task_id, afterSeconds=1800)
    clock.advance(minutes=31)
    for _ in range(2):
        assert "why" in answer(ask(clock, "START", taskId=task_id))
    assert len(started(clock, task_id)) == 1


def test_the_same_request_again_changes_nothing_and_another_is_refused(
    clock: LocalApp, task_id: str
) -> None:
    first = answer(schedule(clock, task_id, afterSeconds=3600))
    clock.advance(minutes=5)
    assert answer(schedule(clock, task_id, afterSeconds=3600)) == first
    other = answer(schedule(clock, task_id, afterSeconds=60))
    assert other == {"status": "REFUSED", "why": f"taskId: there is another task {task_id}"}
    clock.advance(hours=2)
    assert len(started(clock, task_id)) == 1


def test_what_is_due_is_listed_the_next_first(clock: LocalApp, task_id: str) -> None:
    hours = {"a": 30, "b": 20, "c": 40}
    for name, number in hours.items():
        schedule(clock, f"{task_id}-{name}", afterSeconds=number * 3600)
    ask(clock, "CANCEL", taskId=f"{task_id}-a")

    def listed(**request: Any) -> list[str]:
        due = answer(ask(clock, "LIST", **request))["due"]
        return [one["taskId"] for one in due if one["taskId"].startswith(task_id)]

    assert listed() == [f"{task_id}-b", f"{task_id}-c"]
    assert listed(until=iso(clock.now + timedelta(hours=25))) == [f"{task_id}-b"]
    assert listed(until=iso(clock.now)) == []
    clock.advance(hours=41)
    assert listed() == []


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"action": "STOP"}, "action: there is no STOP; there are SCHEDULE, START, CANCEL, LIST"),
        ({"action": "CANCEL"}, "taskId is missing"),
        ({"action": "LIST", "taskId": "t"}, "taskId is no field of LIST"),
        ({"workflow": "Ordre"}, "workflow: there is no Ordre; there are "),
        ({"taskId": "a:b"}, "taskId must have 1 to 64 of A-Z, a-z, 0-9, - and _"),
        ({"afterSeconds": 0}, "afterSeconds must be from 1 to 365 days"),
        ({"afterSeconds": 31_536_001}, "afterSeconds must be from 1 to 365 days"),
        ({"afterSeconds": "5"}, "afterSeconds must be a whole number"),
        ({"at": "2020-01-01T00:00:00"}, "2020-01-01T00:00:00.000Z, which is over"),
        ({"at": "2099-01-01T00:00:00"}, "is more than 365 days ahead"),
        ({"at": "tomorrow"}, "at: tomorrow is no time like 2026-01-31T08:00:00"),
        ({"at": "2026-06-01T00:00:00", "timeZone": "Mars"}, "timeZone: there is no Mars"),
        ({}, "either at or afterSeconds is needed"),
    ],
)
def test_a_bad_request_is_answered_and_leaves_no_letter(
    clock: LocalApp, request_: dict[str, Any], why: str
) -> None:
    whole = {"action": "SCHEDULE", "taskId": "t", "workflow": "Order"}
    request = whole | request_ if "action" not in request_ else request_
    run = clock.start("TimedTasks", request)
    clock.advance(seconds=1)
    refused = answer(run)
    assert refused["status"] == "REFUSED"
    assert why in refused["why"]
    clock.advance(minutes=1)
    assert clock.messages(LETTERS) == []


@pytest.mark.parametrize("state", ["Record", "CreateSchedule"])
def test_a_lost_answer_makes_no_second_schedule(clock: LocalApp, task_id: str, state: str) -> None:
    error = "DynamoDB.SdkClientException" if state == "Record" else "Scheduler.SdkClientException"
    clock.mock("TimedTasks", state, [Lost(error), CALL])
    schedule(clock, task_id, afterSeconds=3600)
    clock.advance(hours=2)
    assert len(started(clock, task_id)) == 1


@pytest.mark.parametrize("state", ["Claim", "StartWorkflow", "MarkStarted"])
@pytest.mark.parametrize("outcome", [BROKEN, Lost("Broken")], ids=["never called", "answer lost"])
def test_a_start_that_failed_is_a_letter_whose_replay_starts_once(
    clock: LocalApp, task_id: str, state: str, outcome: Failure | Lost
) -> None:
    clock.mock("TimedTasks", state, [outcome, CALL])
    schedule(clock, task_id, afterSeconds=3600)
    clock.advance(hours=2)
    [letter] = clock.messages(LETTERS)
    assert letter["state"] == state
    run = clock.start("DeadLetters", {"queue": LETTERS})
    clock.finish(run)
    assert answer(run)["outcomes"] == {"DONE": 1}
    assert len(started(clock, task_id)) == 1
    assert task(clock, task_id)["status"] == "STARTED"
