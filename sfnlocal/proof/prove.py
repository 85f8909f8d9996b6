"""A whole proof: all its scenarios and plans, in this process or in several."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sfnlocal.ports import Json
from sfnlocal.proof.files import FoundProof, read_proofs
from sfnlocal.proof.plans import read_plan
from sfnlocal.proof.processes import Helpers, Proofs, Provers, Work
from sfnlocal.proof.results import Plan, PlanResult, ProofResult, Violation
from sfnlocal.proof.runner import OpenWorld, Runner
from sfnlocal.template import App

# Is told how many plans there are, and of each that is done.
Progress = Callable[[int, PlanResult | None], None]
# Fewer are done before another process has started.
_PLANS_FOR_HELPERS = 25


@dataclass(frozen=True, slots=True)
class Options:
    """`plans` are the texts of those that are to run (empty: all); `scenarios` limits them, and
    `at_most` takes so many of them, evenly spread.
    `open_world` must be importable where `jobs` is more than 1."""

    seed: int = 0
    jobs: int = 1
    plans: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    every_error: bool = False
    every_site: bool = False
    iam: bool = True
    at_most: int | None = None


def prove(
    app: App,
    found: FoundProof,
    open_world: OpenWorld,
    options: Options,
    progress: Progress = lambda total, result: None,
) -> ProofResult:
    """InputError for what the proof, or the options, cannot mean."""
    began = time.perf_counter()
    with (
        _helpers(app, found, open_world, options) as helpers,
        Runner(
            app, found.proof, open_world, seed=options.seed, name=found.name, iam=options.iam
        ) as runner,
    ):
        every = _plans(runner, options)
        plans = _spread(every, options.at_most)
        scenarios = [
            runner.baseline(scenario)
            for scenario in found.proof.scenarios
            if not (options.plans or options.scenarios)
            or scenario.name in {*options.scenarios, *(plan.scenario for plan in plans)}
        ]
        progress(len(plans), None)
        results: dict[Plan, PlanResult] = {}
        for result in _results(runner, helpers, options, plans):
            results[result.plan] = result
            progress(len(plans), result)
    return ProofResult(
        proof=found.name,
        state_machine=found.proof.state_machine,
        seed=options.seed,
        scenarios=tuple(scenarios),
        results=tuple(results[plan] for plan in plans),
        wall_ms=float(round((time.perf_counter() - began) * 1000)),
        more={**_measured(runner), "planned": len(every)},
    )


def prove_each(
    app: App,
    found: Sequence[FoundProof],
    open_world: OpenWorld,
    options: Options,
    progress: Callable[[str], Progress],
) -> Iterator[ProofResult]:
    """In order. Processes share the plans of a proof or, where those are few, the proofs."""
    if options.jobs == 1 or len(found) == 1 or not _few(options):
        for one in found:
            yield prove(app, one, open_world, options, progress(one.name))
        return
    places = tuple((one.path, one.place) for one in found)
    alone = partial(_prove_alone, app, places, open_world, replace(options, jobs=1))
    with Provers(Proofs(alone, len(found)), min(options.jobs, len(found))) as provers:
        yield from provers.run()


def _prove_alone(
    app: App,
    places: Sequence[tuple[Path, int]],
    open_world: OpenWorld,
    options: Options,
    number: int,
) -> ProofResult:
    path, place = places[number]
    return prove(app, read_proofs(path)[place], open_world, options)


def _few(options: Options) -> bool:
    """Are there too few plans for helpers?"""
    few = options.at_most is not None and options.at_most < _PLANS_FOR_HELPERS
    return bool(options.plans) or few


def _measured(runner: Runner) -> dict[str, Json]:
    more: dict[str, Json] = {"coverage": runner.coverage.json(), "cost": runner.costs}
    permissions = runner.permissions.json()
    return more if permissions is None else {**more, "iam": permissions}


def _plans(runner: Runner, options: Options) -> list[Plan]:
    if options.plans:
        return [runner.check(read_plan(text, runner.proof)) for text in options.plans]
    for name in options.scenarios:
        runner.proof.scenario(name)
    plans = runner.plans(every_error=options.every_error, every_site=options.every_site)
    return [one for one in plans if not options.scenarios or one.scenario in options.scenarios]


def _spread(plans: list[Plan], at_most: int | None) -> list[Plan]:
    if at_most is None or at_most >= len(plans):
        return plans
    return [plans[number * len(plans) // at_most] for number in range(at_most)]


def _helpers(
    app: App, found: FoundProof, open_world: OpenWorld, options: Options
) -> AbstractContextManager[Helpers | None]:
    """They begin before it is known what there is to do."""
    if options.jobs == 1 or _few(options):
        return nullcontext()
    work = Work(app, found.path, found.place, open_world, options.seed, options.iam)
    return Helpers(work, options.jobs - 1)


def _results(
    runner: Runner, helpers: Helpers | None, options: Options, plans: Sequence[Plan]
) -> Iterator[PlanResult]:
    if helpers is None:
        return (runner.run(plan, with_path=bool(options.plans)) for plan in plans)
    return helpers.run(plans, runner)


def violation_text(violation: Violation) -> str:
    """What is broken, the path, and the command that runs it again."""
    return "\n".join(
        (f"{violation.invariant}: {violation.message}", violation.path, f"$ {violation.command}")
    )
