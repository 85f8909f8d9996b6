"""Where the edges of a picture run: in the gutters between columns and the channels between rows.

Strategy: no box stands in a gutter or a channel, so no edge goes through a box. An edge leaves a
box at its foot (a caught error: at its right side) and arrives at the top of another. Edges of one
kind to one target share their rail and their last stretch. Tracks are given out before anything
has a coordinate: rows and channels, columns and gutters are numbered 0, 1, 2, ... for that, the
channel above row r being 2r, the row itself 2r + 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from sfnlocal.reports.outline import Edge
from sfnlocal.reports.picture.placement import Cell, Placement

Key: TypeAlias = tuple[object, ...]

LABEL_LINE_PX = 13

_RAIL_PX = 10
_GUTTER_PX = 15
_TRACK_PX, _LABEL_DROP_PX = 9, 4
_CHANNEL_TOP_PX, _CHANNEL_BOTTOM_PX, _CHANNEL_MIN_PX = 8, 17, 30
_LABEL_GAP_PX = 6
# Tracks of a channel from the top: what leaves, what leaves and arrives, what arrives.
_LEAVES, _PASSES, _ARRIVES, _LABEL_ONLY = range(4)


class Point(NamedTuple):
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Box:
    """`ports` are where caught errors leave: the distance from the top, by target. `foot` is
    what stands below it, before any edge may turn."""

    width: float
    height: float
    ports: Mapping[str, float] = field(default_factory=dict)
    foot: float = 0


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> float:
        return self.x + self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Route:
    """`label_at` is where the last line of the edge's label begins, or ends where
    `label_before`."""

    edge: Edge
    points: tuple[Point, ...]
    label_at: Point
    label_before: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    boxes: dict[str, Rect]
    routes: list[Route]
    width: float
    height: float


class _Tracks:
    """Parallel lines of one gutter or channel, for what overlaps there."""

    def __init__(self) -> None:
        self._wanted: dict[Key, tuple[int, float, float, int]] = {}
        self.indexes: dict[Key, int] = {}
        # Of each track's labels.
        self.lines: list[int] = []

    def want(self, key: Key, start: float, end: float, rank: int = 0, *, lines: int = 0) -> None:
        start, end = min(start, end), max(start, end)
        if key in self._wanted:
            _, other_start, other_end, other_lines = self._wanted[key]
            start, end = min(start, other_start), max(end, other_end)
            lines = max(lines, other_lines)
        self._wanted[key] = rank, start, end, lines

    def give_out(self, *, shortest_first: bool = False) -> None:
        """Ranks in their order, each with tracks of its own."""
        for rank in sorted({wanted[0] for wanted in self._wanted.values()}):
            members = [(key, wanted) for key, wanted in self._wanted.items() if wanted[0] == rank]
            if shortest_first:
                members.sort(key=lambda member: member[1][2] - member[1][1])
            first = len(self.lines)
            taken: list[list[tuple[float, float]]] = []
            for key, (_, start, end, lines) in members:
                free = (
                    index
                    for index, track in enumerate(taken)
                    if all(end < other[0] or other[1] < start for other in track)
                )
                index = next(free, len(taken))
                if index == len(taken):
                    taken.append([])
                    self.lines.append(0)
                taken[index].append((start, end))
                self.indexes[key] = first + index
                self.lines[first + index] = max(self.lines[first + index], lines)


class Router:
    """`labels` are the widths of the edges' labels and their lines; `top` is what is kept free
    above the first row."""

    def __init__(
        self,
        placement: Placement,
        edges: Iterable[Edge],
        boxes: Mapping[str, Box],
        labels: Mapping[Edge, tuple[float, int]],
        *,
        top: float = 0,
    ) -> None:
        self._cells = placement.cells
        self._edges = list(edges)
        self._boxes = boxes
        self._labels = labels
        self._occupied = set(placement.cells.values())
        self._channels = [_Tracks() for _ in range(placement.rows + 1)]
        self._gutters = [_Tracks() for _ in range(placement.columns + 1)]
        self._overhang: defaultdict[tuple[int, str], float] = defaultdict(float)
        self._widths = [0.0] * placement.columns
        self._heights = [0.0] * placement.rows
        self._feet = [0.0] * placement.rows
        for name, box in boxes.items():
            cell = self._cells[name]
            self._widths[cell.column] = max(self._widths[cell.column], box.width)
            self._heights[cell.row] = max(self._heights[cell.row], box.height)
            self._feet[cell.row] = max(self._feet[cell.row], box.foot)
        self._top = top
        self._passing = self._pass_one_channel()

    def plan(self) -> Plan:
        for edge in self._edges:
            self._want_tracks(edge)
        for channel in self._channels:
            channel.give_out()
        for gutter in self._gutters:
            gutter.give_out(shortest_first=True)
        self._measure()
        rects = {name: self._rect(name) for name in self._cells}
        routes = [self._route(edge, rects) for edge in self._edges]
        return Plan(rects, routes, self._width, self._height)

    # Which way an edge goes

    def _ends(self, edge: Edge) -> tuple[Cell, Cell]:
        return self._cells[edge.source], self._cells[edge.target]

    def _is_straight(self, edge: Edge) -> bool:
        source, target = self._ends(edge)
        between = (Cell(source.column, row) for row in range(source.row + 1, target.row))
        return (
            not edge.caught
            and source.column == target.column
            and source.row < target.row
            and self._occupied.isdisjoint(between)
        )

    def _needs_rail(self, edge: Edge) -> bool:
        return edge not in self._passing

    def _pass_one_channel(self) -> set[Edge]:
        """The edges to the next row that need no rail. One that leaves a box above another's target
        would have to turn above it; where both do so to each other, the second takes a rail."""
        passing: set[Edge] = set()
        columns: dict[tuple[int, bool], set[int]] = defaultdict(set)
        for edge in self._edges:
            source, target = self._ends(edge)
            if edge.caught or target.row != source.row + 1 or self._is_straight(edge):
                continue
            leaving, arriving = columns[source.row, True], columns[source.row, False]
            if source.column not in arriving and target.column not in leaving:
                passing.add(edge)
                leaving.add(source.column)
                arriving.add(target.column)
        return passing

    def _gutter(self, edge: Edge) -> int:
        """Caught errors leave to the right, so do steps back and over within a column other than
        the first."""
        source, target = self._ends(edge)
        to_the_right = source.column < target.column or (source.column == target.column != 0)
        return source.column + (edge.caught or to_the_right)

    def _want_tracks(self, edge: Edge) -> None:
        source, target = self._ends(edge)
        label, lines = self._labels.get(edge, (0, 0))
        leaving = self._channels[source.row + 1]
        to_the_right = target.column > source.column
        if self._is_straight(edge):
            to_the_right = True
            if label:
                leaving.want((edge,), source.column, source.column, _LABEL_ONLY, lines=lines)
        elif self._needs_rail(edge):
            gutter = self._gutter(edge)
            to_the_right = gutter > source.column
            arriving = (edge.target, edge.caught)
            start = 2 * source.row + (1 if edge.caught else 2)
            self._gutters[gutter].want(arriving, start, 2 * target.row)
            channel = self._channels[target.row]
            channel.want(arriving, 2 * gutter, 2 * target.column + 1, _ARRIVES)
            if not edge.caught:
                # Two that leave one box to different sides may share a track.
                middle = 2 * source.column + 1 + (0.1 if to_the_right else -0.1)
                leaving.want((edge,), middle, 2 * gutter, _LEAVES, lines=lines)
        else:
            middles = 2 * source.column + 1, 2 * target.column + 1
            leaving.want((edge,), *middles, _PASSES, lines=lines)
        if label:
            self._hang_over(source.column, label, to_the_right=to_the_right)

    def _hang_over(self, column: int, label: float, *, to_the_right: bool) -> None:
        """A label that is longer than half its column is wide must not meet the gutter's rails."""
        side = (column + 1, "left") if to_the_right else (column, "right")
        over = label + 3 * _LABEL_GAP_PX - self._widths[column] / 2 - _GUTTER_PX
        self._overhang[side] = max(self._overhang[side], over)

    # Coordinates

    def _measure(self) -> None:
        self._gutter_x: list[float] = []
        self._column_x: list[float] = []
        x = 0.0
        for index, gutter in enumerate(self._gutters):
            self._gutter_x.append(x + _GUTTER_PX + self._overhang[index, "left"])
            rails = _RAIL_PX * max(0, len(gutter.lines) - 1)
            outer = index in (0, len(self._gutters) - 1)
            padding = _GUTTER_PX if outer and not gutter.lines else 2 * _GUTTER_PX
            x += padding + rails + self._overhang[index, "left"] + self._overhang[index, "right"]
            if index < len(self._widths):
                self._column_x.append(x)
                x += self._widths[index]
        self._width = x
        self._channel_y: list[list[float]] = []
        self._row_y: list[float] = []
        y = self._top
        for index, channel in enumerate(self._channels):
            foot = self._feet[index - 1] if index else 0
            tracks, at = [], y + max(foot, _CHANNEL_TOP_PX)
            for lines in channel.lines:
                at += lines * LABEL_LINE_PX + _LABEL_DROP_PX if lines else _TRACK_PX
                tracks.append(at)
            self._channel_y.append(tracks)
            last = index == len(self._heights)
            between = 0 < index < len(self._heights)
            least = max(foot, _CHANNEL_MIN_PX if between else 0)
            y = max(y + least, at + _CHANNEL_BOTTOM_PX if tracks else 0)
            if not last:
                self._row_y.append(y)
                y += self._heights[index]
        self._height = y

    def _rect(self, name: str) -> Rect:
        cell, box = self._cells[name], self._boxes[name]
        x = self._column_x[cell.column] + (self._widths[cell.column] - box.width) / 2
        y = self._row_y[cell.row] + (self._heights[cell.row] - box.height) / 2
        return Rect(x, y, box.width, box.height)

    def _rail_x(self, gutter: int, key: Key) -> float:
        tracks = self._gutters[gutter]
        index = tracks.indexes[key]
        if gutter == 0:  # the shortest next to the boxes
            index = len(tracks.lines) - 1 - index
        return self._gutter_x[gutter] + _RAIL_PX * index

    def _track_y(self, channel: int, key: Key) -> float:
        return self._channel_y[channel][self._channels[channel].indexes[key]]

    def _route(self, edge: Edge, rects: Mapping[str, Rect]) -> Route:
        source, target = self._ends(edge)
        start, end = rects[edge.source], rects[edge.target]
        foot, head = Point(start.center, start.bottom), Point(end.center, end.y)
        if self._is_straight(edge):
            y = self._track_y(source.row + 1, (edge,)) if edge in self._labels else foot.y
            return Route(edge, (foot, head), Point(foot.x + _LABEL_GAP_PX, y - _LABEL_DROP_PX))
        if not self._needs_rail(edge):
            y = self._track_y(source.row + 1, (edge,))
            return _labelled(edge, (foot, Point(foot.x, y), Point(head.x, y), head))
        gutter, arriving = self._gutter(edge), (edge.target, edge.caught)
        rail_x, arrival_y = (
            self._rail_x(gutter, arriving),
            self._track_y(target.row, arriving),
        )
        end_points = (Point(rail_x, arrival_y), Point(head.x, arrival_y), head)
        if edge.caught:
            y = start.y + self._boxes[edge.source].ports[edge.target]
            side = Point(start.right, y)
            return Route(edge, (side, Point(rail_x, y), *end_points), side)
        y = self._track_y(source.row + 1, (edge,))
        return _labelled(edge, (foot, Point(foot.x, y), Point(rail_x, y), *end_points))


def _labelled(edge: Edge, points: tuple[Point, ...]) -> Route:
    """The label stands on the first level stretch, next to where it begins."""
    _, corner, onward, *_ = points
    before = onward.x < corner.x
    gap = -_LABEL_GAP_PX if before else _LABEL_GAP_PX
    return Route(edge, points, Point(corner.x + gap, corner.y - _LABEL_DROP_PX), before)
