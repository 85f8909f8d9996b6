"""One state as a shape: how large it is, and what is drawn.

Cards (Task, Pass, Wait) have lines of text on the left; each Catcher's errors stand at the right
side, where its edge leaves. A Catcher of every error has no text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from html import escape

from sfnlocal.language.program import State, TaskState
from sfnlocal.ports import Json
from sfnlocal.reports.outline import Edge, resource_text, retry_lines, retry_text, wait_text
from sfnlocal.reports.picture.routing import Box, Rect
from sfnlocal.reports.picture.text import NAME_PX, SMALL_PX, fitted, label, number, text_width

_PADDING_PX, _NAME_LINE_PX, _LINE_PX = 9, 17, 14
_SIDE_PX, _ICON_PX, _GAP_PX = 11, 15, 18
_TEXT_PX_MAX, _SHARED_LINE_PX_MAX, _ERROR_PX_MAX = 215, 190, 150
_CHOICE_HEIGHT_PX, _PILL_HEIGHT_PX = 66, 34
_ANY_ERROR = ("States.ALL", "States.TaskFailed")


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    kind: str = "small"
    title: str = ""
    icon: str = ""

    @property
    def width(self) -> float:
        px, bold = (NAME_PX, True) if self.kind == "name" else (SMALL_PX, False)
        return text_width(self.text, px, bold=bold) + (_ICON_PX if self.icon else 0)


@dataclass(frozen=True, slots=True)
class Shape:
    """`catches` are the texts at the right side: line, text, title."""

    box: Box
    lines: tuple[Line, ...]
    catches: tuple[tuple[int, str, str], ...] = ()
    outline: Callable[[Rect], str] = field(default=lambda rect: rectangle(rect, 6))
    centered: bool = False

    def widened(self, width: float) -> Shape:
        return replace(self, box=replace(self.box, width=max(width, self.box.width)))

    def drawn(self, rect: Rect) -> Iterable[str]:
        yield self.outline(rect)
        if self.centered:
            yield from self._centered_text(rect)
            return
        for number_of_line, line in enumerate(self.lines):
            x, y = rect.x + _SIDE_PX, rect.y + line_y(number_of_line)
            if line.icon:
                yield icon(line.icon, x + 5, y - 4)
                x += _ICON_PX
            yield label(line.text, x, y, kind=line.kind, title=line.title)
        for number_of_line, text, title in self.catches:
            y = rect.y + line_y(number_of_line)
            x = rect.right - _SIDE_PX + 4
            yield label(text, x, y, anchor="end", kind="small error-name", title=title)

    def _centered_text(self, rect: Rect) -> Iterable[str]:
        [line] = self.lines
        x, y = rect.center, rect.y + rect.height / 2 + 4.5
        if line.icon:
            yield icon(line.icon, rect.x + 17, y - 4.5)
            x += _ICON_PX / 2
        yield label(line.text, x, y, anchor="middle", kind=line.kind, title=line.title)


def shape_of(
    state: State, raw: dict[str, Json], caught: Iterable[Edge], started: str | None, foot: float
) -> Shape:
    """`started` is the name of the state machine that it starts, `foot` what is kept free below."""
    if state.type == "Choice":
        return _diamond(state, foot)
    if state.type in ("Succeed", "Fail"):
        return _pill(state, foot)
    lines = [_name(state)]
    if state.type == "Wait":
        lines.append(_cut(wait_text(raw), icon="clock"))
    if isinstance(state, TaskState):
        lines.append(_cut(resource_text(state)))
    if started is not None:
        lines.append(_cut(f"starts {started}", icon="start"))
    shape = _card([*lines, *retry_badge(state)], caught, foot)
    if state.type == "Wait":
        return replace(shape, outline=lambda rect: rectangle(rect, 18))
    if started is not None:
        return replace(shape, outline=_stacked)
    return shape


def retry_badge(state: State) -> list[Line]:
    text = retry_text(state)
    return [Line(text, title="retried: " + "; ".join(retry_lines(state)), icon="loop")] * bool(text)


def error_text(errors: tuple[str, ...]) -> str:
    """Short: the first name, without its service and `Exception`; empty for every error."""
    if any(name in _ANY_ERROR for name in errors):
        return ""
    first, *more = errors
    if not first.startswith("States."):
        first = first.rpartition(".")[2].removesuffix("Exception")
    return fitted(first, _ERROR_PX_MAX) + (f" +{len(more)}" if more else "")


def line_y(number_of_line: int) -> float:
    """The base line, from the shape's top."""
    return _PADDING_PX + 12 + (number_of_line and _NAME_LINE_PX + _LINE_PX * (number_of_line - 1))


