"""Conductor's task policies, run as state machines of an app of their own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from sfnlocal.reports.path import path_taken
from sfnlocal.reports.visits import all_visits
from sfnlocal.template import App, load_app
from sfnlocal.testing import Failure, LocalApp, Run, Success, load
from workflows.machine import standard_machine
from workflows.task_policy import TaskPolicy, timeouts, with_policy

BROKEN = Failure("Broken", "for now")
TIMED_OUT = Failure("States.Timeout")
SILENT = Failure("States.HeartbeatTimeout")

POLICIES = {
    "Fixed": TaskPolicy(timeout_seconds=3600, retry_count=2, retry_delay_seconds=10),
    "Exponential": TaskPolicy(
        timeout_seconds=3600,
        retry_logic="EXPONENTIAL_BACKOFF",
        retry_count=4,
        retry_delay_seconds=2,
        max_retry_delay_seconds=10,
    ),
    "Linear": TaskPolicy(
        timeout_seconds=3600,
        retry_logic="LINEAR_BACKOFF",
        retry_count=3,
        retry_delay_seconds=10,
        max_retry_delay_seconds=50,
        backoff_scale_factor=2,
    ),
    "RetriedTimeOut": TaskPolicy(
        timeout_seconds=3600, timeout_policy="RETRY", retry_count=1, retry_delay_seconds=5
    ),
    "Optional": TaskPolicy(
        timeout_seconds=3600, retry_count=1, retry_delay_seconds=5, optional=True
    ),
    "Terminal": TaskPolicy(
        timeout_seconds=3600,
        retry_count=2,
        retry_delay_seconds=5,
        rescheduled=("States.HeartbeatTimeout",),
    ),
    "OptionalLinear": TaskPolicy(
        timeout_seconds=3600,
        retry_logic="LINEAR_BACKOFF",
        retry_count=1,
        retry_delay_seconds=5,
        optional=True,
    ),
}


@pytest.fixture(scope="module")
def conductor(tmp_path_factory: pytest.TempPathFactory) -> App:
    """A state machine for each policy: a worker by task token, then the end."""
    folder: Path = tmp_path_factory.mktemp("conductor")
    root = cdk.App(outdir=str(folder))
    stack = cdk.Stack(root, "Conductor")
    workers = sqs.Queue(stack, "Workers")
    for name, policy in POLICIES.items():
        worker(stack, name, policy, workers)
    root.synth()
    return load_app(folder)


def worker(stack: cdk.Stack, name: str, policy: TaskPolicy, workers: sqs.Queue) -> None:
    scope = Construct(stack, f"{name}Definition")
    task = tasks.SqsSendMessage.jsonata(
        scope,
        "Work",
        queue=workers,
        integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN,
        message_body=sfn.TaskInput.from_object({"token": "{% $states.context.Task.Token %}"}),
        **timeouts(policy, callback=True),
    )
    failed = sfn.Fail.jsonata(
        scope, "GaveUp", error="GaveUp", cause="{% $failureOfWork.Error & ' ' & $states.input.id %}"
    )
    linear = policy.retry_logic == "LINEAR_BACKOFF" and not policy.optional
    chain = with_policy(scope, task, policy, failed=failed if linear else None)
    standard_machine(
        scope,
        name,
        chain=chain.next(sfn.Succeed.jsonata(scope, "Done")),
        time_out=cdk.Duration.days(1),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )


@pytest.fixture
def app(conductor: App) -> Iterator[LocalApp]:
    with load(conductor) as running:
        yield running


def pauses(run: Run) -> list[float]:
    """Between the attempts at the task, in seconds; a mocked attempt takes no time."""
    attempts = [
        attempt.started_ms
        for visit in all_visits(path_taken(run.execution))
        if visit.state == "Work"
        for attempt in visit.attempts
    ]
    return [(later - earlier) / 1000 for earlier, later in itertools.pairwise(attempts)]


@pytest.mark.parametrize(
    ("policy", "failures", "expected"),
    [
        ("Fixed", 2, [10, 10]),
        ("Exponential", 4, [2, 4, 8, 10]),
        ("Linear", 3, [20, 40, 50]),
    ],
)
def test_pauses_follow_the_retry_logic(
    app: LocalApp, policy: str, failures: int, expected: list[int]
) -> None:
    app.mock(policy, "Work", [*[BROKEN] * failures, Success({})])
    run = app.run(policy, {"id": "a"})
    run.assert_succeeded()
    assert pauses(run) == expected


@pytest.mark.parametrize(("policy", "attempts"), [("Fixed", 3), ("Exponential", 5), ("Linear", 4)])
def test_the_retry_count_is_the_number_of_retries(
    app: LocalApp, policy: str, attempts: int
) -> None:
    app.mock(policy, "Work", [BROKEN])
    run = app.run(policy, {"id": "a"})
    assert run.status == "FAILED"
    assert len(pauses(run)) == attempts - 1


def test_a_linear_back_off_that_gives_up_knows_the_last_error_and_the_input(app: LocalApp) -> None:
    app.mock("Linear", "Work", [BROKEN])
    run = app.run("Linear", {"id": "a"})
    assert (run.error, run.cause) == ("GaveUp", "Broken a")


def test_an_error_that_is_not_rescheduled_is_terminal(app: LocalApp) -> None:
    """https://docs.conductor-oss.org/documentation/api/task.html: FAILED_WITH_TERMINAL_ERROR"""
    app.mock("Terminal", "Work", [SILENT, BROKEN])
    run = app.run("Terminal", {"id": "a"})
    assert (run.status, run.error) == ("FAILED", "Broken")
    assert pauses(run) == [5]


