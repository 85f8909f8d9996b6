"""What has to hold after a run, put together: what every run is checked for, and what the project's
own proof adds. The checks themselves are in `invariants`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from sfnlocal.errors import InputError
from sfnlocal.proof import faults, invariants
from sfnlocal.proof.invariants import Letter
from sfnlocal.proof.recovery import take_letters
from sfnlocal.proof.results import Violation
from sfnlocal.proof.scenario_run import ScenarioRun

# The name of what is broken, and how.
Broken: TypeAlias = tuple[str, str]


class Checks:
    """Of one run; each is asked when that run has come so far."""

    def __init__(self, run: ScenarioRun) -> None:
        self._run = run
        self._proof = run.proof

    def broken(self) -> Iterator[Broken]:
        """After the nets had their time."""
        executions = list(self._run.session.executions.values())
        yield from (("ended", text) for text in invariants.not_ended(executions))
        yield from (("ended", text) for text in self._waited_without_end())
        retried = invariants.retried_outcomes(executions, self._proof.outcomes)
        yield from (("retried", text) for text in retried)
        if self._proof.dead_letters is not None:
            wrong = invariants.wrong_letters(
                self._run.session,
                self._run.subjects,
                self._letters(),
                where_known=self._is_where_known,
                may_repeat=self._sends_letters(),
            )
            yield from (("letter", text) for text in wrong)
        yield from self._of_project()

    @property
    def _is_where_known(self) -> bool:
        """Under one fault at the most the first net stands, which knows where it was."""
        run = self._run
        if run.scenario.expect == "SUCCEEDED" and not run.scenario.given:
            return True
        return run.plan is None and not run.scenario.given and run.scenario.caught

    def _waited_without_end(self) -> Iterator[str]:
        """Whoever has a token or an activity's task may never answer."""
        plan, execution = self._run.plan, self._run.injection.hit
        if plan is not None and plan.fault in faults.SILENCES and execution is not None:
            seen = self._run.injection.states[plan.site]
            yield from invariants.waited_without_end(execution, seen.state)

    def not_started(self) -> Iterator[Broken]:
        if not self._run.subjects:
            yield "ended", f"nothing started {self._proof.state_machine}"

    def given_did_not_happen(self) -> Iterator[Broken]:
        for strikes in self._run.injection.given:
            if not strikes.happened:
                plan = strikes.plan
                yield "fault", f"the given {plan.fault} at {plan.site} did not happen"

    def brought_back(self) -> tuple[str, list[Broken]]:
        """Bring back what failed: how that was done, and what is wrong then."""
        how, wrong = self._run.bring_back()
        return how, [*wrong, *self._broken_again()] if how else wrong

    def _broken_again(self) -> Iterator[Broken]:
        executions = list(self._run.session.executions.values())
        yield from (("ended", text) for text in invariants.not_ended(executions))
        last = self._run.subjects[-1]
        if last.status != "SUCCEEDED":
            yield "replay", f"{last.name} ended {last.status} with {last.error}: {last.cause}"
        yield from self._of_project()

    def _of_project(self) -> Iterator[Broken]:
        for effect, count in self._proof.effects.items():
            counts = self._checked(effect, count)
            if counts is not None:
                yield from (("twice", text) for text in invariants.done_twice(effect, counts))
        for invariant in self._proof.invariants:
            name = getattr(invariant, "__name__", str(invariant))
            try:
                invariant(self._run.world)
            except AssertionError as error:
                yield name, str(error) or "does not hold"
            except Exception as error:
                raise self._mistake(name, error) from error

    def _checked(self, name: str, count: Callable[[Any], Any]) -> Any:
        try:
            return count(self._run.world)
        except Exception as error:
            raise self._mistake(name, error) from error

    def _mistake(self, name: str, error: Exception) -> InputError:
        return InputError(
            f"the invariant {name} raises {type(error).__name__}: {error}",
            where=f"proof {self._run.runner.name}",
            hint="an invariant that does not hold raises AssertionError",
        )

    def _sends_letters(self) -> bool:
        plan = self._run.plan
        return plan is not None and plan.site.name in self._proof.letter_states

    def _letters(self) -> list[Letter]:
        assert self._proof.dead_letters is not None
        return take_letters(self._run.session, self._proof.dead_letters, keep=True)

    def _hung(self) -> Iterator[str]:
        for one in self._run.abandoned:
            if one.hung:
                yield f"the handler {one.thread} took no end, and was ended here:\n{one.stack}"

    def violations(self, found: Iterable[Broken]) -> Iterator[Violation]:
        refused = self._run.runner.permissions.refused()
        found = [
            *found,
            *(("permitted", text) for text in refused),
            *(("hung", text) for text in self._hung()),
        ]
        if not found:
            return
        path = self._run.path()
        command = f"sfnlocal prove {self._run.runner.name}"
        if self._run.plan is not None:
            command += f" --plan '{self._run.plan}'"
        command += f" --seed {self._run.runner.seed}"
        for name, message in dict.fromkeys(found):
            yield Violation(name, message, path, command)
