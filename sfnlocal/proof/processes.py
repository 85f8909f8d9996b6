"""Shares the plans of a proof with processes beside this one, which have sessions of their own.

A process is started anew: a copy of this one would have its threads' locks, but not its threads.
It begins before there are plans, runs the scenarios meanwhile as this one does, and then takes one
plan after the other, as all do, until none is left.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from types import TracebackType
from typing import TypeAlias, cast

from sfnlocal.errors import InputError, SfnLocalError
from sfnlocal.ports import Json
from sfnlocal.proof.coverage import Coverage
from sfnlocal.proof.files import read_proofs
from sfnlocal.proof.results import Plan, PlanResult
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


@dataclass(frozen=True, slots=True)
class _Done:
    """The last that a process sends: what its runs have covered, and which calls were made."""

    coverage: Json
    calls: Json


_Told: TypeAlias = _Ready | PlanResult | _Mistake | _Done


class Helpers:
    """So many processes beside this one. Use it as a context manager."""

    def __init__(self, work: Work, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._taken = context.Value("i", 0)
        self._processes = []
        self._pipes: list[Connection] = []
        # Those that have been given the plans.
        self._working: list[Connection] = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_help, args=(work, self._taken, theirs), daemon=True)
            process.start()
            # The other end is the process's alone: that it has ended is heard here.
            theirs.close()
            self._processes.append(process)
            self._pipes.append(ours)

    def __enter__(self) -> Helpers:
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

    def run(self, plans: Sequence[Plan], runner: Runner) -> Iterator[PlanResult]:
        """In the order in which they are done, some of them by `runner` here, which takes in what
        the others have measured. Raises InputError as a run here would."""
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
            try:
                told: _Told = pipe.recv()
            except (EOFError, OSError):
                raise InputError("a process that runs plans has died") from None
            match told:
                case _Ready():
                    pipe.send(plans)
                    self._working.append(pipe)
                case _Mistake(message, where, hint):
                    raise InputError(message, where=where, hint=hint)
                case _Done(coverage, calls):
                    runner.coverage.merge(Coverage.from_json(coverage))
                    runner.permissions.merge(calls)
                    self._working.remove(pipe)
                    self._pipes.remove(pipe)
                    pipe.close()
                case _:
                    yield told


def _left(plans: Sequence[Plan], taken: Synchronized[int]) -> Iterator[Plan]:
    """One after the other, of those that no process has taken."""
    while True:
        with taken.get_lock():
            number = taken.value
            taken.value += 1
        if number >= len(plans):
            return
        yield plans[number]


def _help(work: Work, taken: Synchronized[int], pipe: Connection) -> None:
    """In the other process, whose output is not the report."""
    sys.stdout = sys.stderr
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
        tell(_Mistake(error.message, error.where, error.hint))
