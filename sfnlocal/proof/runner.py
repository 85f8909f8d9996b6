"""Runs a proof: each scenario without a fault, then each plan, and checks what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeAlias

from sfnlocal.driver.session import Session
from sfnlocal.errors import InputError
from sfnlocal.ports import Json
from sfnlocal.proof.checks import Checks
from sfnlocal.proof.comparison import Left, difference
from sfnlocal.proof.cost import CostMeter
from sfnlocal.proof.cost_prices import read_prices
from sfnlocal.proof.coverage import Coverage
from sfnlocal.proof.injection import Injection
from sfnlocal.proof.permissions import Permissions
from sfnlocal.proof.plans import Recorded, all_plans, check_plan, given_plan
from sfnlocal.proof.results import Plan, PlanResult, ScenarioResult
from sfnlocal.proof.scenario_run import ScenarioRun
from sfnlocal.proof.scenarios import Proof, Scenario
from sfnlocal.proof.silence import silenced
from sfnlocal.proof.worlds import HANDLER_WALL_MS, Worlds
from sfnlocal.services.environments_in_process import Abandoned
from sfnlocal.template import App, names_by_arn, short_ids

# Makes what a proof's functions are given of a session: the pytest fixture's LocalApp.
OpenWorld: TypeAlias = Callable[[Session], Any]


@dataclass(frozen=True, slots=True)
class _Baseline:
    recorded: Recorded
    result: ScenarioResult
    left: Left
    given: tuple[Plan, ...]


class Runner:
    """Use it as a context manager. `name` is the proof's on the command line. A handler may really
    run for `handler_wall_ms`."""

    def __init__(
        self,
        app: App,
        proof: Proof,
        open_world: OpenWorld,
        *,
        seed: int = 0,
        name: str = "",
        iam: bool = True,
        handler_wall_ms: int = HANDLER_WALL_MS,
    ) -> None:
        self.proof = proof
        self.name = name or proof.title
        self.seed = seed
        self._machines = frozenset(proof.faulted_machines)
        self._check_machines(app)
        self._worlds = Worlds(silenced(app, proof), seed=seed, handler_wall_ms=handler_wall_ms)
        self._app = self._worlds.app
        self._open_world = open_world
        self._baselines: dict[str, _Baseline] = {}
        # What all runs have covered, and what each scenario costs without a fault.
        self.coverage = Coverage(self._machines)
        self.costs: dict[str, Json] = {}
        self.permissions = Permissions(checked=iam)
        self._entered = False

    def __enter__(self) -> Runner:
        if self._entered:
            raise InputError(
                "a Runner is entered once: its sessions follow each other",
                where=f"proof {self.name}",
                hint="make another one",
            )
        self._entered = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._worlds.__exit__(kind, error, traceback)

    def _check_machines(self, app: App) -> None:
        machines = [machine.resource for machine in app.state_machines]
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
        given = self._given(scenario)
        run = ScenarioRun(self, scenario, None, given)
        checks = Checks(run)
        meter = CostMeter(run.session)
        run.work()
        self.costs[scenario.name] = self._cost(meter)
        found = [*checks.broken(), *checks.not_started()]
        status = run.status
        if status != scenario.expect:
            message = f"the scenario ends {status} without a fault, not {scenario.expect}"
            found.insert(0, ("expectation", message))
        found += checks.given_did_not_happen()
        names = names_by_arn(self._app)
        visited: dict[str, tuple[str, ...]] = {}
        for execution in run.session.executions.values():
            name = names.get(execution.state_machine_arn, execution.state_machine_name)
            visited.setdefault(name, run.injection_path(execution))
        injection = run.injection
        # A run that succeeds may have left work with its queue.
        disturbed = bool(scenario.given) or status != "SUCCEEDED"
        if status == scenario.expect and disturbed and scenario.is_brought_back:
            found += checks.brought_back()[1]
        result = ScenarioResult(
            name=scenario.name,
            about=scenario.about,
            status=status,
            sites=(*injection.states, *injection.calls),
            visited=visited,
            violations=tuple(checks.violations(found)),
        )
        return _Baseline(Recorded(scenario, injection), result, run.left(), given)

    def _given(self, scenario: Scenario) -> tuple[Plan, ...]:
        """InputError where a fault of the scenario cannot be, after those before it."""
        plans: tuple[Plan, ...] = ()
        where = f"scenario {scenario.name!r} of the proof {self.name}"
        for fault in scenario.given:
            plan = given_plan(scenario, fault, where)
            # It may be in a machine that is not under proof itself.
            run = ScenarioRun(self, scenario, None, plans, machines=frozenset({plan.site.owner}))
            run.work()
            recorded = Recorded(scenario, run.injection)
            check_plan(plan, self._app, self.proof, recorded, where, statements=True)
            plans = (*plans, plan)
        return plans

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
        run = ScenarioRun(self, scenario, plan, baseline.given)
        checks = Checks(run)
        run.work()
        found = list(checks.broken())
        status, error, visited = run.status, run.error, run.visited
        replayed = ""
        if not run.injection.happened:
            found.append(
                ("fault", f"{plan.fault} did not happen: the run did not come to its site")
            )
        if scenario.is_brought_back:
            replayed, wrong = checks.brought_back()
            found += wrong
        # What waits for a person has not started anything before.
        found += checks.not_started()
        if scenario.is_brought_back and (replayed or not self._is_outcome(plan)):
            different = difference(baseline.left, run.left())
            if different:
                message = "not as the fault-free run leaves it (- it, + this run):"
                found.append(("contents", f"{message}\n{different}"))
        return PlanResult(
            plan=plan,
            status=status,
            error=error,
            replayed=replayed,
            violations=tuple(checks.violations(found)),
            executions=len(run.session.executions),
            virtual_ms=run.session.now_ms - run.session.start_ms,
            wall_ms=(time.perf_counter() - began) * 1000,
            stacks=tuple(f"{one.thread}\n{one.stack}" for one in run.abandoned),
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

    def injection(
        self,
        session: Session,
        plan: Plan | None,
        given: tuple[Plan, ...],
        machines: frozenset[str],
    ) -> Injection:
        """Sites are the Task states of the proof's machines, and of these `machines` too."""
        return Injection(session, self._machines | machines, plan, given)

    def abandoned(self) -> list[Abandoned]:
        """The calls of this run's handlers that were ended from outside."""
        return self._worlds.abandoned()
