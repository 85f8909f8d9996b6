"""A state machine as a Mermaid flowchart, which GitHub draws.

Shapes say the type: rectangle Task, hexagon Wait, rhombus Choice, round Pass, pill Succeed and
Fail, box Map, Parallel and the state machines that are started. Edges of Catchers are dashed and
red. States that can only end in Fail are red, states that only errors reach are amber.
https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from sfnlocal.language.program import MapState, ParallelState, Program, State, TaskState, WaitState
from sfnlocal.ports import Json
from sfnlocal.reports.outline import (
    Edge,
    edges_of,
    ends,
    lost,
    raw_states,
    resource_text,
    retry_lines,
    retry_text,
    started_arn,
    story,
    wait_text,
)
from sfnlocal.reports.wording import cut

_LABEL_CHARS = 48
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


def mermaid(
    program: Program, name: str, machines: Machines | None = None, *, details: bool = False
) -> str:
    """The picture's source. State machines that Task states start are drawn too where `machines`
    has their name and Program by ARN. `details` names every error that is retried or caught."""
    return "\n".join(_Chart(machines or {}, details).lines(program, name))


class _Chart:
    def __init__(self, machines: Machines, details: bool) -> None:
        self._machines = machines
        self._details = details
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
        ending = [state for state in program.states.values() if ends(state)]
        if ending:
            yield f'{indent}{end}(("end"))'
        for state in ending:
            self._edge(ids[state.name], end)

    def _ids(self, program: Program) -> dict[str, str]:
        return {name: self._new_id() for name in program.states}

    def _states(self, program: Program, ids: dict[str, str], indent: str) -> Iterator[str]:
        """The states of one program, with their edges."""
        raw, edges = raw_states(program), edges_of(program)
        told, hopeless = story(program, edges), lost(program, edges)
        for name, state in program.states.items():
            match state:
                case MapState():
                    yield from self._box(ids[name], state, [state.processor], indent)
                case ParallelState():
                    yield from self._box(ids[name], state, list(state.branches), indent)
                case _:
                    opening, closing = _SHAPES[state.type]
                    label = _quoted(*self._label(state, raw[name]))
                    yield f"{indent}{ids[name]}{opening}{label}{closing}"
            if name in hopeless:
                self._nodes["failure"].append(ids[name])
            elif name not in told:
                self._nodes["recovery"].append(ids[name])
            self._draw_started(ids[name], started_arn(state, raw[name]))
        for edge in edges:
            self._draw_edge(edge, ids)

    def _box(self, box: str, state: State, programs: list[Program], indent: str) -> Iterator[str]:
        label = _quoted(f"{state.name} ({state.type})", *self._retries(state))
        yield f"{indent}subgraph {box}[{label}]"
        for number, program in enumerate(programs, 1):
            if len(programs) == 1:
                yield from self._states(program, self._ids(program), f"{indent}  ")
                continue
            branch = _quoted(f"branch {number}")
            yield f"{indent}  subgraph {self._new_id()}[{branch}]"
            yield from self._states(program, self._ids(program), f"{indent}    ")
            yield f"{indent}  end"
        yield f"{indent}end"

    def _label(self, state: State, raw: dict[str, Json]) -> Iterator[str]:
        yield state.name
        if isinstance(state, TaskState):
            yield resource_text(state)
        elif isinstance(state, WaitState):
            yield cut(wait_text(raw), _LABEL_CHARS)
        yield from self._retries(state)

    def _retries(self, state: State) -> list[str]:
        if self._details:
            return [f"retry {line}" for line in retry_lines(state)]
        return [text] if (text := retry_text(state)) else []

    def _draw_edge(self, edge: Edge, ids: Mapping[str, str]) -> None:
        source, target = ids[edge.source], ids[edge.target]
        if not edge.caught:
            self._edge(source, target, cut(edge.label, _LABEL_CHARS))
            return
        self._error_edges.append(len(self._edges))
        shown = edge.errors if self._details else edge.errors[:_CAUGHT_SHOWN]
        self._edges.append(f"{source} -. {_quoted(', '.join(shown))} .-> {target}")

    def _edge(self, source: str, target: str, label: str = "") -> None:
        arrow = f"-- {_quoted(label)} -->" if label else "-->"
        self._edges.append(f"{source} {arrow} {target}")

    def _draw_started(self, source: str, arn: str | None) -> None:
        """The state machine that a task starts, each once."""
        if arn is None or arn not in self._machines:
            return
        if arn not in self._drawn:
            self._drawn[arn] = self._new_id()
            self._pending.append((self._drawn[arn], *self._machines[arn]))
        self._edges.append(f'{source} == "starts" ==> {self._drawn[arn]}')


def _quoted(*lines: str) -> str:
    return '"' + "<br/>".join(line.translate(_ESCAPES) for line in lines) + '"'
