"""Which points an execution covered, read from its history and the program alone.

Strategy: the path names visits, attempts and errors. Which Retrier or Catcher took an error follows
from the rules that the interpreter itself goes by; which Choice rule held follows from the state
that came next, and where several lead there the rules are asked again, with the state's input and
the variables of that moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sfnlocal.errors import StateError
from sfnlocal.interpreter import Execution
from sfnlocal.interpreter.steps import matches
from sfnlocal.language.program import ChoiceState, FailState, MapState, ParallelState, State
from sfnlocal.ports import Json
from sfnlocal.proof.coverage_moments import Past, Place, data_of, first_true
from sfnlocal.proof.coverage_points import Point, tolerates_failures
from sfnlocal.reports.path import path_taken
from sfnlocal.reports.visits import Attempt, Visit

_NOT_RETRIED = "States.Runtime"
_THRESHOLD = "States.ExceedToleratedFailureThreshold"
_HEARTBEAT = "States.HeartbeatTimeout"
# Where the scheduled events of tasks have TimeoutSeconds; LambdaFunctionScheduled, ...
_TIMEOUT_FIELD = {"TaskScheduled": 7, "LambdaFunctionScheduled": 5, "ActivityScheduled": 5}


@dataclass(frozen=True, slots=True)
class Covered:
    """`first_state` is the state that was entered first. `tolerant_runs` are the Map Runs that
    succeeded though failures were allowed, by ARN, with their Map state: whether any child failed
    is told by the children."""

    points: set[Point]
    first_state: str
    tolerant_runs: dict[str, str]


def covered(execution: Execution, states: Mapping[str, State]) -> Covered:
    """`states` are all states of its state machine, by name. What the children of its Map Runs did
    is theirs."""
    return _Reading(execution, states).read()


class _Reading:
    def __init__(self, execution: Execution, states: Mapping[str, State]) -> None:
        self._execution = execution
        self._history = execution.history
        self._states = states
        self._points: set[Point] = set()
        self._tolerant_runs: dict[str, str] = {}
        self._redriven = [
            event_id
            for event_id, event in enumerate(execution.history, 1)
            if event[0] == "ExecutionRedriven"
        ]

    def read(self) -> Covered:
        visits = path_taken(self._execution)
        self._walk(visits, {}, None)
        first = visits[0].state if visits else ""
        return Covered(self._points, first, self._tolerant_runs)

    def _walk(
        self, visits: list[Visit], variables: Mapping[str, Json], place: Place | None
    ) -> None:
        for visit, following in pairwise((*visits, None)):
            assert visit is not None
            state = self._states[visit.state]
            self._add(state, "state")
            if isinstance(state, ChoiceState):
                past = self._past(visit, state, variables)
                self._choice(state, visit, following, past, place)
            else:
                self._retries(state, visit)
                self._way_out(state, visit, following)
                if isinstance(state, MapState | ParallelState):
                    self._inside(state, visit, self._past(visit, state, variables), place)
            if visit.left_event:
                assigned = self._history[visit.left_event - 1][5]
                if assigned:
                    variables = {**variables, **assigned}

    def _past(self, visit: Visit, state: State, variables: Mapping[str, Json]) -> Past:
        value = self._history[visit.entered_event - 1][4]
        past = Past(self._execution, state, value, visit.entered_ms)
        past.variables = dict(variables)
        return past

    def _add(self, state: State, kind: Any, index: int = 0) -> None:
        self._points.add(Point(state.name, kind, index))

    # Choice

    def _choice(
        self,
        state: ChoiceState,
        visit: Visit,
        following: Visit | None,
        past: Past,
        place: Place | None,
    ) -> None:
        taken: int | None = None
        if visit.outcome == "succeeded" and following is not None:
            ways = [i for i, rule in enumerate(state.choices) if rule.next == following.state]
            if state.default == following.state:
                ways.append(len(state.choices))
            taken = ways[0] if len(ways) == 1 else first_true(state, past, place)
            if taken is None:
                return
        elif visit.outcome == "failed":
            taken = first_true(state, past, place, until_error=True)
        if taken is None:
            return
        for index in range(min(taken, len(state.choices))):
            self._add(state, "rule false", index)
        if visit.outcome == "succeeded":
            if taken == len(state.choices):
                self._add(state, "default")
            else:
                self._add(state, "rule true", taken)

    # Errors

    def _retries(self, state: State, visit: Visit) -> None:
        if not state.retry:
            return
        counts = [0] * len(state.retry)
        attempts: list[Attempt | None] = [*visit.attempts, None]
        for attempt, again in pairwise(attempts):
            assert attempt is not None
            if again is not None and self._redriven_between(attempt, again):
                again, counts_after = None, [0] * len(counts)
            else:
                counts_after = counts
            if attempt.failed or again is not None:
                self._retrier(state, attempt, counts, retried=again is not None)
            counts = counts_after

    def _retrier(self, state: State, attempt: Attempt, counts: list[int], *, retried: bool) -> None:
        error, also = self._error(state, attempt)
        if error == _NOT_RETRIED:
            return
        for index, retrier in enumerate(state.retry):
            if matches(retrier.error_equals, error, also):
                if retried:
                    counts[index] += 1
                    self._add(state, "retrier used", index)
                elif counts[index] >= retrier.max_attempts:
                    self._add(state, "retrier used up", index)
                return

    def _redriven_between(self, attempt: Attempt, again: Attempt) -> bool:
        return any(attempt.event < event_id < again.event for event_id in self._redriven)

    def _error(self, state: State, attempt: Attempt) -> tuple[str | None, str | None]:
        """The error's name, and a second one that it goes by."""
        if attempt.error is None:
            return self._fail_error(attempt), None
        if attempt.error == "States.Timeout" and self._missed_heartbeat(state, attempt):
            return attempt.error, _HEARTBEAT
        return attempt.error, None

    def _fail_error(self, attempt: Attempt) -> str | None:
        """Of a Parallel or Map state that a Fail state inside it failed: the history does not
        tell, the program does."""
        for branch in attempt.branches:
            last = branch.visits[-1] if branch.visits else None
            state = self._states[last.state] if last is not None else None
            if last is None or not isinstance(state, FailState) or state.error is None:
                continue
            past = self._past(last, state, {})
            try:
                error: str = state.error.call(data_of(state, past.value), past)
            except StateError as failure:
                return failure.error
            return error
        return None

    def _missed_heartbeat(self, state: State, attempt: Attempt) -> bool:
        """A missed heartbeat is reported as States.Timeout; only when it was tells them apart."""
        if getattr(state, "heartbeat_seconds", None) is None or attempt.ended_ms is None:
            return False
        event = self._history[attempt.event - 1]
        timeout_seconds = event[_TIMEOUT_FIELD[event[0]]] if event[0] in _TIMEOUT_FIELD else None
        if timeout_seconds is None:
            return True
        due_ms: int = attempt.started_ms + timeout_seconds * 1000
        return attempt.ended_ms < due_ms

    def _way_out(self, state: State, visit: Visit, following: Visit | None) -> None:
        if visit.outcome == "succeeded":
            if state.next is not None:
                self._add(state, "next")
            elif state.type != "Succeed":
                self._add(state, "end")
        elif visit.outcome == "caught" and following is not None:
            index = self._catcher(state, visit, following)
            if index is not None:
                self._add(state, "catcher", index)

    def _catcher(self, state: State, visit: Visit, following: Visit) -> int | None:
        leading = [i for i, one in enumerate(state.catch) if one.next == following.state]
        if len(leading) > 1 and visit.last_attempt is not None:
            error, also = self._error(state, visit.last_attempt)
            for index in leading:
                if matches(state.catch[index].error_equals, error, also):
                    return index
        return leading[0] if leading else None

    # Map and Parallel

    def _inside(
        self, state: MapState | ParallelState, visit: Visit, past: Past, place: Place | None
    ) -> None:
        if isinstance(state, MapState) and state.distributed is not None:
            if tolerates_failures(state):
                self._tolerant(state, visit)
            return
        for attempt in visit.attempts:
            for branch in attempt.branches:
                inner = place
                if isinstance(state, MapState):
                    self._add(state, "iterator")
                    inner = Place(past, branch.index, place)
                else:
                    self._add(state, "branch", branch.index)
                self._walk(branch.visits, past.variables, inner)
                if branch.visits and branch.visits[-1].outcome == "failed":
                    kind = "iteration failed" if isinstance(state, MapState) else "branch failed"
                    self._add(state, kind)

    def _tolerant(self, state: State, visit: Visit) -> None:
        if any(attempt.error == _THRESHOLD for attempt in visit.attempts):
            self._add(state, "failures exceeded")
        last = visit.last_attempt
        if visit.outcome == "succeeded" and last is not None:
            # MapRunStarted follows the event that the attempt began with.
            event = self._history[last.event]
            if event[0] == "MapRunStarted":
                self._tolerant_runs[event[3]] = state.name