def _name(state: State) -> Line:
    return _cut(state.name, kind="name", comment=state.comment or "")


def _cut(text: str, *, kind: str = "small", comment: str = "", icon: str = "") -> Line:
    px, bold = (NAME_PX, True) if kind == "name" else (SMALL_PX, False)
    shown = fitted(text, _TEXT_PX_MAX, px, bold=bold)
    title = f"{text}: {comment}" if comment else text if shown != text else ""
    return Line(shown, kind, title, icon)


def _card(lines: list[Line], caught: Iterable[Edge], foot: float) -> Shape:
    ports: dict[str, float] = {}
    catches: list[tuple[int, str, str]] = []
    width = max(line.width for line in lines)
    # The last line has room at its right where it is short, as that of a badge is.
    at = len(lines) - 1 if len(lines) > 2 else len(lines)
    for edge in caught:
        text = error_text(edge.errors)
        if not text:
            ports[edge.target] = line_y(0) - 4
            continue
        needed = text_width(text) + _GAP_PX + (lines[at].width if at < len(lines) else 0)
        if at < len(lines) and needed > max(width, _SHARED_LINE_PX_MAX):
            at, needed = at + 1, text_width(text)
        width = max(width, needed)
        catches.append((at, text, "caught: " + ", ".join(edge.errors)))
        ports[edge.target] = line_y(at) - 4
        at += 1
    height = line_y(max(len(lines), at) - 1) + _PADDING_PX
    return Shape(Box(width + 2 * _SIDE_PX, height, ports, foot), tuple(lines), tuple(catches))


def _diamond(state: State, foot: float) -> Shape:
    line = _name(state)
    # Where the text stands, the diamond is narrower than in its middle.
    width = line.width / (1 - 18 / _CHOICE_HEIGHT_PX) + 6
    box = Box(width, _CHOICE_HEIGHT_PX, foot=foot)
    return Shape(box, (line,), outline=_rhombus, centered=True)


def _pill(state: State, foot: float) -> Shape:
    name = _name(state)
    line = replace(name, icon="tick" if state.type == "Succeed" else "cross")
    box = Box(line.width + 34, _PILL_HEIGHT_PX, foot=foot)
    return Shape(box, (line,), outline=lambda rect: rectangle(rect, rect.height / 2), centered=True)


def rectangle(rect: Rect, radius: float, kind: str = "box") -> str:
    x, y, width, height, r = map(number, (rect.x, rect.y, rect.width, rect.height, radius))
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{r}"/>'


def _stacked(rect: Rect) -> str:
    """Something stands behind it: a state machine."""
    behind = replace(rect, x=rect.x + 4, y=rect.y + 4)
    return rectangle(behind, 6) + rectangle(rect, 6)


def _rhombus(rect: Rect) -> str:
    middle = rect.y + rect.height / 2
    corners = ((rect.center, rect.y), (rect.right, middle), (rect.center, rect.bottom))
    points = " ".join(f"{number(x)},{number(y)}" for x, y in (*corners, (rect.x, middle)))
    return f'<polygon class="box" points="{points}"/>'


# Around their middle, about ten units wide.
_ICONS = {
    "clock": "M0 -5a5 5 0 1 0 .01 0M0 -3V0L2 1.5",
    "loop": "M4.2 -2.2A4.8 4.8 0 1 0 4.8 .8M4.6 -5V-2H1.6",
    "start": "M-4 4V-1A2 2 0 0 1 -2 -3H4M1.5 -5.5L4 -3L1.5 -.5",
    "tick": "M-4 0L-1 3.5L5 -4",
    "cross": "M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5",
}


def icon(name: str, x: float, y: float) -> str:
    place = f"translate({number(x)} {number(y)})"
    return f'<path class="icon" transform="{place}" d="{escape(_ICONS[name])}"/>'
