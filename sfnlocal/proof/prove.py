"""A whole proof: all its scenarios and plans, in this process or in several."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sfnlocal.ports import Json
from sfnlocal.proof.coverage import Coverage
from sfnlocal.proof.files import FoundProof, read_proofs
from sfnlocal.proof.plans import read_plan
from sfnlocal.proof.results import Plan, PlanResult, ProofResult, Violation
from sfnlocal.proof.runner import OpenWorld, Runner
from sfnlocal.template import App, load_app

# Is told how many plans there are, and of each that is done.
Progress = Callable[[int, PlanResult | None], None]
_PLANS_PER_TASK = 25


@dataclass(frozen=True, slots=True)
class Options:
    """`plans` are the texts of those that are to run (empty: all); `scenarios` limits them.
    `open_world` must be importable where `jobs` is more than 1."""

    seed: int = 0
    jobs: int = 1
    plans: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    every_error: bool = False
    every_site: bool = False


def prove(
    app: App,
    found: FoundProof,
    open_world: OpenWorld,
    options: Options,
    progress: Progress = lambda total, result: None,
) -> ProofResult:
    """InputError for what the proof, or the options, cannot mean."""
    began = time.perf_counter()
    with Runner(app, found.proof, open_world, seed=options.seed, name=found.name) as runner:
        plans = _plans(runner, options)
        scenarios = [
            runner.baseline(scenario)
            for scenario in found.proof.scenarios
            if not (options.plans or options.scenarios)
            or scenario.name in {*options.scenarios, *(plan.scenario for plan in plans)}
        ]
        progress(len(plans), None)
        results: dict[Plan, PlanResult] = {}
        for result in _results(app, found, runner, open_world, options, plans):
            results[result.plan] = result
            progress(len(plans), result)
    return ProofResult(
        proof=found.name,
        state_machine=found.proof.state_machine,
        seed=options.seed,
        scenarios=tuple(scenarios),
        results=tuple(results[plan] for plan in plans),
        wall_ms=(time.perf_counter() - began) * 1000,
        more={"coverage": runner.coverage.json(), "cost": runner.costs},
    )


def _plans(runner: Runner, options: Options) -> list[Plan]:
    if options.plans:
        return [runner.check(read_plan(text, runner.proof)) for text in options.plans]
    for name in options.scenarios:
        runner.proof.scenario(name)
    plans = runner.plans(every_error=options.every_error, every_site=options.every_site)
    return [one for one in plans if not options.scenarios or one.scenario in options.scenarios]


def _results(
    app: App,
    found: FoundProof,
    runner: Runner,
    open_world: OpenWorld,
    options: Options,
    plans: Sequence[Plan],
) -> Iterator[PlanResult]:
    if options.plans or options.jobs == 1 or len(plans) <= _PLANS_PER_TASK:
        yield from (runner.run(plan, with_path=bool(options.plans)) for plan in plans)
        return
    parts = [plans[n : n + _PLANS_PER_TASK] for n in range(0, len(plans), _PLANS_PER_TASK)]
    # Started anew: a copy of this process would have its threads' locks, but not its threads.
    context = multiprocessing.get_context("spawn")
    work = _Work(app.folder, found.path, found.place, open_world, options.seed)
    with ProcessPoolExecutor(options.jobs, context, _begin, (work,)) as pool:
        for done in as_completed([pool.submit(_run, part) for part in parts]):
            results, coverage = done.result()
            runner.coverage.merge(Coverage.from_json(coverage))
            yield from results


@dataclass(frozen=True, slots=True)
class _Work:
    app_folder: Path
    path: Path
    place: int
    open_world: OpenWorld
    seed: int


# Of a process that was started for a proof.
_RUNNER: list[Runner] = []
_OPEN = ExitStack()


def _begin(work: _Work) -> None:
    found = read_proofs(work.path)[work.place]
    app = load_app(work.app_folder)
    runner = Runner(app, found.proof, work.open_world, seed=work.seed, name=found.name)
    _RUNNER.append(_OPEN.enter_context(runner))


def _run(plans: Sequence[Plan]) -> tuple[list[PlanResult], Json]:
    """Their results, and what they covered."""
    [runner] = _RUNNER
    runner.coverage = runner.coverage.emptied()
    return [runner.run(plan) for plan in plans], runner.coverage.json()


def violation_text(violation: Violation) -> str:
    """What is broken, the path, and the command that runs it again."""
    return "\n".join(
        (f"{violation.invariant}: {violation.message}", violation.path, f"$ {violation.command}")
    )
