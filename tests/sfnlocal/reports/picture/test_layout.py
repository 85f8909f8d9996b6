"""Where boxes, edges and labels are put: nothing covers anything, whatever the state machine."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sfnlocal.language import compile_definition
from sfnlocal.reports.outline import edges_of
from sfnlocal.reports.picture.placement import Placement, place
from sfnlocal.reports.picture.routing import Box, Plan, Rect, Router

LAMBDA = "arn:aws:states:::lambda:invoke"


def task(next_state: str | None, *catches: tuple[str, str]) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": LAMBDA,
        "Parameters": {"FunctionName": "f"},
        **({"Next": next_state} if next_state else {"End": True}),
        "Catch": [{"ErrorEquals": [error], "Next": target} for error, target in catches],
    }


def choice(default: str, *targets: str) -> dict[str, Any]:
    rules = [{"Variable": "$.a", "NumericEquals": 1, "Next": target} for target in targets]
    return {"Type": "Choice", "Choices": rules, "Default": default}


ORDER = {
    "Check": choice("Pay", "Done", "Refused"),
    "Pay": task("Ship", ("Declined", "GiveBack"), ("States.ALL", "Letter")),
    "Ship": task("Done", ("Exists", "Look"), ("States.ALL", "Letter")),
    "Done": {"Type": "Succeed"},
    "GiveBack": task("Refused", ("States.ALL", "Letter")),
    "Refused": {"Type": "Succeed"},
    "Look": task("Ready"),
    "Ready": choice("Letter", "Ship", "Pause"),
    "Pause": {"Type": "Wait", "Seconds": 60, "Next": "Look"},
    "Letter": task("Failed", ("States.ALL", "Failed")),
    "Failed": {"Type": "Fail"},
}


def placed(states: dict[str, Any], first: str) -> tuple[Placement, Plan]:
    program = compile_definition({"StartAt": first, "States": states})
    edges = edges_of(program)
    placement = place(program, edges)
    boxes = {}
    for number, name in enumerate(states):
        caught = [edge.target for edge in edges if edge.source == name and edge.caught]
        ports = {target: 10.0 + 13 * index for index, target in enumerate(caught)}
        boxes[name] = Box(100 + 40 * (number % 3), 60 + 20 * len(ports), ports)
    labels = {edge: (120.0, 2) for edge in edges if edge.label}
    return placement, Router(placement, edges, boxes, labels, top=60).plan()


def columns_of(placement: Placement) -> dict[int, list[str]]:
    columns: dict[int, list[str]] = {}
    for name, cell in sorted(placement.cells.items(), key=lambda item: item[1].row):
        columns.setdefault(cell.column, []).append(name)
    return columns


def test_the_story_is_told_in_the_first_column_and_failure_in_the_last() -> None:
    placement, _ = placed(ORDER, "Check")
    assert columns_of(placement) == {
        0: ["Check", "Pay", "Ship", "Done"],
        1: ["GiveBack", "Refused", "Ready", "Pause"],
        2: ["Look"],
        3: ["Letter", "Failed"],
    }
    assert placement.group_column == 3
    assert placement.group == {"Letter", "Failed"}
    assert placement.after_error == {"GiveBack", "Look", "Ready", "Pause", "Letter", "Failed"}


def test_a_machine_that_can_only_fail_has_no_group_of_failures() -> None:
    placement, _ = placed({"A": task("B"), "B": {"Type": "Fail"}}, "A")
    assert columns_of(placement) == {0: ["A", "B"]}
    assert not placement.group


def test_a_loop_of_the_story_stays_in_its_column() -> None:
    states = {
        "Ask": task("Ready"),
        "Ready": choice("Pause", "Done"),
        "Pause": {"Type": "Wait", "Seconds": 5, "Next": "Ask"},
        "Done": {"Type": "Succeed"},
    }
    placement, _ = placed(states, "Ask")
    assert columns_of(placement)[0][:2] == ["Ask", "Ready"]


def test_edges_to_one_target_share_their_last_stretch() -> None:
    _, plan = placed(ORDER, "Check")
    to_letter = [route for route in plan.routes if route.edge.target == "Letter"]
    caught = [route.points[-2:] for route in to_letter if route.edge.caught]
    assert len(caught) == 3
    assert len(set(caught)) == 1


@st.composite
def machines(draw: st.DrawFn) -> dict[str, Any]:
    """Chains with random choices, loops and Catchers."""
    names = [f"S{number}" for number in range(draw(st.integers(2, 9)))]
    states: dict[str, Any] = {}
    for name, following in pairwise(names):
        kind = draw(st.sampled_from(["task", "choice", "pass"]))
        targets = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
        if kind == "choice" and targets:
            states[name] = choice(following, *targets)
        elif kind == "task":
            errors = [(f"E{number}", target) for number, target in enumerate(targets)]
            states[name] = task(following, *errors)
        else:
            states[name] = {"Type": "Pass", "Next": following}
    states[names[-1]] = {"Type": draw(st.sampled_from(["Succeed", "Fail"]))}
    return states


@settings(deadline=None)
@given(machines())
def test_boxes_stand_apart_and_no_edge_goes_through_one(states: dict[str, Any]) -> None:
    _, plan = placed(states, "S0")
    for one, other in combinations(plan.boxes.values(), 2):
        assert not overlap(one, other)
    for route in plan.routes:
        for start, end in pairwise(route.points):
            assert start.x == end.x or start.y == end.y
            for name, box in plan.boxes.items():
                assert not through(box, start.x, start.y, end.x, end.y), (route.edge, name)


@settings(deadline=None)
@given(machines())
def test_edges_lie_on_each_other_only_where_they_leave_or_arrive_together(
    states: dict[str, Any],
) -> None:
    _, plan = placed(states, "S0")
    for one, other in combinations(plan.routes, 2):
        if one.edge.source == other.edge.source or one.edge.target == other.edge.target:
            continue
        for a, b in pairwise(one.points):
            for c, d in pairwise(other.points):
                upright = a.x == b.x == c.x == d.x and apart(a.y, b.y, c.y, d.y)
                level = a.y == b.y == c.y == d.y and apart(a.x, b.x, c.x, d.x)
                lines = {a.x, b.x, c.x, d.x}, {a.y, b.y, c.y, d.y}
                assert min(map(len, lines)) > 1 or upright or level, (one.edge, other.edge)


@settings(deadline=None)
@given(machines())
def test_no_label_stands_on_a_box_or_on_another_label(states: dict[str, Any]) -> None:
    _, plan = placed(states, "S0")
    labels = []
    for route in plan.routes:
        if route.edge.label:
            x, y = route.label_at
            labels.append(Rect(x - 120 if route.label_before else x, y - 24, 120, 24))
    for label in labels:
        assert not any(overlap(label, box) for box in plan.boxes.values())
    for one, other in combinations(labels, 2):
        assert not overlap(one, other)


def apart(a: float, b: float, c: float, d: float) -> bool:
    return max(a, b) <= min(c, d) or max(c, d) <= min(a, b)


def overlap(one: Rect, other: Rect) -> bool:
    return (
        one.x < other.right
        and other.x < one.right
        and one.y < other.bottom
        and other.y < one.bottom
    )


def through(box: Rect, x1: float, y1: float, x2: float, y2: float) -> bool:
    """Whether a stretch has a point inside the box; its border is not."""
    return (
        min(x1, x2) < box.right
        and max(x1, x2) > box.x
        and min(y1, y2) < box.bottom
        and max(y1, y2) > box.y
    )
