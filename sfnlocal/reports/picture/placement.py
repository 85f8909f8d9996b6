"""Where the states of a picture stand: columns and rows.

Strategy: the longest way through the story is told in the first column, top down. States beside
it stand in the next columns, each under what leads to it. The states that are lost (a dead-letter
branch) have columns of their own behind all others, told the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sfnlocal.language.program import Program
from sfnlocal.reports.outline import Edge, lost, story


@dataclass(frozen=True, slots=True)
class Cell:
    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Placement:
    """`after_error` are the states that only errors lead to; `group` are the lost ones, which have
    the columns from `group_column` on to themselves."""

    cells: dict[str, Cell]
    after_error: frozenset[str]
    group: frozenset[str]
    group_column: int

    @property
    def columns(self) -> int:
        return 1 + max(cell.column for cell in self.cells.values())

    @property
    def rows(self) -> int:
        return 1 + max(cell.row for cell in self.cells.values())


def place(program: Program, edges: list[Edge]) -> Placement:
    order, forward = _forward(program, edges)
    told = story(program, edges)
    group = lost(program, edges)
    if program.start_at in group:
        group = set()  # all of it can only fail
    main = [name for name in order if name not in group]
    good = program.states.keys() - group
    spine = _longest(program.start_at, [name for name in main if name in told], forward, good)
    rows = {name: row for row, name in enumerate(spine)}
    cells = {name: Cell(0, row) for name, row in rows.items()}
    _place_beside(main, forward, cells, 1)
    group_column = 1 + max(cell.column for cell in cells.values())
    behind = [name for name in order if name in group]
    if behind:
        chain = max((_longest(name, behind, forward, group) for name in behind), key=len)
        offsets = {name: row for row, name in enumerate(chain)}
        first = min(
            (
                cells[edge.source].row + 1 - offsets[edge.target]
                for edge in forward
                if edge.source in cells and edge.target in offsets
            ),
            default=0,
        )
        cells |= {name: Cell(group_column, max(first, 0) + row) for name, row in offsets.items()}
        _place_beside(behind, forward, cells, group_column + 1)
    return Placement(cells, frozenset(program.states.keys() - told), frozenset(group), group_column)


def _forward(program: Program, edges: list[Edge]) -> tuple[list[str], list[Edge]]:
    """The states so that each stands after those that lead to it, and the edges that go this way;
    the others close loops."""
    outgoing: dict[str, list[Edge]] = {name: [] for name in program.states}
    for edge in edges:
        outgoing[edge.source].append(edge)
    for edges_out in outgoing.values():
        # Those that are gone last come first in the order.
        edges_out.reverse()
        edges_out.sort(key=lambda edge: edge.caught)
    finished: list[str] = []
    entered: set[str] = set()
    for first in (program.start_at, *program.states):
        path = [] if first in entered else [(first, iter(outgoing[first]))]
        entered.add(first)
        while path:
            name, leaving = path[-1]
            target = next((edge.target for edge in leaving if edge.target not in entered), None)
            if target is None:
                finished.append(name)
                path.pop()
            else:
                entered.add(target)
                path.append((target, iter(outgoing[target])))
    order = finished[::-1]
    positions = {name: position for position, name in enumerate(order)}
    return order, [edge for edge in edges if positions[edge.source] < positions[edge.target]]


def _longest(
    first: str, names: Iterable[str], forward: list[Edge], wanted: Collection[str]
) -> list[str]:
    """The way from `first` along edges without errors that has the most of the wanted states;
    `names` are in the order of `_forward`."""
    best: dict[str, tuple[int, str | None]] = {}
    for name in reversed(list(names)):
        onward = [
            (best[edge.target][0], edge.target)
            for edge in forward
            if edge.source == name and not edge.caught and edge.target in best
        ]
        count, target = max(onward, key=lambda one: one[0], default=(0, None))
        best[name] = count + (name in wanted), target
    way: list[str] = []
    at: str | None = first
    while at is not None:
        way.append(at)
        at = best[at][1]
    return way


def _place_beside(
    names: Iterable[str], forward: list[Edge], cells: dict[str, Cell], first_column: int
) -> None:
    """Each state that has no place yet, as far left as is free: under all that leads to it, or
    where that is only errors of the story, under the first of them."""
    taken = set(cells.values())
    for name in names:
        if name in cells:
            continue
        leading = [edge for edge in forward if edge.target == name and edge.source in cells]
        above = [cells[edge.source].row for edge in leading]
        near = [
            row
            for edge, row in zip(leading, above, strict=True)
            if not edge.caught or cells[edge.source].column >= first_column
        ]
        row = 1 + (max(near) if near else min(above, default=-1))
        column = first_column
        while Cell(column, row) in taken:
            column += 1
        cells[name] = Cell(column, row)
        taken.add(cells[name])
