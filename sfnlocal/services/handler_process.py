"""Runs handlers on worker threads under Lambda's rules, and virtual time inside a call.

Strategy: one thread works at a time (a handler that invokes another function waits for it); idle
threads are kept. `time.sleep` moves the call's own virtual clock. What a handler waits for
happens on the thread that called it, and the call's clock moves along. A call that passes its
time-out ends where it stands, as AWS freezes the sandbox: its thread stands still from then on and
is named in `abandoned`. It goes only when its world is over: `finally` blocks run then, and no
service hears of them. Threads that a handler starts itself sleep in real time.
"""

from __future__ import annotations

import io
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import Context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import NoReturn, Protocol, SupportsIndex, TypeAlias

from sfnlocal.ports import Caller


class HandlerClock(Protocol):
    """What `time.time()` of this process shows."""

    def take_over(self) -> None:
        """Handlers are about to run in this process: from here on it shows this time, and the
        AWS that goes with it."""

    def move_to(self, now_ms: int) -> None: ...


@dataclass(frozen=True, slots=True)
class TimedOut:
    """`wall` where the handler was still running after the limit of real time."""

    wall: bool


@dataclass(slots=True, eq=False)
class Sandbox:
    """An execution environment. What it held is nobody's once it has `ended`."""

    ended: bool = False


@dataclass(slots=True)
class Call:
    """One invocation while it runs. `caller` is who it is to services, `log` what it printed,
    `waited_ms` the time that has passed for all while it waited; `hung` where it was still running
    after the limit of real time."""

    request_id: str
    now_ms: int
    timeout_ms: int
    clock: HandlerClock
    caller: Caller | None = None
    sandbox: Sandbox | None = None
    log: list[str] = field(default_factory=list)
    slept_seconds: float = 0.0
    waited_ms: int = 0
    abandoned: bool = False
    hung: bool = False
    began_seconds: float | None = None

    @property
    def elapsed_ms(self) -> int:
        """What it slept; in real time (`began_seconds` is set), what has passed."""
        if self.began_seconds is not None:
            return round((time.monotonic() - self.began_seconds) * 1000)
        return round(self.slept_seconds * 1000)

    def remaining_ms(self) -> int:
        return max(self.timeout_ms - self.elapsed_ms, 0)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a handler waits for, to be done by the thread that called it."""

    job: Callable[[], None]
    done: threading.Event


_SLICE_SECONDS = 0.1
# How long a thread that ends may take for it, and how often it may catch that it has to.
_GONE_SECONDS = 1.0
_ENDINGS_MAX = 100

# What the job on a thread answers, or TimedOut.
Outcome: TypeAlias = object


class _WorldIsOverError(BaseException):
    """Ends a thread that stood still."""


class HandlerThread(threading.Thread):
    """Does one job after the other. `call` is the invocation that runs on it."""

    def __init__(self) -> None:
        super().__init__(name="handler", daemon=True)
        self.call: Call | None = None
        self.done: SimpleQueue[Outcome] = SimpleQueue()
        self._jobs: SimpleQueue[Callable[[], Outcome] | None] = SimpleQueue()
        self._may_go = threading.Event()
        self._stands_still = False
        self._endings = 0

    def run(self) -> None:
        with suppress(_WorldIsOverError):
            while (job := self._jobs.get()) is not None:
                self.done.put(job())

    def begin(self, job: Callable[[], Outcome] | None) -> None:
        self._jobs.put(job)

    def let_happen(self, job: Callable[[int], int]) -> None:
        """Called on this thread: what the call waits for happens, until its deadline at the
        latest. `job` is given that, and gives the time at its end."""
        call, done = self.call, threading.Event()
        assert call is not None

        def wish() -> None:
            call.waited_ms = job(call.now_ms + call.timeout_ms) - call.now_ms

        self.done.put(_Wish(wish, done))
        done.wait()
        sleep_virtually(max(0, call.waited_ms - call.elapsed_ms) / 1000)

    def end_by_time_out(self) -> NoReturn:
        """Called on this thread: the call has ended, and nothing of it may go on."""
        assert self.call is not None
        self.call.abandoned = True
        self.done.put(TimedOut(wall=False))
        self.stand_still()

    def stand_still(self) -> NoReturn:
        """Called on this thread, whose call has ended: until its world is over."""
        self._stands_still = True
        self._may_go.wait()
        self._endings += 1
        while self._endings > _ENDINGS_MAX:
            threading.Event().wait()
        raise _WorldIsOverError

    def let_go(self) -> None:
        """Its world is over: it ends if it stands still, else when it would."""
        self._may_go.set()
        if self._stands_still:
            self.join(_GONE_SECONDS)


def handler_thread() -> HandlerThread | None:
    """This thread, if an invocation runs on it. One whose call has ended stops here."""
    thread = threading.current_thread()
    if not isinstance(thread, HandlerThread) or thread.call is None:
        return None
    if thread.call.abandoned:
        thread.stand_still()
    return thread


def current_call() -> Call | None:
    """The invocation that runs on this thread."""
    thread = handler_thread()
    return None if thread is None else thread.call


class HandlerProcess:
    """`wall_limit_ms` is the real time that a call may take. None: calls run in real time, their
    sleeps too, each up to its own time-out."""

    def __init__(self, wall_limit_ms: int | None) -> None:
        self.abandoned: list[HandlerThread] = []
        self.calls: list[Call] = []
        self._idle: list[HandlerThread] = []
        self._wall_limit_ms = wall_limit_ms

    def run(self, name: str, call: Call, job: Callable[[], Outcome]) -> Outcome:
        """What `job` answers, or TimedOut."""
        thread = self._idle.pop() if self._idle else self._new_thread()
        thread.name = f"{name} {call.request_id}"
        thread.call = call
        self.calls.append(call)
        call.clock.move_to(call.now_ms)
        if self.real_time:
            call.began_seconds = time.monotonic()
        thread.begin(job)
        limit_ms = call.timeout_ms if self._wall_limit_ms is None else self._wall_limit_ms
        try:
            with nullcontext() if self.real_time else _virtual_sleep():
                while isinstance(outcome := _wait(thread.done, limit_ms / 1000), _Wish):
                    # Whoever acts here now is not who acts then.
                    Context().run(outcome.job)
                    outcome.done.set()
                return outcome
        except Empty:
            call.abandoned = call.hung = True
            return TimedOut(wall=True)
        except BaseException:
            call.abandoned = True
            raise
        finally:
            self.calls.pop()
            call.clock.move_to(call.now_ms + call.waited_ms)
            if call.abandoned:
                self.abandoned.append(thread)
            else:
                thread.call = None
                self._idle.append(thread)

    @property
    def real_time(self) -> bool:
        return self._wall_limit_ms is None

    def _new_thread(self) -> HandlerThread:
        thread = HandlerThread()
        thread.start()
        return thread

    def end_abandoned(self) -> None:
        """The world of the abandoned calls is over."""
        for thread in self.abandoned:
            thread.let_go()
        self.abandoned.clear()

    def close(self) -> None:
        for thread in self._idle:
            thread.begin(None)
        for thread in self._idle:
            thread.join()
        self._idle.clear()


def _wait(done: SimpleQueue[Outcome], limit_seconds: float) -> Outcome:
    """In slices: Ctrl-C in the moment before a wait begins is noticed when the wait ends. Raises
    Empty."""
    deadline_seconds = _REAL_MONOTONIC() + limit_seconds
    while (left_seconds := deadline_seconds - _REAL_MONOTONIC()) > _SLICE_SECONDS:
        try:
            return done.get(timeout=_SLICE_SECONDS)
        except Empty:
            continue
    return done.get(timeout=max(left_seconds, 0))


def sleep_virtually(seconds: SupportsIndex | float, /) -> None:
    """`time.sleep` of a handler; everybody else's sleep is real."""
    call = current_call()
    if call is None:
        _REAL_SLEEP(seconds)
        return
    if float(seconds) < 0:
        raise ValueError("sleep length must be non-negative")
    call.slept_seconds += float(seconds)
    if call.elapsed_ms >= call.timeout_ms:
        thread = threading.current_thread()
        assert isinstance(thread, HandlerThread)
        thread.end_by_time_out()
    call.clock.move_to(call.now_ms + call.elapsed_ms)


