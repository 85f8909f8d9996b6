"""Who may touch the session, and when its next turn comes.

Strategy: one lock. A driver thread takes a turn, gives the lock away, takes the next; requests
come in between, in the order in which they asked. Where nothing may happen the driver waits until
the next entry is due or somebody has done something. While a turn waits for a service, the lock is
open; in real time another driver thread goes on with what is due, in virtual time nobody does, so
that handlers run one after the other.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import TracebackType

from sfnlocal.driver.agenda import Agenda
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, SfnLocalError


class SharedAgenda(Agenda):
    """Takes entries from any thread."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    def add(
        self,
        at_ms: int,
        act: Callable[[], None],
        wanted: Callable[[], bool] | None = None,
        *,
        recurring: bool = False,
    ) -> None:
        with self._turns:
            super().add(at_ms, act, wanted, recurring=recurring)


class Turns:
    """As a context manager it is the session's lock; `start` and `stop` are its driver's.
    `auto_jump`: virtual time does not wait for tasks that somebody outside has to answer."""

    session: Session

    def __init__(self, *, virtual: bool, auto_jump: bool = False) -> None:
        self.virtual = virtual
        self._auto_jump = auto_jump
        self._lock = threading.Lock()
        # Who wants the lock holds the door: a driver that goes on and on lets the others pass.
        self._door = threading.Lock()
        self._owner = 0
        self._depth = 0
        self._changed = threading.Event()
        self._driver: threading.Thread | None = None
        self._advancing: list[tuple[int, Future[int]]] = []

    def attach(self, session: Session) -> None:
        self.session = session
        session.agenda = SharedAgenda(self)

    # The lock

    def __enter__(self) -> Turns:
        me = threading.get_ident()
        if self._owner != me:
            with self._door:
                self._lock.acquire()
            self._owner = me
        self._depth += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._changed.set()
        self._leave()

    def _leave(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._owner = 0
            self._lock.release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """The lock is open inside, if this thread has it. What was true before may not be after."""
        if self._owner != threading.get_ident():
            yield
            return
        depth, self._depth = self._depth, 1
        if not self.virtual and self._driver is threading.current_thread():
            self._start_driver()
        self._leave()
        try:
            yield
        finally:
            with self._door:
                self._lock.acquire()
            self._owner, self._depth = threading.get_ident(), depth

    # The driver

    def start(self) -> None:
        with self:
            self._start_driver()

    def stop(self) -> None:
        """After the turn that runs now."""
        with self:
            driver, self._driver = self._driver, None
            for _, reached in self._advancing:
                reached.cancel()
        if driver is not None:
            driver.join(timeout=1)

    def _start_driver(self) -> None:
        self._driver = threading.Thread(target=self._drive, name="driver", daemon=True)
        self._driver.start()

    def _drive(self) -> None:
        me = threading.current_thread()
        while True:
            self._changed.clear()
            with self._door:
                self._lock.acquire()
            self._owner, self._depth = threading.get_ident(), 1
            try:
                if self._driver is not me:
                    return
                wait_seconds = self._step()
            finally:
                self._leave()
            if wait_seconds != 0:
                self._changed.wait(wait_seconds)

    def _step(self) -> float | None:
        """One turn. How long to wait for the next one: None is until something has changed."""
        session = self.session
        due_ms, now_ms = session.agenda.next_ms(recurring=self._recurring), session.now_ms
        if due_ms is not None and due_ms <= now_ms:
            self._turn(now_ms)
            return 0
        if not self.virtual:
            return None if due_ms is None else (due_ms - now_ms) / 1000
        if self._advancing:
            until_ms = self._advancing[0][0]
            if due_ms is None or due_ms > until_ms:
                self._arrive()
            else:
                self._turn(until_ms)
            return 0
        if due_ms is None or not (self._auto_jump or not session.waits_for_outside()):
            return None
        self._turn(due_ms)
        return 0

    @property
    def _recurring(self) -> bool:
        """Virtual time that nobody lets pass does not stop at what comes back for ever."""
        return not self.virtual or bool(self._advancing)

    def _turn(self, until_ms: int) -> None:
        try:
            self.session.turn(until_ms, recurring=self._recurring)
        except SfnLocalError as error:
            print(f"sfnlocal: {error}", file=sys.stderr)
        except Exception:
            traceback.print_exc()

    # Time

    def advance(self, ms: int) -> Future[int]:
        """Let `ms` of virtual time pass."""
        with self:
            return self.advance_to(self.session.now_ms + ms)

    def advance_to(self, until_ms: int) -> Future[int]:
        """Let virtual time pass until then, and all that is due in it happen."""
        reached: Future[int] = Future()
        with self:
            if not self.virtual:
                message = "The clock is the machine's: start the server with --virtual-time."
                raise ApiError("ValidationException", message)
            if until_ms < self.session.now_ms:
                raise ApiError("ValidationException", "Time does not go back.")
            self._advancing.append((until_ms, reached))
            self._advancing.sort(key=lambda one: one[0])
        return reached

    def _arrive(self) -> None:
        until_ms, reached = self._advancing.pop(0)
        self.session.clock.wait_until(until_ms)
        self.session.aws.move_to(self.session.now_ms)
        if reached.set_running_or_notify_cancel():
            reached.set_result(self.session.now_ms)
