"""Activities: Task states whose work is done by workers that ask for it.

A task waits in its activity's queue until a worker takes it, and from then on for the answer to
its token. Who asks first gets the next task; nobody polls.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-activities.html
"""

from __future__ import annotations

import base64
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text
from sfnlocal.ports import InvokeTask, TaskFailed, TaskStarted

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session

_TOKEN_BITS = 48 * 8


@dataclass(frozen=True, slots=True)
class ActivityTask:
    """What GetActivityTask answers."""

    token: str
    input: str


# Is given a task; says whether it still wants one.
Taker: TypeAlias = Callable[[ActivityTask], bool]


class Activities:
    """`attended` where workers can ask: without a server there are none."""

    def __init__(self, session: Session) -> None:
        self.attended = False
        self._session = session
        self._rng = random.Random(f"{session.seed}/activities")
        self._waiting: dict[str, deque[tuple[Execution, InvokeTask]]] = {
            resource.arn: deque()
            for resource in session.app.of_type("AWS::StepFunctions::Activity")
        }
        self._workers: dict[str, deque[tuple[str | None, Taker]]] = {}

    def create(self, arn: str) -> None:
        self._waiting.setdefault(arn, deque())

    def delete(self, arn: str) -> None:
        """Tasks that wait for a worker wait for ever then, or until their time-out."""
        self._waiting.pop(arn, None)

    def schedule(self, execution: Execution, task: InvokeTask) -> None:
        """A Task state wants work done."""
        arn = task.resource.arn
        waiting = self._waiting.get(arn)
        if waiting is None:
            cause = f"Activity Does Not Exist: '{arn}'"
            self._session.feed(execution, TaskFailed(task.task_id, "ActivityDoesNotExist", cause))
            return
        waiting.append((execution, task))
        self._match(arn)

    def ask(self, arn: str, worker_name: str | None, taker: Taker) -> None:
        """Give `taker` the activity's next task: now, or when there is one."""
        self._workers.setdefault(arn, deque()).append((worker_name, taker))
        self._match(arn)

    def _match(self, arn: str) -> None:
        workers, waiting = self._workers.get(arn), self._waiting.get(arn)
        while workers and waiting:
            execution, task = waiting.popleft()
            if task.task_id not in execution.frames_by_task:
                continue
            token = base64.b64encode(
                self._rng.getrandbits(_TOKEN_BITS).to_bytes(_TOKEN_BITS // 8, "big")
            ).decode()
            given = ActivityTask(token, json_text(task.arguments))
            while workers:
                worker_name, taker = workers.popleft()
                if taker(given):
                    self._session.tokens.expect(token, execution, task, submitted=True)
                    self._session.feed(execution, TaskStarted(task.task_id, worker_name))
                    break
            else:
                waiting.appendleft((execution, task))

    def any_waiting(self) -> bool:
        """Is there a task that no worker has taken?"""
        return any(
            task.task_id in execution.frames_by_task
            for waiting in self._waiting.values()
            for execution, task in waiting
        )
