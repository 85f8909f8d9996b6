"""Task tokens: who waits for which, and the answers that somebody outside gives.

An answer is a fact of a turn of its own, since whoever gives it may be a handler in the middle of
a call. One that comes before the request was submitted (the handler that got the token answers at
once) waits until it is, so that the history keeps its order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfnlocal.errors import ApiError
from sfnlocal.interpreter import Execution
from sfnlocal.ports import Input, InvokeTask, Json, TaskFailed, TaskHeartbeat, TaskSucceeded

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session


class _Callback:
    """Who waits for a token, and what came before the request was submitted."""

    __slots__ = ("answered", "early", "execution", "submitted", "task_id")

    def __init__(self, execution: Execution, task_id: int, *, submitted: bool) -> None:
        self.execution = execution
        self.task_id = task_id
        self.submitted = submitted
        self.answered = False
        self.early: list[Input] = []

    @property
    def open(self) -> bool:
        return not self.answered and self.task_id in self.execution.frames_by_task


class TaskTokens:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._callbacks: dict[str, _Callback] = {}
        self._by_execution: dict[str, list[str]] = {}
        self._open: list[_Callback] = []

    def expect(
        self, token: str, execution: Execution, task: InvokeTask, *, submitted: bool = False
    ) -> None:
        """The task waits for this token. `submitted`: an activity's worker has it already."""
        callback = _Callback(execution, task.task_id, submitted=submitted)
        self._callbacks[token] = callback
        self._by_execution.setdefault(execution.arn, []).append(token)
        self._open.append(callback)
        if len(self._open) > 2 * len(self._by_execution) + 100:
            self._open = [known for known in self._open if known.open]

    def submitted(self, token: str) -> None:
        """The service has the request: what came before is heard now."""
        callback = self._callbacks[token]
        callback.submitted = True
        for fact in callback.early:
            self._deliver(callback, fact)

    def any_open(self) -> bool:
        while self._open and not self._open[-1].open:
            self._open.pop()
        return bool(self._open)

    def owner(self, token: str) -> str:
        """The ARN of the state machine that waits for it; empty for a token that nobody knows."""
        callback = self._callbacks.get(token)
        return callback.execution.state_machine_arn if callback is not None else ""

    def forget(self, execution_arn: str) -> None:
        for token in self._by_execution.pop(execution_arn, ()):
            del self._callbacks[token]

    def succeed(self, token: str, output: Json) -> None:
        """SendTaskSuccess. This and its two sisters raise ApiError."""
        callback = self._find(token)
        self._answer(callback, TaskSucceeded(callback.task_id, output))

    def fail(self, token: str, error: str | None = None, cause: str | None = None) -> None:
        callback = self._find(token)
        self._answer(callback, TaskFailed(callback.task_id, error, cause))

    def heartbeat(self, token: str) -> None:
        callback = self._find(token)
        self._deliver(callback, TaskHeartbeat(callback.task_id))

    def _find(self, token: str) -> _Callback:
        callback = self._callbacks.get(token)
        if callback is None:
            raise ApiError("InvalidToken", "Invalid Token: 'Invalid token'")
        if not callback.open:
            message = "Task Timed Out: 'Provided task does not exist anymore'"
            raise ApiError("TaskTimedOut", message)
        return callback

    def _answer(self, callback: _Callback, fact: Input) -> None:
        callback.answered = True
        self._deliver(callback, fact)

    def _deliver(self, callback: _Callback, fact: Input) -> None:
        if not callback.submitted:
            callback.early.append(fact)
            return
        session, execution, task_id = self._session, callback.execution, callback.task_id
        session.at(
            session.now_ms,
            lambda: session.feed(execution, fact),
            lambda: task_id in execution.frames_by_task,
        )
