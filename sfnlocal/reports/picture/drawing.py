"""Puts a picture together: places the states of a program, routes its edges, writes the SVG.

Map and Parallel states are boxes with the pictures of their programs inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import TypeAlias

from sfnlocal.language.program import MapState, ParallelState, Program, State
from sfnlocal.reports.outline import Edge, edges_of, ends, raw_states, started_arn
from sfnlocal.reports.picture.lines import arrow, drawn_edges
from sfnlocal.reports.picture.placement import Placement, place
from sfnlocal.reports.picture.routing import Plan, Point, Rect, Router
from sfnlocal.reports.picture.shapes import Line, Shape, rectangle, retry_badge, shape_of
from sfnlocal.reports.picture.style import style_sheet
from sfnlocal.reports.picture.text import label, number, text_width, wrapped
from sfnlocal.reports.picture.trace import Trace

# Name by ARN of the state machines that may be started.
Names: TypeAlias = Mapping[str, str]

_MARGIN_PX, _HEADING_PX, _LEGEND_PX = 12, 66, 30
_FOOT_PX = 22
_HEAD_PX, _INSIDE_PX = 30, 12
_CONDITION_PX_MAX = 126
_FRAME_PX = 9
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description" \
width="{0}" height="{1}" viewBox="0 0 {0} {1}">"""
_OUTCOMES = {
    "succeeded": "succeeded",
    "caught": "caught-here",
    "failed": "failed",
    "aborted": "failed",
    "waiting": "waiting",
}


