"""Shows on a terminal which states are entered while a run goes on.

In real time each state has its line. In virtual time, where all of it takes a moment, there is one
line that is written over and goes away in the end: the report tells the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from sfnlocal.reports.wording import duration

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session

_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Call `show` after each turn; it writes what has happened since."""

    def __init__(self, session: Session, stream: TextIO, *, keep_lines: bool) -> None:
        self._session = session
        self._stream = stream
        self._before, self._after = ("", "\n") if keep_lines else (_CLEAR_LINE, "")
        self._start_ms = session.now_ms
        self._seen: dict[str, int] = {}

    def show(self) -> None:
        for execution in self._session.executions.values():
            seen = self._seen.get(execution.arn, 0)
            for event_type, _, at_ms, *fields in execution.history[seen:]:
                if event_type.endswith("StateEntered"):
                    after = duration(at_ms - self._start_ms)
                    where = f"{execution.state_machine_name}/{execution.name}"
                    line = f"{after:>12}  {where}  {fields[0]}"
                    self._stream.write(f"{self._before}{line}{self._after}")
            self._seen[execution.arn] = len(execution.history)
        self._stream.flush()

    def close(self) -> None:
        self._stream.write(self._before)
        self._stream.flush()