def test_a_worker_that_is_not_heard_of_is_asked_again(app: LocalApp) -> None:
    run = app.run("Fixed", {"id": "a"})
    assert (run.status, run.error) == ("FAILED", "States.Timeout")
    assert pauses(run) == [600 + 10, 600 + 10]


@pytest.mark.parametrize("policy", ["Fixed", "Linear", "Optional"])
def test_a_time_out_ends_the_workflow(app: LocalApp, policy: str) -> None:
    app.mock(policy, "Work", [TIMED_OUT, Success({})])
    run = app.run(policy, {"id": "a"})
    assert (run.status, run.error) == ("FAILED", "States.Timeout")


def test_a_time_out_is_retried_where_its_policy_says_so(app: LocalApp) -> None:
    app.mock("RetriedTimeOut", "Work", [TIMED_OUT, Success({})])
    app.run("RetriedTimeOut", {"id": "a"}).assert_succeeded()


@pytest.mark.parametrize("policy", ["Optional", "OptionalLinear"])
@pytest.mark.parametrize("failure", [BROKEN, SILENT])
def test_an_optional_task_is_skipped_when_its_retries_are_used_up(
    app: LocalApp, policy: str, failure: Failure
) -> None:
    app.mock(policy, "Work", [failure])
    run = app.run(policy, {"id": "a"})
    run.assert_succeeded()
    assert run.visited[-2:] == ["WorkSkipped", "Done"]
    assert pauses(run) == [5]


def test_without_a_task_token_the_sooner_time_is_the_time_out() -> None:
    policy = TaskPolicy(timeout_seconds=3600, response_timeout_seconds=60)
    assert timeouts(policy, callback=False)["task_timeout"].seconds == 60
    unheard = TaskPolicy(timeout_seconds=30, response_timeout_seconds=0)
    assert timeouts(unheard, callback=False)["task_timeout"].seconds == 30
    assert timeouts(unheard, callback=True).keys() == {"task_timeout"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"timeout_seconds": 0}, "timeout_seconds is 0; it must be at least 1"),
        ({"retry_delay_seconds": 0}, "retry_delay_seconds is 0; it must be at least 1"),
        ({"rescheduled": ()}, "for no retries, set retry_count to 0"),
        ({"timeout_policy": "ALERT_ONLY"}, "put an alarm on the state's run time"),
        ({"max_retry_delay_seconds": 60}, "more than retry_delay_seconds (60)"),
        ({"max_retry_delay_seconds": 40_000_000}, "at most 31622400"),
    ],
)
def test_what_step_functions_cannot_do_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        TaskPolicy(**{"timeout_seconds": 100, **fields})


def test_a_heartbeat_must_be_shorter_than_the_time_out() -> None:
    with pytest.raises(ValueError, match="shorter than timeout_seconds"):
        timeouts(TaskPolicy(timeout_seconds=600), callback=True)


def test_a_linear_back_off_must_know_where_it_gives_up() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    task = tasks.EvaluateExpression(stack, "Work", expression="1")
    with pytest.raises(ValueError, match="Work: LINEAR_BACKOFF needs `failed`"):
        with_policy(stack, task, POLICIES["Linear"])
