"""Shows on a terminal which states are entered while a run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from sfnlocal.reports.wording import duration

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session


class Progress:
    """Call `show` after each turn; it writes what has happened since."""

    def __init__(self, session: Session, stream: TextIO) -> None:
        self._session = session
        self._stream = stream
        self._start_ms = session.now_ms
        self._seen: dict[str, int] = {}

    def show(self) -> None:
        for execution in self._session.executions.values():
            seen = self._seen.get(execution.arn, 0)
            for event_type, _, at_ms, *fields in execution.history[seen:]:
                if event_type.endswith("StateEntered"):
                    after = duration(at_ms - self._start_ms)
                    where = f"{execution.state_machine_name}/{execution.name}"
                    print(f"{after:>12}  {where}  {fields[0]}", file=self._stream)
            self._seen[execution.arn] = len(execution.history)
        self._stream.flush()
