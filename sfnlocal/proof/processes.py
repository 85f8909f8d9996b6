"""Shares the work with processes beside this one, which have sessions of their own: the plans of a
proof with helpers, or several short proofs among provers.

A process is started anew: a copy of this one would have its threads' locks, but not its threads. A
helper begins before there are plans, runs the scenarios meanwhile as this one does, and then takes
one plan after the other, as all do, until none is left. A prover takes whole proofs in that way.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, TypeVar, cast

from sfnlocal.errors import InputError, SfnLocalError
from sfnlocal.ports import Json
from sfnlocal.proof.coverage import Coverage
from sfnlocal.proof.files import read_proofs
from sfnlocal.proof.results import Plan, PlanResult, ProofResult
from sfnlocal.proof.runner import OpenWorld, Runner
from sfnlocal.template import App


@dataclass(frozen=True, slots=True)
class Work:
    """What a process needs to run plans; the proof is the one at `place` in the file `path`, and
    `open_world` a function that can be imported."""

    app: App
    path: Path
    place: int
    open_world: OpenWorld
    seed: int
    iam: bool


@dataclass(frozen=True, slots=True)
class _Ready:
    """The first that a process sends: it can be given the plans."""


@dataclass(frozen=True, slots=True)
class _Mistake:
    """An error, as text that any process can read."""

    message: str
    where: str
    hint: str

    @classmethod
    def of(cls, error: SfnLocalError) -> Self:
        return cls(error.message, error.where, error.hint)


@dataclass(frozen=True, slots=True)
class _Done:
    """The last that a process sends: what its runs have covered, and which calls were made."""

    coverage: Json
    calls: Json


_Told: TypeAlias = _Ready | PlanResult | _Mistake | _Done
_Part = TypeVar("_Part")


class _Processes:
    """So many processes beside this one, which run `target(work, taken, pipe)`. Use it as a context
    manager: none outlives it."""

    def __init__(self, target: Callable[..., None], work: object, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        # How much of the work somebody has begun with.
        self._taken = context.Value("i", 0)
        self._processes = []
        self._pipes: list[Connection] = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=target, args=(work, self._taken, theirs), daemon=True)
            process.start()
            # The other end is the process's alone: that it has ended is heard here.
            theirs.close()
            self._processes.append(process)
            self._pipes.append(ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.terminate()
            process.join()
        for pipe in self._pipes:
            pipe.close()

    def _received(self, pipe: Connection) -> object:
        """Raises InputError for a mistake, as a run here would."""
        try:
            told = pipe.recv()
        except (EOFError, OSError):
            raise InputError("a process that runs plans has died") from None
        if isinstance(told, _Mistake):
            raise InputError(told.message, where=told.where, hint=told.hint)
        return told

    def _forget(self, pipe: Connection) -> None:
        """Its process has told all."""
        self._pipes.remove(pipe)
        pipe.close()


class Helpers(_Processes):
    """They run plans of one proof."""

    def __init__(self, work: Work, count: int) -> None:
        super().__init__(_help, work, count)
        # Those that have been given the plans.
        self._working: list[Connection] = []

    def run(self, plans: Sequence[Plan], runner: Runner) -> Iterator[PlanResult]:
        """In the order in which they are done, some of them by `runner` here, which takes in what
        the others have measured."""
        for plan in _left(plans, self._taken):
            yield runner.run(plan)
            while ready := wait(self._pipes, timeout=0):
                yield from self._heard(ready, plans, runner)
        while self._working:
            yield from self._heard(wait(self._working), plans, runner)

    def _heard(
        self, ready: Sequence[object], plans: Sequence[Plan], runner: Runner
    ) -> Iterator[PlanResult]:
        for one in ready:
            pipe = cast(Connection, one)
            match self._received(pipe):
                case _Ready():
                    pipe.send(plans)
                    self._working.append(pipe)
                case _Done(coverage, calls):
                    runner.coverage.merge(Coverage.from_json(coverage))
                    runner.permissions.merge(calls)
                    self._working.remove(pipe)
                    self._forget(pipe)
                case PlanResult() as result:
                    yield result


@dataclass(frozen=True, slots=True)
class Proofs:
    """What a process needs to prove `count` proofs: `prove(place)` is one, which can be sent."""

    prove: Callable[[int], ProofResult]
    count: int


class Provers(_Processes):
    """They run whole proofs."""

    def __init__(self, proofs: Proofs, count: int) -> None:
        super().__init__(_prove, proofs, count)
        self._count = proofs.count

    def run(self) -> Iterator[ProofResult]:
        """In the order of the proofs."""
        done: dict[int, ProofResult] = {}
        for place in range(self._count):
            while place not in done:
                for pipe in cast(list[Connection], wait(self._pipes)):
                    match self._received(pipe):
                        case (int(number), ProofResult() as result):
                            done[number] = result
                        case _:
                            self._forget(pipe)
            yield done.pop(place)


def _left(work: Sequence[_Part], taken: Synchronized[int]) -> Iterator[_Part]:
    """One after the other, of what no process has taken."""
    while True:
        with taken.get_lock():
            number = taken.value
            taken.value += 1
        if number >= len(work):
            return
        yield work[number]


def _leave_terminal() -> None:
    """In the other process: its output is not the report, and Ctrl-C is for the one that began it,
    which ends it."""
    sys.stdout = sys.stderr
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _help(work: Work, taken: Synchronized[int], pipe: Connection) -> None:
    _leave_terminal()
    tell: Callable[[_Told], None] = pipe.send
    try:
        found = read_proofs(work.path)[work.place]
        with Runner(
            work.app,
            found.proof,
            work.open_world,
            seed=work.seed,
            name=found.name,
            iam=work.iam,
        ) as runner:
            for scenario in found.proof.scenarios:
                runner.baseline(scenario)
            tell(_Ready())
            for plan in _left(pipe.recv(), taken):
                tell(runner.run(plan))
        tell(_Done(runner.coverage.json(), runner.permissions.records()))
    except SfnLocalError as error:
        tell(_Mistake.of(error))


def _prove(proofs: Proofs, taken: Synchronized[int], pipe: Connection) -> None:
    _leave_terminal()
    try:
        for place in _left(range(proofs.count), taken):
            pipe.send((place, proofs.prove(place)))
        pipe.send(None)
    except SfnLocalError as error:
        pipe.send(_Mistake.of(error))
