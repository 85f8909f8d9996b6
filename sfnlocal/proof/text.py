"""A proof as text: what was run, what fails where, and each violation with its command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sfnlocal.proof import faults
from sfnlocal.proof.cost_text import dollars
from sfnlocal.proof.coverage import Coverage
from sfnlocal.proof.coverage_hints import hints
from sfnlocal.proof.results import PlanResult, ProofResult, Violation
from sfnlocal.reports.wording import duration

# The columns of the matrix, by a fault's first word.
COLUMNS: dict[str, str] = {
    "refused": "refused",
    "lost": "lost",
    faults.LONG_CAUSE: "refused",
    faults.TIME_OUT: "silent",
    faults.LATE_ANSWER: "silent",
    faults.LATE_WORK: "silent",
    faults.HEARTBEAT_MISSED: "silent",
    faults.NEVER_ANSWERED: "silent",
    faults.CRASH_BEFORE: "crash",
    faults.CRASH_AFTER: "crash",
    faults.TWICE: "twice",
    faults.IN_PART: "in part",
    faults.CANCELED: "refused",
    faults.TOO_LARGE: "too large",
    faults.ABORTED: "ended",
    faults.ABORTED_AFTER: "ended",
    faults.ABORTED_UNHEARD: "ended",
    faults.MACHINE_TIME_OUT: "ended",
    faults.MACHINE_TIME_OUT_AFTER: "ended",
}
_PATHS_SHOWN = 1
_VIOLATIONS_SHOWN = 20
_NOT_COVERED_SHOWN = 12


def column(result: PlanResult) -> str:
    """Of the matrix."""
    return COLUMNS[result.plan.fault.partition(":")[0]]


def render_proof(result: ProofResult) -> str:
    lines = [*_head(result), ""]
    if result.results:
        lines += [*_matrix(result), ""]
    lines += _violations(result)
    lines += _measured(result)
    lines.append(_verdict(result))
    return "\n".join(lines)


def _head(result: ProofResult) -> Iterator[str]:
    yield f"proof of {result.proof}, seed {result.seed}"
    for scenario in result.scenarios:
        about = f": {scenario.about}" if scenario.about else ""
        yield f"  {scenario.name} {scenario.status}, {len(scenario.sites)} sites{about}"


def _matrix(result: ProofResult) -> Iterator[str]:
    """Sites down, kinds of faults across: runs, and after a `!` those that broke something."""
    columns = list(dict.fromkeys(COLUMNS.values()))
    runs: Counter[tuple[str, str]] = Counter()
    broken: Counter[tuple[str, str]] = Counter()
    rows: dict[str, None] = {}
    for one in result.results:
        site = one.plan.site
        row = f"{site.owner}/{site.name}"
        rows[row] = None
        runs[row, column(one)] += 1
        broken[row, column(one)] += bool(one.violations)
    width = max(map(len, rows))
    yield f"{'site':<{width}}  " + "  ".join(f"{name:>9}" for name in columns)
    for row in rows:
        cells = (_cell(runs[row, name], broken[row, name]) for name in columns)
        yield f"{row:<{width}}  " + "  ".join(f"{cell:>9}" for cell in cells)


def _cell(runs: int, broken: int) -> str:
    if not runs:
        return "."
    return f"{runs} !{broken}" if broken else str(runs)


def _violations(result: ProofResult) -> Iterator[str]:
    """Those that come from the same cause look alike: each kind is shown once with its path."""
    shown: Counter[str] = Counter()
    violations = result.violations
    for violation in violations[:_VIOLATIONS_SHOWN]:
        shown[violation.invariant] += 1
        yield from _violation(violation, with_path=shown[violation.invariant] <= _PATHS_SHOWN)
        yield ""
    if len(violations) > _VIOLATIONS_SHOWN:
        yield f"... and {len(violations) - _VIOLATIONS_SHOWN} more violations (--format json)"
        yield ""


def _violation(violation: Violation, *, with_path: bool) -> Iterator[str]:
    yield f"! {violation.invariant}: {violation.message}"
    if with_path and violation.path:
        yield from (f"  | {line}" for line in violation.path.splitlines())
    yield f"  $ {violation.command}"


def _measured(result: ProofResult) -> Iterator[str]:
    """What all runs covered, and what the scenarios cost without a fault."""
    machines = result.more.get("coverage", {}).get("machines", ())
    if machines:
        covered = ", ".join(f"{one['name']} {one['percent']:.1f} %" for one in machines)
        yield f"covered: {covered}"
        yield from _not_covered(result)
    amounts = {
        name: dollars(cost["amount"])
        for name, cost in result.more.get("cost", {}).items()
        if "amount" in cost
    }
    if amounts:
        told = ", ".join(f"{name} {amount}" for name, amount in amounts.items())
        yield f"cost without a fault: {told}"
    permissions = result.more.get("iam")
    if permissions is not None:
        calls = sum(one["count"] for one in permissions["records"]["records"])
        # What this proof has not used, another one may.
        kinds = Counter(
            one["kind"]
            for one in permissions["findings"]
            if one["kind"] in ("missing", "not-evaluable")
        )
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        roles = len(permissions["roles"])
        yield f"permissions: {calls} calls, {roles} roles" + (f": {told}" if told else "")


def _not_covered(result: ProofResult) -> Iterator[str]:
    """Where all plans were run: what no fault and no scenario reaches."""
    if len(result.results) < result.more.get("planned", 0):
        return
    for machine in Coverage.from_json(result.more["coverage"]):
        told = hints(machine)
        for point in machine.missing[:_NOT_COVERED_SHOWN]:
            yield f"  not {machine.name}/{point.state}: {told[point].what}"
        more = len(machine.missing) - _NOT_COVERED_SHOWN
        if more > 0:
            yield f"  and {more} more of {machine.name} (--format json)"


def _verdict(result: ProofResult) -> str:
    broken = sum(bool(one.violations) for one in result.scenarios)
    broken += sum(bool(one.violations) for one in result.results)
    runs = len(result.results)
    stands_for = runs + sum(len(one.plan.like) for one in result.results)
    seconds = result.wall_ms / 1000
    word = "proven" if result.proven else f"NOT proven: {broken} runs break what must hold"
    return (
        f"{word}: {runs_text(result)} faults (they stand for {stands_for}), "
        f"{result.executions} executions in {seconds:.1f} s"
    )


def runs_text(result: ProofResult) -> str:
    """`832`, or `40 of 832` where not all were run."""
    runs, planned = len(result.results), result.more.get("planned", 0)
    return f"{runs:,} of {planned:,}" if planned > runs else f"{runs:,}"


def render_plan(result: PlanResult) -> str:
    """One plan that was asked for: what came of it, with its path."""
    brought_back = f", brought back by {result.replayed}" if result.replayed else ""
    ended = f"{result.status}{f' with {result.error}' if result.error else ''}{brought_back}"
    lines = [str(result.plan), f"{ended}, after {duration(result.virtual_ms)}", "", result.path]
    lines += [f"a handler hung:\n{stack}" for stack in result.stacks]
    return "\n".join(lines)
