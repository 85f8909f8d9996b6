"""A state machine as a Mermaid flowchart, which GitHub draws.

Shapes say the type: rectangle Task, hexagon Wait, rhombus Choice, round Pass, pill Succeed and
Fail, box Map, Parallel and the state machines that are started. What a Catcher leads to is dashed
and red, as are the states that only errors reach.
https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

from sfnlocal.language.program import (
    ChoiceState,
    MapState,
    ParallelState,
    Program,
    Retrier,
    State,
    TaskState,
    WaitState,
)
from sfnlocal.ports import Json
from sfnlocal.reports.conditions import condition_text, query_text
from sfnlocal.reports.wording import cut, duration

_CONDITION_CHARS = 48
_ERRORS_SHOWN = 2
_SHAPES = {
    "Task": ("[", "]"),
    "Wait": ("{{", "}}"),
    "Choice": ("{", "}"),
    "Pass": ("(", ")"),
    "Succeed": ("([", "])"),
    "Fail": ("([", "])"),
}
_ESCAPES = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;"})


def mermaid(program: Program, name: str, machines: Mapping[str, Program] | None = None) -> str:
    """The picture's source. State machines that Task states start are drawn too where `machines`
    has their Program by ARN or name."""
    return "\n".join(_Chart(machines or {}).lines(program, name))


class _Chart:
    def __init__(self, machines: Mapping[str, Program]) -> None:
        self._machines = machines
        self._drawn: dict[str, str] = {}
        self._pending: list[tuple[str, str, Program]] = []
        self._serial = 0
        self._edges: list[str] = []
        self._error_edges: list[int] = []
        self._error_nodes: list[str] = []

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
        yield "  classDef error fill:#fdecea,stroke:#c0392b,color:#5b1a12"
        if self._error_nodes:
            yield f"  class {','.join(self._error_nodes)} error"
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
        ids = yield from self._states(program, indent)
        self._edge(start, ids[program.start_at])
        ending = [state for state in program.states.values() if _ends(state)]
        if ending:
            yield f'{indent}{end}(("end"))'
        for state in ending:
            self._edge(ids[state.name], end)

    def _states(self, program: Program, indent: str) -> Generator[str, None, dict[str, str]]:
        """The states of one program; gives their ids by name."""
        ids = {name: self._new_id() for name in program.states}
        raw: dict[str, Json] = program.definition["States"]
        regular = _regular(program)
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
            if name not in regular or state.type == "Fail":
                self._error_nodes.append(ids[name])
            self._draw_edges(state, raw[name], ids)
            if isinstance(state, TaskState):
                self._draw_started(ids[name], state, raw[name])
        return ids

    def _box(self, box: str, state: State, programs: list[Program], indent: str) -> Iterator[str]:
        retries = [f"retry {text}" for text in _retries(state)]
        yield f"{indent}subgraph {box}[{_quoted(f'{state.name} ({state.type})', *retries)}]"
        for number, program in enumerate(programs, 1):
            if len(programs) == 1:
                yield from self._states(program, f"{indent}  ")
                continue
            branch = _quoted(f"branch {number}")
            yield f"{indent}  subgraph {self._new_id()}[{branch}]"
            yield from self._states(program, f"{indent}    ")
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
        for catcher in state.catch:
            self._error_edges.append(len(self._edges))
            label = _quoted(_error_names(catcher.error_equals))
            self._edges.append(f"{source} -. {label} .-> {ids[catcher.next]}")

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
            name = arn.rpartition(":")[2]
            self._pending.append((self._drawn[arn], name, self._machines[arn]))
        self._edges.append(f'{source} == "starts" ==> {self._drawn[arn]}')


def _ends(state: State) -> bool:
    return state.next is None and state.type not in ("Choice", "Succeed", "Fail")


def _regular(program: Program) -> set[str]:
    """The states that are reached without an error."""
    reached: set[str] = set()
    pending = [program.start_at]
    while pending:
        name = pending.pop()
        if name in reached:
            continue
        reached.add(name)
        state = program.states[name]
        if isinstance(state, ChoiceState):
            pending += [rule.next for rule in state.choices]
            pending += [state.default] if state.default is not None else []
        elif state.next is not None:
            pending.append(state.next)
    return reached


def _label(state: State, raw: dict[str, Json]) -> Iterator[str]:
    yield state.name
    match state:
        case TaskState():
            resource = state.resource
            yield f"{resource.service}:{resource.action}" if resource.action else resource.service
        case WaitState():
            yield _wait(raw)
    yield from (f"retry {text}" for text in _retries(state))


def _wait(raw: dict[str, Json]) -> str:
    for key, word in (("Seconds", ""), ("SecondsPath", ""), ("Timestamp", "until ")):
        if key in raw:
            value = raw[key]
            if isinstance(value, int):
                return duration(value * 1000)
            return cut(f"{word}{query_text(value)}", _CONDITION_CHARS)
    return f"until {raw['TimestampPath']}"


def _retries(state: State) -> Iterator[str]:
    for retrier in state.retry:
        if retrier.max_attempts:
            yield f"{_error_names(retrier.error_equals)}: {_how_often(retrier)}"


def _how_often(retrier: Retrier) -> str:
    return f"{retrier.max_attempts}x"


def _error_names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_ERRORS_SHOWN])
    more = len(names) - _ERRORS_SHOWN
    return f"{shown} +{more}" if more > 0 else shown


def _quoted(*lines: str) -> str:
    return '"' + "<br/>".join(line.translate(_ESCAPES) for line in lines) + '"'
