"""Coverage as one HTML page that needs nothing else: each state machine's picture, coloured, and
tables of what was covered how often.

Green is covered, yellow partly, red not at all; resting on a state shows what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from sfnlocal.language.program import ChoiceState, Program
from sfnlocal.proof.coverage import Coverage, MachineCoverage, Summary
from sfnlocal.proof.coverage_hints import Hint, hints
from sfnlocal.proof.coverage_points import GROUPS, Point, programs_of
from sfnlocal.reports.picture import Trace, draw

_STYLE = """\
:root{color-scheme:light dark}
body{font:14px/1.5 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;
margin:2rem auto;max-width:76rem;padding:0 1rem;background:#fff;color:#1f2328}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{text-align:left;padding:.3rem .7rem;border-bottom:1px solid #d1d9e0;vertical-align:top}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{display:inline-block;width:8rem;height:.6rem;border-radius:.3rem;background:#ffd8d3}
.bar i{display:block;height:100%;border-radius:.3rem;background:#1a7f37}
.yes{color:#1a7f37}.no{color:#cf222e;font-weight:600}
.picture{overflow:auto;border:1px solid #d1d9e0;border-radius:8px;padding:.5rem}
summary{cursor:pointer;font-weight:600}
svg .covered .box{fill:#dafbe1;stroke:#1a7f37;stroke-width:2}
svg .partly .box{fill:#fff3b8;stroke:#9a6700;stroke-width:2}
svg .missing .box{fill:#ffd8d3;stroke:#cf222e;stroke-width:2}
svg .unvisited{opacity:1}
svg .unvisited .edge{stroke:#cf222e}
svg .unvisited .head{fill:#cf222e}
svg .visited.edge,svg .visited.caught.edge{stroke:#1a7f37;stroke-width:2}
svg .visited.head,svg .visited.caught.head{fill:#1a7f37}
@media (prefers-color-scheme:dark){
body{background:#0d1117;color:#f0f6fc}th,td,.picture{border-color:#3d444d}
.bar{background:#67060c}.bar i{background:#3fb950}.yes{color:#3fb950}.no{color:#ff8f87}
svg .covered .box{fill:#12311b;stroke:#3fb950}
svg .partly .box{fill:#453803;stroke:#d29922}
svg .missing .box{fill:#67060c;stroke:#f85149}
svg .unvisited .edge{stroke:#f85149}
svg .unvisited .head{fill:#f85149}
svg .visited.edge,svg .visited.caught.edge{stroke:#3fb950}
svg .visited.head,svg .visited.caught.head{fill:#3fb950}
}"""


def coverage_page(coverage: Coverage) -> str:
    machines = sorted(coverage, key=lambda machine: machine.name)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>Coverage: {coverage.summary.percent:.1f} %</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>Coverage of state machines: {coverage.summary.percent:.1f} %</h1>",
        *_overview(machines),
    ]
    for number, machine in enumerate(machines, 1):
        parts += _machine(machine, number)
    parts.append("</body></html>")
    return "\n".join(parts) + "\n"


def _overview(machines: list[MachineCoverage]) -> Iterator[str]:
    heads = "".join(f'<th class="number">{name}</th>' for name in ("runs", *GROUPS))
    yield f"<table><tr><th>state machine</th>{heads}<th>covered</th></tr>"
    for machine in machines:
        summary = machine.summary
        cells = "".join(f'<td class="number">{cell}</td>' for cell in _cells(summary))
        yield (
            f'<tr><td><a href="#{escape(machine.name)}">{escape(machine.name)}</a></td>'
            f'<td class="number">{machine.executions:,}</td>{cells}'
            f'<td><span class="bar"><i style="width:{summary.percent:.1f}%"></i></span> '
            f"{summary.percent:.1f} %</td></tr>"
        )
    yield "</table>"


def _cells(summary: Summary) -> Iterator[str]:
    for covered, total in summary.groups.values():
        yield f"{covered}/{total}" if total else "-"


def _machine(machine: MachineCoverage, number: int) -> Iterator[str]:
    told = hints(machine)
    name = escape(machine.name)
    picture = coverage_picture(machine, told)
    for label in ("title", "description"):
        # A page has each id once.
        picture = picture.replace(f'id="{label}"', f'id="{label}-{number}"')
    picture = picture.replace(
        'aria-labelledby="title description"',
        f'aria-labelledby="title-{number} description-{number}"',
    )
    yield f'<h2 id="{name}">{name}</h2>'
    yield f'<div class="picture">{picture}</div>'
    is_open = "" if len(machine.counts) > len(machine.missing) * 2 else " open"
    yield f"<details{is_open}><summary>{len(machine.missing)} missing</summary><table>"
    yield '<tr><th>state</th><th>what</th><th class="number">runs</th><th>to cover it</th></tr>'
    for point, count in sorted(machine.counts.items(), key=lambda item: item[1] > 0):
        what, how = told[point]
        kind, how = ("yes", "") if count else ("no", how)
        yield (
            f"<tr><td>{escape(point.state)}</td><td>{escape(what)}</td>"
            f'<td class="number {kind}">{count:,}</td><td>{escape(how)}</td></tr>'
        )
    yield "</table></details>"


def coverage_picture(machine: MachineCoverage, told: dict[Point, Hint] | None = None) -> str:
    """The state machine as SVG. The classes `covered`, `partly` and `missing` of its states get
    their colours from the page around it."""
    told = told or hints(machine)
    summary = machine.summary
    trace = Trace(f"{summary.percent:.1f} % covered")
    for name in machine.states:
        points = {p: count for p, count in machine.counts.items() if p.state == name}
        missing = [point for point, count in points.items() if not count]
        entered = machine.counts[Point(name, "state")]
        trace.outcomes[name] = "missing" if not entered else "partly" if missing else "covered"
        lines = [f"{name}: entered by {entered} run(s)"]
        lines += [f"missing: {told[p].what} ({told[p].how})" for p in missing if p.kind != "state"]
        trace.titles[name] = "\n".join(lines if entered else lines[:1])
    trace.steps = set(_steps(machine, machine.program))
    trace.about = f"{summary.covered} of {summary.total} of what it can do was covered."
    return draw(machine.program, machine.name, None, trace)


def _steps(machine: MachineCoverage, program: Program) -> Iterator[tuple[str, str, bool]]:
    """The edges that were taken."""
    counts = machine.counts
    for name, state in program.states.items():
        if state.next is not None and counts.get(Point(name, "next")):
            yield name, state.next, False
        if isinstance(state, ChoiceState):
            for index, rule in enumerate(state.choices):
                if counts[Point(name, "rule true", index)]:
                    yield name, rule.next, False
            if state.default is not None and counts[Point(name, "default")]:
                yield name, state.default, False
        for index, catcher in enumerate(state.catch):
            if counts[Point(name, "catcher", index)]:
                yield name, catcher.next, True
        for inner in programs_of(state):
            yield from _steps(machine, inner)
