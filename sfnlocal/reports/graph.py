"""A state machine as a Mermaid flowchart, which GitHub draws.

Shapes say the type: rectangle Task, hexagon Wait, rhombus Choice, round Pass, pill Succeed and
Fail, box Map, Parallel and the state machines that are started. Edges of Catchers are dashed and
red. States that can only end in Fail are red, states that only errors reach are amber.
https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from sfnlocal.language.program import (
    ChoiceState,
    MapState,
    ParallelState,
    Program,
    State,
    TaskState,
    WaitState,
)
from sfnlocal.ports import Json
from sfnlocal.reports.conditions import condition_text, query_text
from sfnlocal.reports.wording import cut, duration

_CONDITION_CHARS = 48
_ERRORS_SHOWN = 1
_CAUGHT_SHOWN = 3
_STYLES = {
    "failure": "fill:#fdecea,stroke:#c0392b,color:#5b1a12",
    "recovery": "fill:#fff4dc,stroke:#b9770e,color:#4d3300",
}
_SHAPES = {
    "Task": ("[", "]"),
    "Wait": ("{{", "}}"),
    "Choice": ("{", "}"),
    "Pass": ("(", ")"),
    "Succeed": ("([", "])"),
    "Fail": ("([", "])"),
}
_ESCAPES = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;"})


Machines: TypeAlias = Mapping[str, tuple[str, Program]]


def mermaid(program: Program, name: str, machines: Machines | None = None) -> str:
    """The picture's source. State machines that Task states start are drawn too where `machines`
    has their name and Program by ARN."""
    return "\n".join(_Chart(machines or {}).lines(program, name))


class _Chart:
    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self._drawn: dict[str, str] = {}
        self._pending: list[tuple[str, str, Program]] = []
        self._serial = 0
        self._edges: list[str] = []
        self._error_edges: list[int] = []
        self._nodes: dict[str, list[str]] = {"failure": [], "recovery": []}

    def lines(self, program: Program, name: str) -> Iterator[str]:
        yield "flowchart TD"
        start = self._new_id()
        yield f"  subgraph {start}[{_quoted(name)}]"
        yield from self._machine(program, "    ")
        yield "  end"
        while self._pending:
            box, child_name, child = self._pending.pop(0)
            yield f"  subgraph {box}[{_quoted(child_name)}]"
            yield from self._machine(child, "    ")
            yield "  end"
        yield from (f"  {edge}" for edge in self._edges)
        for kind, nodes in self._nodes.items():
            if nodes:
                yield f"  classDef {kind} {_STYLES[kind]}"
                yield f"  class {','.join(nodes)} {kind}"
        if self._error_edges:
            numbers = ",".join(map(str, self._error_edges))
            yield f"  linkStyle {numbers} stroke:#c0392b,color:#c0392b"

    def _new_id(self) -> str:
        self._serial += 1
        return f"n{self._serial}"

    def _machine(self, program: Program, indent: str) -> Iterator[str]:
        """A whole state machine: its states between a start and an end."""
        start, end = self._new_id(), self._new_id()
        yield f'{indent}{start}(("start"))'
        ids = self._ids(program)
        self._edge(start, ids[program.start_at])
        yield from self._states(program, ids, indent)
        ending = [state for state in program.states.values() if _ends(state)]
        if ending:
            yield f'{indent}{end}(("end"))'
        for state in ending:
            self._edge(ids[state.name], end)

    def _ids(self, program: Program) -> dict[str, str]:
        return {name: self._new_id() for name in program.states}

    def _states(self, program: Program, ids: dict[str, str], indent: str) -> Iterator[str]:
        """The states of one program, with their edges."""
        raw: dict[str, Json] = program.definition["States"]
        regular, hopeful = _regular(program), _hopeful(program)
        for name, state in program.states.items():
            match state:
                case MapState():
                    yield from self._box(ids[name], state, [state.processor], indent)
                case ParallelState():
                    yield from self._box(ids[name], state, list(state.branches), indent)
                case _:
                    opening, closing = _SHAPES[state.type]
                    label = _quoted(*_label(state, raw[name]))
                    yield f"{indent}{ids[name]}{opening}{label}{closing}"
            if name not in hopeful:
                self._nodes["failure"].append(ids[name])
            elif name not in regular:
                self._nodes["recovery"].append(ids[name])
            self._draw_edges(state, raw[name], ids)
            if isinstance(state, TaskState):
                self._draw_started(ids[name], state, raw[name])

    def _box(self, box: str, state: State, programs: list[Program], indent: str) -> Iterator[str]:
        yield f"{indent}subgraph {box}[{_quoted(f'{state.name} ({state.type})', *_retries(state))}]"
        for number, program in enumerate(programs, 1):
            if len(programs) == 1:
                yield from self._states(program, self._ids(program), f"{indent}  ")
                continue
            branch = _quoted(f"branch {number}")
            yield f"{indent}  subgraph {self._new_id()}[{branch}]"
            yield from self._states(program, self._ids(program), f"{indent}    ")
            yield f"{indent}  end"
        yield f"{indent}end"

    def _draw_edges(self, state: State, raw: dict[str, Json], ids: Mapping[str, str]) -> None:
        source = ids[state.name]
        if isinstance(state, ChoiceState):
            for rule, rule_raw in zip(state.choices, raw["Choices"], strict=True):
                label = cut(condition_text(rule_raw), _CONDITION_CHARS)
                self._edge(source, ids[rule.next], label)
            if state.default is not None:
                self._edge(source, ids[state.default], "default")
        elif state.next is not None:
            self._edge(source, ids[state.next])
        caught: dict[str, list[str]] = {}
        for catcher in state.catch:
            caught.setdefault(catcher.next, []).extend(catcher.error_equals)
        for target, errors in caught.items():
            self._error_edges.append(len(self._edges))
            label = _quoted(", ".join(errors[:_CAUGHT_SHOWN]))
            self._edges.append(f"{source} -. {label} .-> {ids[target]}")

    def _edge(self, source: str, target: str, label: str = "") -> None:
        arrow = f"-- {_quoted(label)} -->" if label else "-->"
        self._edges.append(f"{source} {arrow} {target}")

    def _draw_started(self, source: str, state: TaskState, raw: dict[str, Json]) -> None:
        """The state machine that the task starts, each once."""
        if state.resource.service != "states":
            return
        arguments = raw.get("Arguments", raw.get("Parameters", {}))
        arn = arguments.get("StateMachineArn", "") if isinstance(arguments, dict) else ""
        if arn not in self._machines:
            return
        if arn not in self._drawn:
            self._drawn[arn] = self._new_id()
            self._pending.append((self._drawn[arn], *self._machines[arn]))
        self._edges.append(f'{source} == "starts" ==> {self._drawn[arn]}')


def _ends(state: State) -> bool:
    return state.next is None and state.type not in ("Choice", "Succeed", "Fail")


def _regular(program: Program) -> set[str]:
    """The states that are reached without an error."""
    reached: set[str] = set()
    pending = [program.start_at]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += _targets(program.states[name])
    return reached


def _hopeful(program: Program) -> set[str]:
    """The states from which the end can be reached without an error, other than by Fail."""
    hopeful = {
        name for name, state in program.states.items() if _ends(state) or state.type == "Succeed"
    }
    found = -1
    while found != len(hopeful):
        found = len(hopeful)
        for name, state in program.states.items():
            if not hopeful.isdisjoint(_targets(state)):
                hopeful.add(name)
    return hopeful


def _targets(state: State) -> list[str]:
    """Where the state leads to when no error occurs."""
    if isinstance(state, ChoiceState):
        default = [state.default] if state.default is not None else []
        return [rule.next for rule in state.choices] + default
    return [state.next] if state.next is not None else []


def _label(state: State, raw: dict[str, Json]) -> Iterator[str]:
    yield state.name
    match state:
        case TaskState():
            resource = state.resource
            yield f"{resource.service}:{resource.action}" if resource.action else resource.service
        case WaitState():
            yield _wait(raw)
    yield from _retries(state)


def _wait(raw: dict[str, Json]) -> str:
    """Of Seconds, SecondsPath, Timestamp or TimestampPath; the first two may be expressions."""
    if isinstance(raw.get("Seconds"), int):
        return duration(raw["Seconds"] * 1000)
    by_seconds = "Seconds" in raw or "SecondsPath" in raw
    name = "Seconds" if by_seconds else "Timestamp"
    text = query_text(raw[name]) if name in raw else raw[f"{name}Path"]
    return cut(f"{text} seconds" if by_seconds else f"until {text}", _CONDITION_CHARS)


def _retries(state: State) -> Iterator[str]:
    for retrier in state.retry:
        if retrier.max_attempts:
            yield f"retry {retrier.max_attempts}x {_error_names(retrier.error_equals)}"


def _error_names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_ERRORS_SHOWN])
    more = len(names) - _ERRORS_SHOWN
    return f"{shown} +{more}" if more > 0 else shown


def _quoted(*lines: str) -> str:
    return '"' + "<br/>".join(line.translate(_ESCAPES) for line in lines) + '"'
