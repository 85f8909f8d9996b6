"""Runs a proof: each scenario without a fault, then each plan, and checks what came of it.

A run has four parts: the work starts and time passes until nothing is due; the nets get their
time; then everything works again, and what failed is brought back; in the end everything is as the
fault-free run left it. What has to hold is checked after the second part and after the last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeAlias

from sfnlocal.driver.redrive import is_express
from sfnlocal.driver.session import Session
from sfnlocal.errors import InputError, SfnLocalError
from sfnlocal.interpreter import Execution
from sfnlocal.ports import Json
from sfnlocal.proof import faults, invariants
from sfnlocal.proof.comparison import Comparison, Left, difference
from sfnlocal.proof.cost import CostMeter
from sfnlocal.proof.cost_prices import read_prices
from sfnlocal.proof.coverage import Coverage
from sfnlocal.proof.injection import Injection
from sfnlocal.proof.invariants import Letter
from sfnlocal.proof.permissions import Permissions
from sfnlocal.proof.plans import Recorded, all_plans, check_plan
from sfnlocal.proof.recovery import move_dead_messages, replayed_by, take_letters
from sfnlocal.proof.results import Plan, PlanResult, ScenarioResult, Violation
from sfnlocal.proof.scenarios import Proof, Scenario
from sfnlocal.proof.worlds import Worlds
from sfnlocal.reports.text import render_execution
from sfnlocal.template import App, find_resource, names_by_arn, short_ids
from sfnlocal.triggers.schedules import SCHEDULE

_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000
_NO_FAULT = "fault-free"

# Makes what a proof's functions are given of a session: the pytest fixture's LocalApp.
OpenWorld: TypeAlias = Callable[[Session], Any]


@dataclass(frozen=True, slots=True)
class _Baseline:
    recorded: Recorded
    result: ScenarioResult
    left: Left


class Runner:
    """Use it as a context manager. `name` is the proof's on the command line."""

    def __init__(
        self,
        app: App,
        proof: Proof,
        open_world: OpenWorld,
        *,
        seed: int = 0,
        name: str = "",
        iam: bool = True,
    ) -> None:
        self.proof = proof
        self.name = name or proof.title
        self.seed = seed
        self._worlds = Worlds(app, seed=seed)
        self._app = self._worlds.app
        self._open_world = open_world
        self._machines = frozenset(proof.faulted_machines)
        self._baselines: dict[str, _Baseline] = {}
        # What all runs have covered, and what each scenario costs without a fault.
        self.coverage = Coverage({proof.state_machine, *self._machines})
        self.costs: dict[str, Json] = {}
        self.permissions = Permissions(checked=iam)
        self._check_machines()

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._worlds.__exit__(kind, error, traceback)

    def _check_machines(self) -> None:
        machines = [machine.resource for machine in self._app.state_machines]
        known = set(short_ids(machines).values())
        for name in (self.proof.state_machine, *self._machines):
            if name not in known:
                raise InputError(
                    f"the app has no state machine {name!r}",
                    where=f"proof of {self.proof.state_machine}",
                    hint="it has " + ", ".join(sorted(known)),
                )

    # What there is to run

    def baseline(self, scenario: Scenario) -> ScenarioResult:
        return self._baseline(scenario).result

    def plans(self, *, every_error: bool = False, every_site: bool = False) -> list[Plan]:
        recorded = [self._baseline(scenario).recorded for scenario in self.proof.scenarios]
        return all_plans(
            self._app, self.proof, recorded, every_error=every_error, every_site=every_site
        )

    def check(self, plan: Plan) -> Plan:
        """InputError where the plan names what does not exist."""
        scenario = self.proof.scenario(plan.scenario)
        return check_plan(plan, self._app, self.proof, self._baseline(scenario).recorded)

    def _baseline(self, scenario: Scenario) -> _Baseline:
        known = self._baselines.get(scenario.name)
        if known is None:
            known = self._baselines[scenario.name] = self._without_fault(scenario)
        return known

    def _without_fault(self, scenario: Scenario) -> _Baseline:
        run = _Run(self, scenario, None)
        meter = CostMeter(run.session)
        run.work()
        self.costs[scenario.name] = self._cost(meter)
        found = [*run.broken(), *run.not_started()]
        status = run.status
        if status != scenario.expect:
            message = f"the scenario ends {status} without a fault, not {scenario.expect}"
            found.insert(0, ("expectation", message))
        names = names_by_arn(self._app)
        visited: dict[str, tuple[str, ...]] = {}
        for execution in run.session.executions.values():
            name = names.get(execution.state_machine_arn, execution.state_machine_name)
            visited.setdefault(name, run.injection_path(execution))
        injection = run.injection
        result = ScenarioResult(
            name=scenario.name,
            about=scenario.about,
            status=status,
            sites=(*injection.states, *injection.calls),
            visited=visited,
            violations=tuple(run.violations(found)),
        )
        return _Baseline(Recorded(scenario, injection), result, run.left())

    def _cost(self, meter: CostMeter) -> Json:
        """Of the proof's own machines, at the list prices of the app's region; why not, where
        there are none."""
        arns = {machine.arn for machine in self.coverage}
        try:
            bill = meter.bill(read_prices(self._app.region), arns)
        except InputError as error:
            return {"unknown": error.message}
        return {"region": bill.prices.region, "asOf": bill.prices.as_of, **bill.json()}

    # Running

    def run(self, plan: Plan, *, with_path: bool = False) -> PlanResult:
        """One plan to its end. InputError where the project's own functions are broken."""
        scenario = self.proof.scenario(plan.scenario)
        baseline = self._baseline(scenario)
        began = time.perf_counter()
        run = _Run(self, scenario, plan)
        run.work()
        found = list(run.broken())
        status, error, visited = run.status, run.error, run.visited
        replayed = ""
        if not run.injection.happened:
            found.append(
                ("fault", f"{plan.fault} did not happen: the run did not come to its site")
            )
        if scenario.expect == "SUCCEEDED":
            replayed, wrong = run.bring_back()
            found += wrong
        # What waits for a person has not started anything before.
        found += run.not_started()
        if scenario.expect == "SUCCEEDED":
            if replayed:
                found += run.broken_again()
            if replayed or not self._is_outcome(plan):
                different = difference(baseline.left, run.left())
                if different:
                    message = (
                        f"not as the fault-free run leaves it (- it, + this run):\n{different}"
                    )
                    found.append(("contents", message))
        return PlanResult(
            plan=plan,
            status=status,
            error=error,
            replayed=replayed,
            violations=tuple(run.violations(found)),
            executions=len(run.session.executions),
            virtual_ms=run.session.now_ms - run.session.start_ms,
            wall_ms=(time.perf_counter() - began) * 1000,
            stacks=run.stacks(),
            visited=visited,
            path=run.path() if with_path else "",
        )

    def _is_outcome(self, plan: Plan) -> bool:
        """An answer of the business, and no failure."""
        kind, _, error = plan.fault.partition(":")
        return kind == "refused" and error in self.proof.outcomes

    def open(self) -> tuple[Session, Any]:
        session = self._worlds.open()
        self.coverage.watch(session)
        self.permissions.watch(session)
        return session, self._open_world(session)

    def injection(self, session: Session, plan: Plan | None) -> Injection:
        return Injection(session, self._machines, plan)

    def hung(self) -> tuple[str, ...]:
        return tuple(f"{one.thread}\n{one.stack}" for one in self._worlds.hung())


