"""Calls of Task states: when they are made, what answers them, and when the answer comes.

A mock answers in the service's place; a nested execution, an activity's worker or a service does
otherwise. Who makes a call is known from here on: the state machine's role, or the one that the
state names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfnlocal.driver.mocks import Failure, Lost, Success
from sfnlocal.errors import UnsupportedError
from sfnlocal.interpreter import Execution
from sfnlocal.ports import (
    Caller,
    Input,
    InvokeTask,
    TaskAnswer,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
)

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session


class TaskCalls:
    def __init__(self, session: Session) -> None:
        self._session = session

    def schedule(self, execution: Execution, task: InvokeTask) -> None:
        if task.token is not None:
            self._session.tokens.expect(task.token, execution, task)
        self._session.at(
            self._session.now_ms,
            lambda: self.invoke(execution, task),
            lambda: task.task_id in execution.frames_by_task,
        )

    def invoke(self, execution: Execution, task: InvokeTask) -> None:
        outcome = self._session.mocks.outcome(self._session.started_from[execution.arn].arn, task)
        if isinstance(outcome, Success) and task.resource.pattern != "REQUEST_RESPONSE":
            self._complete_mocked(execution, task, outcome.answer())
            return
        if isinstance(outcome, Success | Failure):
            self._answer(execution, task, outcome.answer(), self._session.now_ms)
            return
        began_ms = self._session.now_ms
        answer = self.call(execution, task)
        if isinstance(outcome, Lost):
            self._session.nested.leave(execution, task.task_id)
            answer = outcome.answer()
        if answer is not None:
            self._answer(execution, task, answer, began_ms)

    def call(self, execution: Execution, task: InvokeTask) -> TaskAnswer | None:
        """What the service says. None: a worker of the activity will."""
        role_arn = task.role_arn or execution.role_arn
        caller = Caller("states.amazonaws.com", execution.state_machine_arn, role_arn)
        with self._session.aws.acting(caller):
            return self._called(execution, task)

    def _called(self, execution: Execution, task: InvokeTask) -> TaskAnswer | None:
        if task.resource.service == "states":
            return self._session.nested.start(execution, task)
        if task.resource.service == "activity" and self._session.activities.attended:
            self._session.activities.schedule(execution, task)
            return None
        if task.resource.service == "activity" or task.resource.pattern == "RUN_A_JOB":
            raise UnsupportedError(
                f"{task.resource.arn} is not run by sfnlocal",
                where=f"{execution.state_machine_name}, state '{task.state}'",
                hint="mock the state: Session.mock, or `mocks` of the pytest fixture",
            )
        return self._session.tasks.invoke(task, self._session.now_ms)

    def _complete_mocked(self, execution: Execution, task: InvokeTask, answer: TaskAnswer) -> None:
        self._session.feed(execution, TaskSubmitted(task.task_id, answer.output))
        self._session.at(
            self._session.now_ms + answer.elapsed_ms,
            lambda: self.complete_job(execution, task, answer),
            lambda: task.task_id in execution.frames_by_task,
        )

    def complete_job(self, execution: Execution, task: InvokeTask, answer: TaskAnswer) -> None:
        """What was submitted has ended: a job (.sync), or a mocked wait for a token."""
        self._session.feed(execution, _fact(task, answer))

    def _answer(
        self, execution: Execution, task: InvokeTask, answer: TaskAnswer, began_ms: int
    ) -> None:
        if answer.elapsed_ms:
            self._session.at(
                began_ms + answer.elapsed_ms,
                lambda: self._answered(execution, task, answer),
                lambda: task.task_id in execution.frames_by_task,
            )
        else:
            self._answered(execution, task, answer)

    def _answered(self, execution: Execution, task: InvokeTask, answer: TaskAnswer) -> None:
        if answer.error is not None or task.resource.pattern == "REQUEST_RESPONSE":
            self._session.feed(execution, _fact(task, answer))
            return
        self._session.feed(execution, TaskSubmitted(task.task_id, answer.output))
        if task.token is None:
            self._session.nested.submitted(execution, task)
            return
        self._session.tokens.submitted(task.token)


def _fact(task: InvokeTask, answer: TaskAnswer) -> Input:
    if answer.error is not None:
        return TaskFailed(task.task_id, answer.error, answer.cause)
    return TaskSucceeded(task.task_id, answer.output)
