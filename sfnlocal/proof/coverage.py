"""Coverage: which states, edges, Choice rules, Retriers, Catchers and failures runs have been
through, of each state machine.

    coverage = Coverage()
    coverage.watch(session)
    ...
    coverage.machine("Order").summary.percent

A count is how many executions did it. State machines of the same ARN whose definitions differ are
different ones: a run on an old definition covers nothing of the new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.errors import DefinitionError, InputError, UnsupportedError
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text
from sfnlocal.language import compile_definition
from sfnlocal.language.program import Program, State
from sfnlocal.ports import Json
from sfnlocal.proof.coverage_points import GROUPS, Group, Point, all_states, points_of
from sfnlocal.proof.coverage_reading import covered
from sfnlocal.template import App, StateMachine, short_ids

_FAILED = frozenset({"FAILED", "TIMED_OUT"})


@dataclass(frozen=True, slots=True)
class Summary:
    """How many points of each group were covered, of how many; `covered` and `total` count each
    point once."""

    groups: dict[Group, tuple[int, int]]
    covered: int
    total: int

    @property
    def percent(self) -> float:
        """Never 100 while anything is missing, rounded down to a tenth."""
        return int(self.covered / self.total * 1000) / 10 if self.total else 100.0


@dataclass(slots=True, eq=False)
class MachineCoverage:
    """Of one state machine. `name` is its short name, `counts` has every point, in the order of the
    definition; `executions` are those that began, children of Map Runs among them."""

    name: str
    arn: str
    type: str
    definition: Json
    program: Program
    counts: dict[Point, int]
    states: dict[str, State]
    around: dict[str, str | None]
    executions: int = 0
    _failed_children: dict[str, set[str]] = field(default_factory=dict)

    @property
    def missing(self) -> list[Point]:
        return [point for point, count in self.counts.items() if not count]

    @property
    def summary(self) -> Summary:
        return summary_of(self.counts)

    def add(self, execution: Execution) -> None:
        """What an execution has done by now."""
        found = covered(execution, self.states)
        points = found.points
        if execution.map_run_arn:
            points |= self._of_child(execution, found.first_state)
        for arn, name in found.tolerant_runs.items():
            if self._failed_children.pop(arn, None):
                points.add(Point(name, "failure tolerated"))
        if execution.redrive_count:
            # It was counted when it had failed.
            for point in points:
                if point in self.counts:
                    self.counts[point] = max(1, self.counts[point])
            return
        self.executions += 1
        for point in points:
            if point in self.counts:
                self.counts[point] += 1

    def _of_child(self, execution: Execution, first_state: str) -> set[Point]:
        around = self.around.get(first_state)
        if around is None:
            return set()
        failed = self._failed_children.setdefault(execution.map_run_arn, set())
        if execution.status not in _FAILED:
            failed.discard(execution.arn)
            return {Point(around, "iterator")}
        failed.add(execution.arn)
        return {Point(around, "iterator"), Point(around, "iteration failed")}


def summary_of(counts: dict[Point, int]) -> Summary:
    groups: dict[Group, tuple[int, int]] = {}
    for group, kinds in GROUPS.items():
        inside = [count for point, count in counts.items() if point.kind in kinds]
        groups[group] = sum(1 for count in inside if count), len(inside)
    return Summary(groups, sum(1 for count in counts.values() if count), len(counts))


class Coverage:
    """Of any number of runs. Machines whose short name, physical name or ARN matches one of the
    `patterns` (as a shell's) are counted; all without any."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns = tuple(sorted(patterns))
        self._machines: dict[tuple[str, str], MachineCoverage] = {}
        self._names: dict[str, str] = {}
        # By id; the definition is kept, so that nothing else gets its id.
        self._known: dict[tuple[str, int], tuple[Json, MachineCoverage | None]] = {}

    # Collecting

    def watch(self, session: Session) -> None:
        """Count each execution of the session that ends, and what no execution has entered."""
        self.expect(session.app)
        session.on_each_ended(
            lambda execution: self.add(execution, session.started_from[execution.arn])
        )

    def expect(self, app: App) -> None:
        """All state machines of the app are to be covered."""
        self._names.update(app.derived(_names_of_machines))
        for machine in app.state_machines:
            self.of(machine)

    def add(self, execution: Execution, state_machine: StateMachine) -> None:
        """What an execution has done by now; to be called once, when it has ended or nobody will
        let it go on, and again after a redrive."""
        machine = self.of(state_machine)
        if machine is not None:
            machine.add(execution)

    def of(self, state_machine: StateMachine) -> MachineCoverage | None:
        """None where the patterns leave it out, or it cannot run."""
        definition = state_machine.definition
        key = (state_machine.arn, id(definition))
        if key not in self._known:
            found = self._new(state_machine) if self._wanted(state_machine) else None
            self._known[key] = definition, found
        return self._known[key][1]

    def _wanted(self, machine: StateMachine) -> bool:
        names = (self._name(machine), machine.name, machine.arn)
        return not self._patterns or any(
            fnmatchcase(name, pattern) for name in names for pattern in self._patterns
        )

    def _new(self, machine: StateMachine) -> MachineCoverage | None:
        try:
            name = self._name(machine)
            return self._machine(name, machine.arn, machine.type, machine.definition)
        except (DefinitionError, UnsupportedError):
            # It does not run here, and whoever starts it is told why.
            return None

    def _name(self, machine: StateMachine) -> str:
        return self._names.get(machine.arn, machine.name)

    def _machine(self, name: str, arn: str, type: str, definition: Json) -> MachineCoverage:
        key = (arn, json_text(definition))
        if key not in self._machines:
            program = compile_definition(definition, type=type)
            states = list(all_states(program))
            self._machines[key] = MachineCoverage(
                name=name,
                arn=arn,
                type=type,
                definition=definition,
                program=program,
                counts=dict.fromkeys(points_of(program), 0),
                states={state.name: state for state, _ in states},
                around={state.name: around for state, around in states},
            )
        return self._machines[key]

    def emptied(self) -> Coverage:
        """One that counts the same state machines from nothing."""
        return Coverage(self._patterns)

    def merge(self, other: Coverage) -> None:
        """Add what `other` has counted."""
        for theirs in other:
            mine = self._machine(theirs.name, theirs.arn, theirs.type, theirs.definition)
            mine.executions += theirs.executions
            for point, count in theirs.counts.items():
                mine.counts[point] += count

    # Looking

    def __iter__(self) -> Iterator[MachineCoverage]:
        return iter(self._machines.values())

    def machine(self, name: str) -> MachineCoverage:
        """By short name or ARN. InputError where nothing was counted of it."""
        for machine in self:
            if name in (machine.name, machine.arn):
                return machine
        raise InputError(
            f"nothing is known of the state machine {name!r}",
            hint="there are " + (", ".join(one.name for one in self) or "none"),
        )

    @property
    def summary(self) -> Summary:
        """Of all state machines together."""
        return summary_of(
            {
                Point(f"{number}/{point.state}", point.kind, point.position): count
                for number, machine in enumerate(self)
                for point, count in machine.counts.items()
            }
        )

    # As JSON

    def json(self) -> dict[str, Any]:
        """What `--sfn-cov-report json:FILE` writes and `sfnlocal coverage` reads."""
        return {
            "machines": [
                {
                    "name": machine.name,
                    "arn": machine.arn,
                    "type": machine.type,
                    "executions": machine.executions,
                    "percent": machine.summary.percent,
                    "groups": {
                        group: {"covered": covered, "total": total}
                        for group, (covered, total) in machine.summary.groups.items()
                    },
                    "points": [
                        {**point._asdict(), "count": count}
                        for point, count in machine.counts.items()
                    ],
                    "definition": machine.definition,
                }
                for machine in self
            ],
        }

    @classmethod
    def from_json(cls, data: Any, where: str = "") -> Coverage:
        """Raises InputError where it is none."""
        coverage = cls()
        try:
            for one in data["machines"]:
                machine = coverage._machine(one["name"], one["arn"], one["type"], one["definition"])
                machine.executions += int(one["executions"])
                for point in one["points"]:
                    key = Point(point["state"], point["kind"], point["position"])
                    machine.counts[key] += int(point["count"])
        except (KeyError, TypeError, AttributeError, ValueError):
            raise InputError(
                "this is no coverage",
                where=where,
                hint="write one with: pytest --sfn-cov --sfn-cov-report json:FILE",
            ) from None
        return coverage


def _names_of_machines(app: App) -> dict[str, str]:
    """Short ids by ARN."""
    ids = short_ids(machine.resource for machine in app.state_machines)
    return {machine.arn: ids[machine.resource.where] for machine in app.state_machines}
