"""One run of a scenario, with a fault or without.

It has four parts: the work starts and time passes until nothing is due; the nets get their time;
then everything works again, and what failed is brought back; in the end everything is as the
fault-free run left it. What has to hold is checked after the second part and after the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING

from sfnlocal.driver.redrive import is_express
from sfnlocal.errors import ApiError, InputError, SfnLocalError
from sfnlocal.interpreter import Execution
from sfnlocal.proof import faults
from sfnlocal.proof.comparison import Comparison, Left
from sfnlocal.proof.recovery import move_dead_messages, replayed_by
from sfnlocal.proof.results import Plan
from sfnlocal.proof.scenarios import Scenario
from sfnlocal.reports.text import render_execution
from sfnlocal.services.environments_in_process import Abandoned

if TYPE_CHECKING:
    from sfnlocal.proof.runner import Runner

_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000


class ScenarioRun:
    """`session` and `world` are its own; `injection` says which sites it passed."""

    def __init__(
        self,
        runner: Runner,
        scenario: Scenario,
        plan: Plan | None,
        given: tuple[Plan, ...],
        *,
        machines: frozenset[str] = frozenset(),
    ) -> None:
        self.session, self.world = runner.open()
        self.runner = runner
        self.proof = runner.proof
        self.scenario = scenario
        self.plan = plan
        self._given_plans = given
        self.subject_arn = self.session.find(runner.proof.state_machine).arn
        prepare = scenario.prepare
        if prepare is not None:
            self._given("prepare", lambda: prepare(self.world))
        self.injection = runner.injection(self.session, plan, given, machines)
        self._outlasts = any(one.persistence == "for-ever" for one in (plan, *given) if one)

    def _given(self, what: str, act: Callable[[], object]) -> object:
        """What the project's code does. A mistake in it is told as one."""
        try:
            return act()
        except SfnLocalError:
            raise
        except Exception as error:
            raise InputError(
                f"its {what} raises {type(error).__name__}: {error}",
                where=f"scenario {self.scenario.name!r} of the proof {self.runner.name}",
            ) from error

    # Parts of a run

    def work(self) -> None:
        """Until nothing is due, and the nets had their time."""
        with self._partners():
            self._work()

    @contextmanager
    def _partners(self) -> Iterator[None]:
        """Handlers and triggers hear of a service's error by themselves; actors have to expect
        it."""
        try:
            yield
        except ApiError as error:
            raise InputError(
                f"an actor does not expect {error.aws_code}: {error.message}",
                where=f"scenario {self.scenario.name!r} of the proof {self.runner.name}",
                hint="a partner may be too late, or be asked twice: let it catch ApiError",
            ) from error

    def _work(self) -> None:
        self._start()
        while self.session.turn():
            if self._has_failed():
                break
        self._let_nets_work()
        self.session.run_until_idle()
        self.injection.lift()
        if self._outlasts:
            self._let_nets_work()

    def _start(self) -> None:
        scenario, start = self.scenario, self.scenario.start
        if start is not None:
            self._given("start", lambda: start(self.world))
            return
        given = scenario.input
        value = self._given("input", lambda: given(self.world)) if callable(given) else given
        self.session.start_execution(self.proof.state_machine, value, scenario.execution_name)

    def _has_failed(self) -> bool:
        return any(one.status not in ("SUCCEEDED", "RUNNING") for one in self.subjects)

    def _let_nets_work(self) -> None:
        """Schedules do their work while time passes, not where it jumps to what is due."""
        if self._has_failed():
            self.session.advance(self.proof.nets_within_hours * _HOUR_MS)

    def bring_back(self) -> tuple[str, list[tuple[str, str]]]:
        """How what failed was brought back, and what was wrong with that."""
        with self._partners():
            return self._bring_back()

    def _bring_back(self) -> tuple[str, list[tuple[str, str]]]:
        # Whoever polls without being told to does so again.
        self.session.advance(_MINUTE_MS)
        move_dead_messages(self.session)
        for recover in (self.proof.recover, self.scenario.recover):
            if recover is not None:
                self._given("recover", partial(recover, self.world))
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
            how = replayed_by(self.session, self.world, self.proof, failed)
        except Exception as error:
            return "failed", [("replay", f"{type(error).__name__}: {error}")]
        self.session.run_until_idle()
        return how, []

    # What is so

    @property
    def subjects(self) -> list[Execution]:
        executions = self.session.executions.values()
        return [one for one in executions if one.state_machine_arn == self.subject_arn]

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

    def left(self) -> Left:
        ignored, at_least_once = frozenset(self.proof.ignore), frozenset(self.proof.at_least_once)
        comparison = self.session.app.derived(Comparison, ignored, at_least_once)
        return comparison.read(self.session)

    # What is told

    def injection_path(self, execution: Execution) -> tuple[str, ...]:
        return tuple(event[3] for event in execution.history if event[0].endswith("StateEntered"))

    @cached_property
    def abandoned(self) -> list[Abandoned]:
        """The calls of handlers that were ended, other than by a crash; when it is over."""
        plans = (self.plan, *self._given_plans)
        crashed = any(one is not None and one.fault in faults.CRASHES for one in plans)
        return [one for one in self.runner.abandoned() if one.hung or not crashed]

    def path(self) -> str:
        """Of each execution that matters: the faulted machines' and the subject's."""
        shown = [
            render_execution(one, executions=self.session.executions)
            for one in self.session.executions.values()
            if one.state_machine_arn == self.subject_arn or one is self.injection.hit
        ]
        return "\n\n".join(shown)
