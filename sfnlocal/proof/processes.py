"""Shares the plans of a proof between processes, each of which has sessions of its own.

A process is started anew: a copy of this one would have its threads' locks, but not its threads.
Every one takes each n-th plan, so that none has all of the slow ones, and sends what came of it.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import cast

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


def run_in_processes(
    work: Work, plans: Sequence[Plan], jobs: int, runner: Runner
) -> Iterator[PlanResult]:
    """In the order in which they are done; `runner` takes in what was measured. Raises InputError
    as a run here would."""
    context = multiprocessing.get_context("spawn")
    processes = []
    open_pipes: list[Connection] = []
    for number in range(min(jobs, len(plans))):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(
            target=_run_all, args=(work, plans[number::jobs], sender), daemon=True
        )
        process.start()
        # The other end is the process's alone: that it has ended is heard here.
        sender.close()
        processes.append(process)
        open_pipes.append(receiver)
    try:
        yield from _received(open_pipes, runner)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _received(open_pipes: list[Connection], runner: Runner) -> Iterator[PlanResult]:
    while open_pipes:
        for ready in wait(open_pipes):
            pipe = cast(Connection, ready)
            try:
                received: PlanResult | _Mistake | _Done = pipe.recv()
            except EOFError:
                raise InputError("a process that runs plans has died") from None
            if isinstance(received, _Mistake):
                raise InputError(received.message, where=received.where, hint=received.hint)
            if isinstance(received, _Done):
                runner.coverage.merge(Coverage.from_json(received.coverage))
                runner.permissions.merge(received.calls)
                open_pipes.remove(pipe)
                pipe.close()
            else:
                yield received


def _run_all(work: Work, plans: Sequence[Plan], sender: Connection) -> None:
    """In the other process, whose output is not the report."""
    sys.stdout = sys.stderr
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
            for plan in plans:
                sender.send(runner.run(plan))
        sender.send(_Done(runner.coverage.json(), runner.permissions.records()))
    except SfnLocalError as error:
        sender.send(_Mistake(error.message, error.where, error.hint))
