"""What was not covered, in words, and what to do to cover it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sfnlocal.language.program import Catcher, Program, Retrier
from sfnlocal.ports import Json
from sfnlocal.proof.coverage import MachineCoverage
from sfnlocal.proof.coverage_points import Point, programs_of
from sfnlocal.reports.conditions import condition_text
from sfnlocal.reports.outline import edges_of, raw_states
from sfnlocal.reports.wording import cut

_CONDITION_CHARS = 90


class Hint(NamedTuple):
    """`what` names the point (`Retrier 1 (Lambda.TooManyRequestsException): retries`), `how` says
    what covers it."""

    what: str
    how: str


def hints(machine: MachineCoverage) -> dict[Point, Hint]:
    """Of every point."""
    raw = dict(_raw_states(machine.program))
    entries = _entries(machine)
    return {point: _hint(machine, point, raw[point.state], entries) for point in machine.counts}


def _raw_states(program: Program) -> Iterator[tuple[str, dict[str, Json]]]:
    yield from raw_states(program).items()
    for state in program.states.values():
        for inner in programs_of(state):
            yield from _raw_states(inner)


def _entries(machine: MachineCoverage) -> dict[str, str]:
    """How each state is entered."""
    ways: dict[str, list[str]] = {}
    programs = [machine.program]
    while programs:
        program = programs.pop()
        for edge in edges_of(program):
            way = edge.source
            if edge.caught:
                way += f" when it fails with {', '.join(edge.errors)}"
            elif edge.label:
                way += f" when {cut(edge.label, _CONDITION_CHARS)}"
            ways.setdefault(edge.target, []).append(way)
        for state in program.states.values():
            programs += programs_of(state)
    return {name: "; or from ".join(found) for name, found in ways.items()}


def _hint(
    machine: MachineCoverage, point: Point, raw: dict[str, Json], entries: dict[str, str]
) -> Hint:
    state = machine.states[point.state]
    number = point.position + 1
    match point.kind:
        case "state":
            way = entries.get(point.state)
            if way:
                return Hint("entered", f"it is reached from {way}")
            around = machine.around[point.state]
            return Hint("entered", f"let {around} run" if around else "start an execution")
        case "next":
            return Hint(f"goes on to {state.next}", "let it succeed")
        case "end":
            return Hint("ends well", "let it succeed")
        case "default":
            return Hint(f"Default, to {raw['Default']}", "let none of its rules hold")
        case "rule true" | "rule false":
            rule = raw["Choices"][point.position]
            what = f"rule {number} ({cut(condition_text(rule), _CONDITION_CHARS)})"
            if point.kind == "rule true":
                return Hint(f"{what} is true, to {rule['Next']}", "start it so that the rule holds")
            return Hint(
                f"{what} is false", "start it so that neither this rule nor one above holds"
            )
        case "retrier used":
            retrier = state.retry[point.position]
            return Hint(
                f"{_named('Retrier', number, retrier)} retries",
                f"let an attempt fail with {_error(retrier)}, and the next one succeed",
            )
        case "retrier used up":
            retrier = state.retry[point.position]
            times = retrier.max_attempts + 1
            often = "once" if times == 1 else f"{times} times"
            return Hint(
                f"{_named('Retrier', number, retrier)} gives up",
                f"let it fail {often} with {_error(retrier)}",
            )
        case "catcher":
            catcher = state.catch[point.position]
            return Hint(
                f"{_named('Catcher', number, catcher)}, to {catcher.next}",
                f"let it fail for good with {_error(catcher)}",
            )
        case "branch":
            return Hint(f"branch {number} is entered", "let the state run")
        case "iterator":
            return Hint("has an iteration", "give it an item")
        case "branch failed":
            return Hint(
                "a branch fails", "let a state of a branch fail, and nothing catch it there"
            )
        case "iteration failed":
            return Hint(
                "an iteration fails", "let one of the items fail, and nothing catch it there"
            )
        case "failure tolerated":
            return Hint(
                "tolerates failures", "let as many items fail as it tolerates, and at least one"
            )
        case "failures exceeded":
            return Hint("fails by too many failures", "let more items fail than it tolerates")


def _named(kind: str, number: int, one: Retrier | Catcher) -> str:
    first, *others = one.error_equals
    more = f" and {len(others)} more" if others else ""
    return f"{kind} {number} ({first}{more})"


def _error(one: Retrier | Catcher) -> str:
    first = one.error_equals[0]
    return "any error" if first in ("States.ALL", "States.TaskFailed") else first
