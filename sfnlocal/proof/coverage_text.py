"""Coverage as text: a row for each state machine, then what is missing and how to cover it."""

from __future__ import annotations

from collections.abc import Iterator

from sfnlocal.proof.cost_text import table
from sfnlocal.proof.coverage import Coverage, MachineCoverage, Summary
from sfnlocal.proof.coverage_hints import hints
from sfnlocal.proof.coverage_points import GROUPS

# Of each state machine, unless all are asked for.
_MISSING_MAX = 10


def render_coverage(coverage: Coverage, *, all_missing: bool = False) -> str:
    machines = sorted(coverage, key=lambda machine: machine.name)
    if not machines:
        return "no state machine was there to be covered"
    rows = [("", "runs", *GROUPS, "covered")]
    rows += [
        (machine.name, f"{machine.executions:,}", *_cells(machine.summary)) for machine in machines
    ]
    if len(machines) > 1:
        runs = sum(machine.executions for machine in machines)
        rows.append(("total", f"{runs:,}", *_cells(coverage.summary)))
    parts = [table(rows)]
    parts += [
        "\n".join(_missing(machine, all_missing=all_missing))
        for machine in machines
        if machine.missing and machine.executions
    ]
    never = [machine.name for machine in machines if not machine.executions]
    if never:
        parts.append(f"never started: {', '.join(never)}")
    return "\n\n".join(parts)


def _cells(summary: Summary) -> tuple[str, ...]:
    counts = [f"{covered}/{total}" if total else "-" for covered, total in summary.groups.values()]
    return (*counts, f"{summary.percent:.1f} %")


def _missing(machine: MachineCoverage, *, all_missing: bool) -> Iterator[str]:
    """What nothing else has to come before, first: a state that was not entered has all its other
    points missing too."""
    told = hints(machine)
    missing = [
        point
        for point in machine.missing
        if point.kind == "state" or machine.counts[point._replace(kind="state", position=0)]
    ]
    shown = missing if all_missing else missing[:_MISSING_MAX]
    yield f"{machine.name}: missing"
    state = ""
    for point in shown:
        if point.state != state:
            state = point.state
            yield f"  {state}"
        what, how = told[point]
        yield f"    {what}: {how}"
    if len(missing) > len(shown):
        yield f"  and {len(missing) - len(shown)} more"