def draw(
    program: Program, name: str, machines: Names | None = None, trace: Trace | None = None
) -> str:
    """The picture of a state machine as an SVG document; with a trace, of one execution of it."""
    painter = _Painter(machines or {}, trace)
    picture = painter.picture(program, top=_HEADING_PX)
    notes = painter.legend()
    width = max(picture.width + 2 * _MARGIN_PX, painter.legend_width + 2 * _MARGIN_PX)
    height = picture.height + _MARGIN_PX + (_LEGEND_PX if notes else 0)
    heading = f"{name}: {trace.status}" if trace is not None else name
    size = number(round(width)), number(round(height))
    parts = [
        _SVG.format(*size),
        f'<title id="title">State machine {escape(heading)}</title>',
        f'<desc id="description">{escape(_description(program, trace))}</desc>',
        f"<style>\n{style_sheet()}\n</style>",
        '<rect class="page" width="100%" height="100%" rx="8"/>',
        label(heading, _MARGIN_PX + 4, 28, kind="heading"),
        f'<g transform="translate({_MARGIN_PX} 0)">',
        *picture.parts,
        "</g>",
        f'<g transform="translate({_MARGIN_PX + 4} {number(height - 14)})">',
        *notes,
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _description(program: Program, trace: Trace | None) -> str:
    placement = place(program, edges_of(program))
    cells = sorted(placement.cells.items(), key=lambda item: item[1].row)
    told = ", ".join(name for name, cell in cells if cell.column == 0)
    text = f"{len(placement.cells)} states. The main way: {told}."
    if placement.group:
        behind = (name for name, _ in cells if name in placement.group)
        text += f" These end in failure: {', '.join(behind)}."
    if trace is not None and trace.about:
        text += f" {trace.about}"
    elif trace is not None:
        text += f" The execution is {trace.status}; it visited {', '.join(trace.outcomes)}."
    return text


@dataclass(frozen=True, slots=True)
class _Picture:
    width: float
    height: float
    parts: list[str]


class _Painter:
    def __init__(self, machines: Names, trace: Trace | None) -> None:
        self._machines = machines
        self._trace = trace
        self._seen: set[str] = set()
        self.legend_width = 0.0

    def picture(self, program: Program, *, top: float = 0) -> _Picture:
        """Of one program, without what is around it; `top` is 0 inside of a box."""
        edges = edges_of(program)
        placement = place(program, edges)
        raw = raw_states(program)
        inner: dict[str, list[_Picture]] = {}
        shapes: dict[str, Shape] = {}
        for name, state in program.states.items():
            caught = [edge for edge in edges if edge.source == name and edge.caught]
            foot = _FOOT_PX if ends(state) and top else 0
            arn = started_arn(state, raw[name])
            started = None if arn is None else self._machines.get(arn)
            shape = shape_of(state, raw[name], caught, started, foot)
            programs = _programs(state)
            if programs:
                inner[name] = [self.picture(one) for one in programs]
                shape = _container(state, shape, inner[name])
            shapes[name] = shape
        shapes = _as_wide_as_their_columns(shapes, placement, inner)
        labels = {edge: wrapped(edge.label, _CONDITION_PX_MAX) for edge in edges if edge.label}
        plan = Router(
            placement,
            edges,
            {name: shape.box for name, shape in shapes.items()},
            {edge: (max(map(text_width, lines)), len(lines)) for edge, lines in labels.items()},
            top=top,
        ).plan()
        parts = [*self._frame(placement, plan)]
        parts += drawn_edges(plan.routes, labels, self._trace)
        if top:
            start = plan.boxes[program.start_at]
            parts += self._start(start, top)
        for name, state in program.states.items():
            parts += self._state(state, shapes[name], plan.boxes[name], placement)
            if name in inner:
                parts += _inside(plan.boxes[name], inner[name])
            if ends(state) and top:
                parts += self._end(plan.boxes[name])
        self._note(placement, edges)
        return _Picture(plan.width, plan.height, parts)

    def _state(self, state: State, shape: Shape, rect: Rect, placement: Placement) -> Iterator[str]:
        kinds = [state.type.lower()]
        if state.name in placement.group:
            kinds.append("lost")
        elif state.name in placement.after_error and state.type not in ("Succeed", "Fail"):
            kinds.append("after-error")
        if self._trace is not None:
            outcome = self._trace.outcomes.get(state.name)
            kinds.append(_OUTCOMES.get(outcome, outcome) if outcome else "unvisited")
        yield f'<g class="{" ".join(kinds)}">'
        if self._trace is not None and state.name in self._trace.titles:
            yield f"<title>{escape(self._trace.titles[state.name])}</title>"
        yield from shape.drawn(rect)
        attempts = self._trace.attempts.get(state.name, 0) if self._trace is not None else 0
        if attempts > 1:
            x, y, title = rect.right - 7, rect.y + 20, f"{attempts} attempts"
            yield label(f"{attempts}x", x, y, anchor="end", kind="attempts", title=title)
        yield "</g>"

    def _start(self, first: Rect, top: float) -> Iterator[str]:
        visited = " visited" if self._trace is not None else ""
        x, y = number(first.center), number(top - 22)
        yield f'<circle class="dot" cx="{x}" cy="{y}" r="6"><title>start</title></circle>'
        yield f'<path class="edge{visited}" d="M{x} {y}V{number(first.y - 6)}"/>'
        yield arrow(first.center, first.y, f"head{visited}")

    def _end(self, last: Rect) -> Iterator[str]:
        x = number(last.center)
        yield f'<path class="edge" d="M{x} {number(last.bottom)}v9"/>'
        y = number(last.bottom + 14)
        yield f'<circle class="edge" cx="{x}" cy="{y}" r="6"><title>end</title></circle>'
        yield f'<circle class="dot" cx="{x}" cy="{y}" r="3.5"/>'

    def _frame(self, placement: Placement, plan: Plan) -> Iterator[str]:
        """Around the states that are lost."""
        if len(placement.group) < 2:
            return
        rects = [plan.boxes[name] for name in placement.group]
        reach = [Point(rect.right, rect.bottom) for rect in rects]
        for route in plan.routes:
            if route.edge.source in placement.group:
                reach += route.points
        left = min(rect.x for rect in rects) - _FRAME_PX
        right = max(point.x for point in reach) + _FRAME_PX
        top = min(rect.y for rect in rects) - _FRAME_PX
        bottom = max(point.y for point in reach) + _FRAME_PX
        yield rectangle(Rect(left, top, right - left, bottom - top), 10, "group")

    # The legend

    def _note(self, placement: Placement, edges: list[Edge]) -> None:
        if any(edge.caught for edge in edges):
            self._seen.add("caught")
        if len(placement.group) > 1:
            self._seen.add("lost")
        if placement.after_error - placement.group:
            self._seen.add("after-error")

    def legend(self) -> list[str]:
        """What needs to be said about this picture's colours, in a row."""
        parts, x = [], 0.0
        for kind, text in _LEGEND.items():
            if kind not in self._seen:
                continue
            if kind == "caught":
                parts.append(f'<path class="edge caught" d="M{number(x)} -4h22"/>')
                parts.append(arrow(x + 28, -4, "head caught", level=True))
            else:
                swatch = rectangle(Rect(x, -11, 24, 14), 4)
                parts.append(f'<g class="{kind}">{swatch}</g>')
            parts.append(label(text, x + 33, 0, kind="legend"))
            x += 33 + text_width(text) + 20
        self.legend_width = x
        return parts


_LEGEND = {
    "caught": "a caught error (any error, where none is named)",
    "after-error": "only after an error",
    "lost": "from here it can only end in Fail",
}


def _programs(state: State) -> list[Program]:
    if isinstance(state, MapState):
        return [state.processor]
    return list(state.branches) if isinstance(state, ParallelState) else []


def _container(state: State, header: Shape, inner: list[_Picture]) -> Shape:
    """A box around the pictures inside, which stand side by side below its name."""
    badge = retry_badge(state)
    name = replace(header.lines[0], text=f"{header.lines[0].text} ({state.type})")
    lines: tuple[Line, ...] = (name, *badge)
    top = _HEAD_PX + 14 * len(badge)
    width = sum(one.width for one in inner) + _INSIDE_PX * (len(inner) - 1)
    height = max(one.height for one in inner)
    box = replace(
        header.box,
        width=max(width, name.width + 24, header.box.width),
        height=max(top + height + _INSIDE_PX, header.box.height),
    )
    return replace(header, box=box, lines=lines)


def _as_wide_as_their_columns(
    shapes: dict[str, Shape], placement: Placement, inner: Mapping[str, object]
) -> dict[str, Shape]:
    """Cards that stand above each other have one width."""
    widths = [0.0] * placement.columns
    for name, shape in shapes.items():
        if name not in inner:
            column = placement.cells[name].column
            widths[column] = max(widths[column], shape.box.width)
    return {
        name: shape if shape.centered else shape.widened(widths[placement.cells[name].column])
        for name, shape in shapes.items()
    }


def _inside(around: Rect, inner: list[_Picture]) -> Iterator[str]:
    total = sum(one.width for one in inner) + _INSIDE_PX * (len(inner) - 1)
    height = max(one.height for one in inner)
    x, y = around.center - total / 2, around.bottom - _INSIDE_PX - height
    for one in inner:
        yield f'<g transform="translate({number(x)} {number(y)})">'
        yield from one.parts
        yield "</g>"
        x += one.width + _INSIDE_PX
