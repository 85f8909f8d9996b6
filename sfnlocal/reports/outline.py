"""What pictures of a state machine show: edges, which states belong together, and short texts.

The story is what happens without errors. A state outside of it is reached by errors only: one
from which a good end can still be reached recovers, one that can only end in Fail is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sfnlocal.language.program import ChoiceState, Program, State, TaskState
from sfnlocal.ports import Json
from sfnlocal.reports.conditions import condition_text, query_text
from sfnlocal.reports.wording import duration


@dataclass(frozen=True, slots=True)
class Edge:
    """`label` is a condition, or empty. `errors` are what Catchers name; empty where no error
    leads along it."""

    source: str
    target: str
    label: str = ""
    errors: tuple[str, ...] = ()

    @property
    def caught(self) -> bool:
        return bool(self.errors)


def raw_states(program: Program) -> dict[str, dict[str, Json]]:
    """The states as they are written."""
    states: dict[str, dict[str, Json]] = program.definition["States"]
    return states


def edges_of(program: Program) -> list[Edge]:
    """One for each target of a Choice state's rules, and one for each target of its Catchers."""
    edges = []
    raw = raw_states(program)
    for name, state in program.states.items():
        if isinstance(state, ChoiceState):
            rules: dict[str, list[str]] = {}
            for rule, rule_raw in zip(state.choices, raw[name]["Choices"], strict=True):
                rules.setdefault(rule.next, []).append(condition_text(rule_raw))
            if state.default is not None:
                rules.setdefault(state.default, []).append("default")
            edges += [Edge(name, target, " or ".join(texts)) for target, texts in rules.items()]
        elif state.next is not None:
            edges.append(Edge(name, state.next))
        caught: dict[str, list[str]] = {}
        for catcher in state.catch:
            caught.setdefault(catcher.next, []).extend(catcher.error_equals)
        edges += [Edge(name, target, "", tuple(errors)) for target, errors in caught.items()]
    return edges


def ends(state: State) -> bool:
    """Whether the state machine or the branch ends with this state, other than by its type."""
    return state.next is None and state.type not in ("Choice", "Succeed", "Fail")


def story(program: Program, edges: Iterable[Edge]) -> set[str]:
    """The states that are reached without an error."""
    targets = _targets(edges)
    reached: set[str] = set()
    pending = [program.start_at]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += targets.get(name, ())
    return reached


def lost(program: Program, edges: Iterable[Edge]) -> set[str]:
    """The states from which only Fail can be reached, if no further error occurs."""
    targets = _targets(edges)
    hopeful = {
        name for name, state in program.states.items() if ends(state) or state.type == "Succeed"
    }
    found = -1
    while found != len(hopeful):
        found = len(hopeful)
        hopeful |= {name for name, nexts in targets.items() if not hopeful.isdisjoint(nexts)}
    return program.states.keys() - hopeful


def _targets(edges: Iterable[Edge]) -> dict[str, list[str]]:
    """Where states lead to when no error occurs."""
    targets: dict[str, list[str]] = {}
    for edge in edges:
        if not edge.caught:
            targets.setdefault(edge.source, []).append(edge.target)
    return targets


def resource_text(state: TaskState) -> str:
    """`service:action`."""
    resource = state.resource
    return f"{resource.service}:{resource.action}" if resource.action else resource.service


def wait_text(raw: dict[str, Json]) -> str:
    """Of Seconds, SecondsPath, Timestamp or TimestampPath; the first two may be expressions."""
    if isinstance(raw.get("Seconds"), int):
        return duration(raw["Seconds"] * 1000)
    by_seconds = "Seconds" in raw or "SecondsPath" in raw
    name = "Seconds" if by_seconds else "Timestamp"
    text = query_text(raw[name]) if name in raw else raw[f"{name}Path"]
    return f"{text} seconds" if by_seconds else f"until {text}"


def retry_text(state: State) -> str:
    """How many classes of errors are retried; empty where none is."""
    count = len(retry_lines(state))
    return f"retry: {count} class{'es' if count > 1 else ''}" if count else ""


def retry_lines(state: State) -> list[str]:
    """One for each class of errors that is retried."""
    return [
        f"{retrier.max_attempts}x {', '.join(retrier.error_equals)}"
        for retrier in state.retry
        if retrier.max_attempts
    ]


def started_arn(state: State, raw: dict[str, Json]) -> str | None:
    """Of the state machine that the state starts, where it is a constant."""
    if not isinstance(state, TaskState) or state.resource.service != "states":
        return None
    arguments = raw.get("Arguments", raw.get("Parameters", {}))
    arn = arguments.get("StateMachineArn") if isinstance(arguments, dict) else None
    return arn if isinstance(arn, str) else None