_REAL_SLEEP = time.sleep
_REAL_MONOTONIC = time.monotonic
_REAL_PERF_COUNTER = time.perf_counter


def _slept_seconds() -> float:
    call = current_call()
    return 0.0 if call is None else call.slept_seconds


def _monotonic() -> float:
    return _REAL_MONOTONIC() + _slept_seconds()


def _perf_counter() -> float:
    return _REAL_PERF_COUNTER() + _slept_seconds()


@contextmanager
def _virtual_sleep() -> Iterator[None]:
    kept = time.sleep, time.monotonic, time.perf_counter
    time.sleep = sleep_virtually
    time.monotonic, time.perf_counter = _monotonic, _perf_counter
    try:
        yield
    finally:
        time.sleep, time.monotonic, time.perf_counter = kept


def stack_of(thread: threading.Thread) -> str:
    """Where a thread stands, as text; empty where it has ended."""
    frame = sys._current_frames().get(thread.ident or 0)
    return "" if frame is None else "".join(traceback.format_stack(frame))


class HandlerStream(io.TextIOBase):
    """The standard output and error of handlers: goes to the log of the call on this thread, or,
    from a thread that a handler started, of the call that runs."""

    encoding = "utf-8"

    def __init__(self, calls: list[Call]) -> None:
        super().__init__()
        self._calls = calls

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        call = current_call() or (self._calls[-1] if self._calls else None)
        if call is not None:
            call.log.append(text)
        return len(text)

    def request_id(self) -> str:
        return self._calls[-1].request_id if self._calls else ""
