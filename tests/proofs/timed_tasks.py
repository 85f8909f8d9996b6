"""Timed tasks: every single fault between a request and the execution that it is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from sfnlocal.proof import Fault, Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from

TASK = "t-1"
# What is started: it has nothing to do, and says so.
WORKFLOW, NOTHING = "ScoreCompanies", {"key": "elsewhere/a.csv"}
LETTERS, LOST = "TimedTaskDeadLetters", "TimedTaskLostEvents"


def request(**when: int) -> dict[str, Any]:
    return {
        "action": "SCHEDULE",
        "taskId": TASK,
        "workflow": WORKFLOW,
        "input": NOTHING,
        **when,
    }


SOON, LATER = request(afterSeconds=60), request(afterSeconds=3600)


def asked_before(*requests: dict[str, Any], hours: float = 0) -> Callable[[LocalApp], None]:
    def prepare(app: LocalApp) -> None:
        for number, one in enumerate(requests):
            app.start("TimedTasks", one, f"before-{number}")
            app.advance(seconds=5)
        app.advance(hours=hours)

    return prepare


def claimed_before(app: LocalApp) -> None:
    """A run has died when it had claimed the task."""
    asked_before(LATER)(app)
    key = {"taskId": {"S": TASK}}
    app.client("dynamodb").update_item(
        TableName=app.table("Tasks"),
        Key=key,
        UpdateExpression="SET #status = :starting",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":starting": {"S": "STARTING"}},
    )


def start_lost(app: LocalApp) -> None:
    """What the schedule could not deliver, DeadLetters makes up for."""
    if app.messages(LOST):
        app.run("DeadLetters", {"queue": LOST})


def executions(app: LocalApp) -> Counter[str]:
    return Counter(run.execution.name.split(":")[-1] for run in app.executions(WORKFLOW))


def what_is_cancelled_never_starts(app: LocalApp) -> None:
    for item in app.items("Tasks"):
        if item["status"] == "CANCELLED":
            assert not app.executions(WORKFLOW), f"{item['taskId']} was cancelled, and started"


def what_is_started_is_there(app: LocalApp) -> None:
    for item in app.items("Tasks"):
        if item["status"] == "STARTED":
            assert app.executions(WORKFLOW), f"{item['taskId']} says it was started"


def no_task_is_forgotten(app: LocalApp) -> None:
    """Whoever has claimed a task starts it, or somebody is told."""
    told = app.messages(LETTERS) + app.messages(LOST)
    for item in app.items("Tasks"):
        if item["status"] == "STARTING":
            assert told, f"{item['taskId']} is claimed and not started, and nobody is told"


def scenario(name: str, about: str, input: Any, prepare: Any = None, **more: Any) -> Scenario:
    return Scenario(
        name=name, about=about, input=input, prepare=prepare, execution_name="timed-task", **more
    )


TIMED_TASKS = Proof(
    state_machine="TimedTasks",
    scenarios=[
        scenario("soon", "waited for", SOON),
        scenario("later", "a schedule, which starts it when it is due", LATER),
        scenario("again", "asked for before", LATER, asked_before(LATER)),
        scenario("another", "the id is another task's", SOON, asked_before(LATER)),
        scenario("claimed", "a run before has died", LATER, claimed_before),
        scenario("started-again", "it has been started", SOON, asked_before(SOON, hours=1)),
        scenario(
            "cancelled",
            "before it is due",
            {"action": "CANCEL", "taskId": TASK},
            asked_before(LATER),
        ),
        scenario(
            "cancelled-late",
            "when it has started",
            {"action": "CANCEL", "taskId": TASK},
            asked_before(SOON, hours=1),
        ),
        scenario("listed", "what is due", {"action": "LIST"}, asked_before(LATER)),
        scenario("refused", "no request", {"action": "STOP"}),
        scenario(
            "fails",
            "the task cannot be recorded",
            SOON,
            given=[Fault("state:TimedTasks/Record#1", "refused:UnforeseenError")],
            expect="FAILED",
        ),
        scenario(
            "fails-at-length",
            "input and cause are too large for a letter",
            {**SOON, "input": {"note": '"' * 100_000}},
            given=[Fault("state:TimedTasks/CheckRequest#1", "long-cause")],
            only=["StoreInput"],
            expect="FAILED",
        ),
    ],
    dead_letters=LETTERS,
    replay=replay_from("TimedTaskLetters"),
    recover=start_lost,
    letter_states=LETTER_STATES,
    schedules=("TimedTasks/TimedTaskSweep/Hourly",),
    effects={"start of task": executions},
    invariants=[what_is_cancelled_never_starts, what_is_started_is_there, no_task_is_forgotten],
    errors={"CheckRequest": ("RequestRefused",)},
    outcomes=(
        "RequestRefused",
        "Scheduler.ConflictException",
        "Scheduler.ResourceNotFoundException",
    ),
    ignore={
        "TimedTaskLetters": "the archive keeps each letter",
        LOST: "a start of the sweep, which is Express, waits there for a person",
        "TimedTaskDeadLetterInputs": "where a bucket cannot take an input, the execution has it",
        "Audit": "what DeadLetters does when a schedule could not start the machine",
        "Tasks.recordedBy": "which run was the first to record it",
        "Tasks.status": "a request to cancel that failed may come when the task has started;"
        " the invariants look at both ends",
        "Tasks.startedAt": "the same",
        "Tasks.cancelledAt": "the same",
    },
)