# The name of what is broken, and how.
_Broken: TypeAlias = tuple[str, str]


class _Run:
    """One run of a scenario, with a fault or without."""

    def __init__(self, runner: Runner, scenario: Scenario, plan: Plan | None) -> None:
        runner.hung()
        self.session, self.world = runner.open()
        self._runner = runner
        self._proof = runner.proof
        self._scenario = scenario
        self._plan = plan
        self._silence_schedules()
        self._subject = self.session.find(runner.proof.state_machine).arn
        prepare = scenario.prepare
        if prepare is not None:
            self._given("prepare", lambda: prepare(self.world))
        self.injection = runner.injection(self.session, plan)

    def _silence_schedules(self) -> None:
        """Those of other workflows, which have nothing to do with this one."""
        kept = self._proof.schedules
        if kept is None:
            return
        schedules, app = self.session.triggers.schedules, self.session.app
        arns = {find_resource(app, name, SCHEDULE).arn for name in kept}
        for running in list(schedules.schedules.values()):
            if running.arn not in arns:
                schedules.disable(running.arn)

    def _given(self, what: str, act: Callable[[], object]) -> object:
        """What the project's code does. A mistake in it is told as one."""
        try:
            return act()
        except SfnLocalError:
            raise
        except Exception as error:
            raise InputError(
                f"its {what} raises {type(error).__name__}: {error}",
                where=f"scenario {self._scenario.name!r} of the proof {self._runner.name}",
            ) from error

    # Parts of a run

    def work(self) -> None:
        """Until nothing is due, and the nets had their time."""
        self._start()
        while self.session.turn():
            if self._has_failed():
                break
        self._let_nets_work()
        self.session.run_until_idle()
        self.injection.lift()
        if self._plan is not None and self._plan.persistence == "for-ever":
            self._let_nets_work()

    def _start(self) -> None:
        scenario, start = self._scenario, self._scenario.start
        if start is not None:
            self._given("start", lambda: start(self.world))
            return
        given = scenario.input
        value = self._given("input", lambda: given(self.world)) if callable(given) else given
        self.session.start_execution(self._proof.state_machine, value, scenario.execution_name)

    def _has_failed(self) -> bool:
        return any(one.status not in ("SUCCEEDED", "RUNNING") for one in self.subjects)

    def _let_nets_work(self) -> None:
        """Schedules do their work while time passes, not where it jumps to what is due."""
        if self._has_failed():
            self.session.advance(self._proof.nets_within_hours * _HOUR_MS)

    def bring_back(self) -> tuple[str, list[_Broken]]:
        """How what failed was brought back, and what was wrong with that."""
        # Whoever polls without being told to does so again.
        self.session.advance(_MINUTE_MS)
        move_dead_messages(self.session)
        recover = self._proof.recover
        if recover is not None:
            self._given("recover", lambda: recover(self.world))
            self.session.run_until_idle()
        # Express executions cannot be redriven: the queue has started others.
        failed = [
            one
            for one in self.subjects
            if one.status not in ("SUCCEEDED", "RUNNING") and not is_express(one)
        ]
        if not failed:
            self.session.run_until_idle()
            return "", []
        try:
            how = replayed_by(self.session, self.world, self._proof, failed)
        except Exception as error:
            return "failed", [("replay", f"{type(error).__name__}: {error}")]
        self.session.run_until_idle()
        return how, []

    # What is so

    @property
    def subjects(self) -> list[Execution]:
        executions = self.session.executions.values()
        return [one for one in executions if one.state_machine_arn == self._subject]

    @property
    def status(self) -> str:
        """Of the first run: what came of the work itself."""
        return self.subjects[0].status if self.subjects else "NOT_STARTED"

    @property
    def visited(self) -> tuple[str, ...]:
        return self.injection_path(self.subjects[0]) if self.subjects else ()

    @property
    def error(self) -> str | None:
        return self.subjects[0].error if self.subjects else None

    def broken(self) -> Iterator[_Broken]:
        """After the nets had their time."""
        executions = list(self.session.executions.values())
        yield from (("ended", text) for text in invariants.not_ended(executions))
        yield from (("ended", text) for text in self._waited_without_end())
        retried = invariants.retried_outcomes(executions, self._proof.outcomes)
        yield from (("retried", text) for text in retried)
        if self._proof.dead_letters is not None:
            wrong = invariants.wrong_letters(
                self.session,
                self.subjects,
                self._letters(),
                where_known=self._plan is None or self._scenario.expect == "SUCCEEDED",
                may_repeat=self._sends_letters(),
            )
            yield from (("letter", text) for text in wrong)
        yield from self._of_project()

    def _waited_without_end(self) -> Iterator[str]:
        """Whoever has a token or an activity's task may never answer."""
        plan, execution = self._plan, self.injection.hit
        if plan is not None and plan.fault in faults.SILENCES and execution is not None:
            seen = self.injection.states[plan.site]
            yield from invariants.waited_without_end(execution, seen.state)

    def not_started(self) -> Iterator[_Broken]:
        if not self.subjects:
            yield "ended", f"nothing started {self._proof.state_machine}"

    def broken_again(self) -> Iterator[_Broken]:
        """After what failed was brought back."""
        executions = list(self.session.executions.values())
        yield from (("ended", text) for text in invariants.not_ended(executions))
        last = self.subjects[-1]
        if last.status != "SUCCEEDED":
            yield "replay", f"{last.name} ended {last.status} with {last.error}: {last.cause}"
        yield from self._of_project()

    def _of_project(self) -> Iterator[_Broken]:
        for effect, count in self._proof.effects.items():
            counts = self._checked(effect, count)
            if counts is not None:
                yield from (("twice", text) for text in invariants.done_twice(effect, counts))
        for invariant in self._proof.invariants:
            name = getattr(invariant, "__name__", str(invariant))
            try:
                invariant(self.world)
            except AssertionError as error:
                yield name, str(error) or "does not hold"
            except Exception as error:
                raise self._mistake(name, error) from error

    def _checked(self, name: str, count: Callable[[Any], Any]) -> Any:
        try:
            return count(self.world)
        except Exception as error:
            raise self._mistake(name, error) from error

    def _mistake(self, name: str, error: Exception) -> InputError:
        return InputError(
            f"the invariant {name} raises {type(error).__name__}: {error}",
            where=f"proof {self._runner.name}",
            hint="an invariant that does not hold raises AssertionError",
        )

    def _sends_letters(self) -> bool:
        plan = self._plan
        return plan is not None and plan.site.name in self._proof.letter_states

    def _letters(self) -> list[Letter]:
        assert self._proof.dead_letters is not None
        return take_letters(self.session, self._proof.dead_letters, keep=True)

    def left(self) -> Left:
        proof = self._proof
        return Comparison(self.session, proof.ignore, proof.at_least_once).read(self.session)

    # What is told

    def injection_path(self, execution: Execution) -> tuple[str, ...]:
        return tuple(event[3] for event in execution.history if event[0].endswith("StateEntered"))

    def stacks(self) -> tuple[str, ...]:
        hung = self._runner.hung()
        crashed = self._plan is not None and self._plan.fault in faults.CRASHES
        return () if crashed else hung

    def violations(self, found: Iterable[_Broken]) -> Iterator[Violation]:
        found = [*found, *(("permitted", text) for text in self._runner.permissions.refused())]
        if not found:
            return
        path = self.path()
        command = f"sfnlocal prove {self._runner.name}"
        if self._plan is not None:
            command += f" --plan '{self._plan}'"
        command += f" --seed {self._runner.seed}"
        for name, message in dict.fromkeys(found):
            yield Violation(name, message, path, command)

    def path(self) -> str:
        """Of each execution that matters: the faulted machines' and the subject's."""
        shown = [
            render_execution(one, executions=self.session.executions)
            for one in self.session.executions.values()
            if one.state_machine_arn == self._subject or one is self.injection.hit
        ]
        return "\n\n".join(shown)
