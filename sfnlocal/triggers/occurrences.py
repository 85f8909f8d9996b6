"""What comes back: the occurrences of a schedule, one after the other, on the agenda.

Occurrences that time has jumped over (an execution was run to its end) are left out: the schedule
goes on from now. EventBridge is precise to the minute, and so is what counts as in time here.
"""

from __future__ import annotations

from collections.abc import Callable

from sfnlocal.services.aws import Aws
from sfnlocal.triggers.schedule_expressions import Schedule

_PRECISION_MS = 60_000


class Recurring:
    """Calls `act` with the time of each occurrence after `after_ms` and up to `until_ms`.
    `next_ms` is when the next one is due; None: there is none any more."""

    def __init__(
        self,
        aws: Aws,
        schedule: Schedule,
        act: Callable[[int], None],
        *,
        after_ms: int,
        until_ms: int | None = None,
    ) -> None:
        self._aws = aws
        self._schedule = schedule
        self._act = act
        self._until_ms = until_ms
        self.stopped = False
        self.next_ms: int | None = None
        self._wait(after_ms)

    def stop(self) -> None:
        self.stopped = True

    def _wait(self, after_ms: int) -> None:
        at_ms = self._schedule.next_after(after_ms)
        if at_ms is not None and self._until_ms is not None and at_ms > self._until_ms:
            at_ms = None
        self.next_ms = at_ms
        if at_ms is not None:
            self._aws.at(
                at_ms,
                lambda: self._due(at_ms),
                lambda: not self.stopped,
                recurring=not self._schedule.one_time,
            )

    def _due(self, at_ms: int) -> None:
        in_time = self._aws.now_ms - at_ms < _PRECISION_MS
        self._wait(at_ms if in_time else self._aws.now_ms)
        if in_time:
            self._act(at_ms)
