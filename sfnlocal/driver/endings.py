"""Ends of executions: who is told of them, and which ended executions are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from sfnlocal.interpreter import Execution

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session

EndedListener = Callable[[Execution], None]


class Endings:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._arns: deque[str] = deque()
        self._next: dict[str, list[EndedListener]] = {}
        self._each: list[EndedListener] = []

    def on_next(self, execution: Execution, listener: EndedListener) -> None:
        """Call `listener` when the execution ends."""
        self._next.setdefault(execution.arn, []).append(listener)

    def on_each(self, listener: EndedListener) -> None:
        self._each.append(listener)

    def ended(self, execution: Execution) -> None:
        session = self._session
        for listener in self._each:
            listener(execution)
        for listener in self._next.pop(execution.arn, ()):
            listener(execution)
        session.map_runs.execution_ended(execution)
        if execution.map_run_arn:
            session.map_runs.child_ended(execution)
        elif session.keep_ended is not None:
            self._arns.append(execution.arn)
            while len(self._arns) > session.keep_ended:
                session.forget(self._arns.popleft())

    def taken_back(self, arn: str) -> None:
        """The execution is redriven: it has not ended after all."""
        if arn in self._arns:
            self._arns.remove(arn)
