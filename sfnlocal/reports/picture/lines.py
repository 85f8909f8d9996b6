"""The edges of a picture as lines: each stretch that several share is drawn once.

Dashes that are drawn over each other would close their gaps, so of edges to one target the longest
is drawn whole, and the others up to where they meet what is there already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import hypot

from sfnlocal.reports.outline import Edge
from sfnlocal.reports.picture.routing import LABEL_LINE_PX, Point, Route
from sfnlocal.reports.picture.text import label, number
from sfnlocal.reports.picture.trace import Trace

_HEAD_PX, _HEAD_HALF_PX = 7, 4
_CORNER_PX = 6


def drawn_edges(
    routes: Iterable[Route], labels: Mapping[Edge, list[str]], trace: Trace | None
) -> Iterator[str]:
    """What was visited comes last, over the others; labels over all of it."""
    groups: dict[tuple[bool, bool, str], list[Route]] = {}
    for route in routes:
        edge = route.edge
        visited = trace is not None and (edge.source, edge.target, edge.caught) in trace.steps
        groups.setdefault((visited, edge.caught, edge.target), []).append(route)
    for visited, caught, target in sorted(groups, key=lambda key: key[0]):
        kinds = " caught" * caught + " visited" * visited
        unvisited = trace is not None and not visited
        if unvisited:
            yield '<g class="unvisited">'
        yield from _merged(groups[visited, caught, target], kinds)
        if unvisited:
            yield "</g>"
    for (visited, _, _), members in groups.items():
        kind = "small halo" + " unvisited" * (trace is not None and not visited)
        for route in members:
            if route.edge in labels:
                yield from _label(route, labels[route.edge], kind)


def _merged(routes: list[Route], kinds: str) -> Iterator[str]:
    drawn: list[tuple[Point, Point]] = []
    for route in sorted(routes, key=lambda route: -_length(route.points)):
        points = _up_to(route.points, drawn)
        title = " or ".join(route.edge.errors) or route.edge.label
        whole = len(points) == len(route.points)
        yield _line(points, f"edge{kinds}", title, shortened=_HEAD_PX - 1 if whole else 0)
        if whole:
            yield arrow(points[-1].x, points[-1].y, f"head{kinds}")
        drawn += pairwise(points)


def _length(points: Sequence[Point]) -> float:
    return sum(hypot(b.x - a.x, b.y - a.y) for a, b in pairwise(points))


def _up_to(points: Sequence[Point], drawn: list[tuple[Point, Point]]) -> Sequence[Point]:
    for index, point in enumerate(points[1:-1], 1):
        if any(_between(point, start, end) for start, end in drawn):
            return points[: index + 1]
    return points


def _between(point: Point, start: Point, end: Point) -> bool:
    """On a level or upright stretch."""
    return min(start.x, end.x) <= point.x <= max(start.x, end.x) and (
        min(start.y, end.y) <= point.y <= max(start.y, end.y)
    )


def _line(points: Sequence[Point], kind: str, title: str, *, shortened: float) -> str:
    """With round corners; `shortened` at its end, where the arrow's head is."""
    path = [f"M{_at(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        begin, end = _towards(corner, before), _towards(corner, after)
        path.append(f"L{_at(begin)}Q{_at(corner)} {_at(end)}")
    last = points[-1]
    path.append(f"L{number(last.x)} {number(last.y - shortened)}")
    inner = f"<title>{_escaped(title)}</title>" if title else ""
    return f'<path class="{kind}" d="{"".join(path)}">{inner}</path>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _at(point: Point) -> str:
    return f"{number(point.x)} {number(point.y)}"


def _towards(corner: Point, other: Point) -> Point:
    length = hypot(other.x - corner.x, other.y - corner.y)
    part = min(_CORNER_PX, length / 2) / length if length else 0
    return Point(corner.x + (other.x - corner.x) * part, corner.y + (other.y - corner.y) * part)


def arrow(x: float, y: float, kind: str, *, level: bool = False) -> str:
    """A head whose point is there, from above or (`level`) from the left."""
    back, half = _HEAD_PX, _HEAD_HALF_PX
    sides = f"l{-back} {-half}v{2 * half}z" if level else f"l{-half} {-back}h{2 * half}z"
    return f'<path class="{kind}" d="M{number(x)} {number(y)}{sides}"/>'


def _label(route: Route, lines: list[str], kind: str) -> Iterator[str]:
    anchor = "end" if route.label_before else "start"
    title = route.edge.label if " ".join(lines) != route.edge.label else ""
    x, y = route.label_at
    for above, text in enumerate(reversed(lines)):
        at_y = y - LABEL_LINE_PX * above
        yield label(text, x, at_y, anchor=anchor, kind=kind, title=title)
