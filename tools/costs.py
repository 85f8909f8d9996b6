"""What an execution of each workflow costs beside the naive design, written into docs/costs.md:
`python -m tools.costs` (part of `make docs`).

The naive design is made from ours by a fixed rule. Every direct integration is a Lambda function of
128 MB that takes 100 ms to make the same call. Every Express workflow is a Standard one. Where ours
waits to be told (a task token, `.sync`) or asks again (a Wait state in a loop), the naive one asks
each minute: a Wait, a Task with its function, a Choice.

What is run is every scenario of every proof that ends well, without a fault. A row is the mean of
the state machine's executions; those that it starts have rows of their own.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from sfnlocal.driver.redrive import is_express
from sfnlocal.interpreter import Execution
from sfnlocal.language.parse import compile_definition
from sfnlocal.language.program import Program
from sfnlocal.proof.cost import CostMeter
from sfnlocal.proof.cost_bill import bill_of
from sfnlocal.proof.cost_prices import Prices, read_prices
from sfnlocal.proof.cost_usage import Item
from sfnlocal.proof.coverage_points import all_states, programs_of
from sfnlocal.proof.files import find_proofs
from sfnlocal.proof.scenarios import Proof, Scenario
from sfnlocal.reports.outline import edges_of
from sfnlocal.reports.path import path_taken
from sfnlocal.reports.transitions import state_transitions
from sfnlocal.reports.visits import Visit, all_visits
from sfnlocal.template import App, load_app, short_ids
from sfnlocal.testing import LocalApp, load

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "costs.md"
PROOFS = ROOT / "tests" / "proofs"
_TABLE = re.compile(r"(<!-- costs -->\n).*?(<!-- /costs -->)", re.DOTALL)

MILLION = 1_000_000
FUNCTION_GB_SECONDS = 128 / 1024 * 0.1
_EXPRESS: tuple[Item, ...] = ("expressRequests", "expressGbSeconds")
POLL_MS = 60_000
POLL_TRANSITIONS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """Of one execution, in state transitions and dollars. `integrations`, `standard` and `polling`
    are what each part of the rule adds to `ours`."""

    name: str
    express: bool
    transitions: float
    naive_transitions: float
    ours: float
    integrations: float
    standard: float
    polling: float

    @property
    def naive(self) -> float:
        return self.ours + self.integrations + self.standard + self.polling


_NUMBERS = tuple(one.name for one in fields(Row) if one.type == "float")


def measure(app: App) -> list[Row]:
    """One row for each state machine that a proof runs; its own proof is the first to be asked."""
    prices = read_prices(app.region)
    rows: dict[str, Row] = {}
    others: dict[str, Row] = {}
    for found in find_proofs(PROOFS):
        for row in rows_of(app, found.proof, prices):
            own = row.name == found.proof.state_machine
            (rows if own else others).setdefault(row.name, row)
    return sorted((others | rows).values(), key=lambda row: row.name)


def rows_of(app: App, proof: Proof, prices: Prices) -> list[Row]:
    """Of all state machines that the proof's scenarios run."""
    ids = short_ids(machine.resource for machine in app.state_machines)
    rows: dict[str, list[Row]] = {}
    for scenario in proof.scenarios:
        if scenario.expect != "SUCCEEDED":
            continue
        with load(app) as running:
            meter = CostMeter(running.session)
            _run(running, proof.state_machine, scenario)
            for execution in running.session.executions.values():
                machine = running.session.started_from[execution.arn]
                program = compile_definition(machine.definition, type=machine.type)
                row = _row(ids[machine.resource.where], execution, program, meter, prices)
                rows.setdefault(row.name, []).append(row)
    return [_mean(name, each) for name, each in rows.items()]


def _run(running: LocalApp, state_machine: str, scenario: Scenario) -> None:
    if scenario.prepare is not None:
        scenario.prepare(running)
    if scenario.start is not None:
        scenario.start(running)
    else:
        given = scenario.input(running) if callable(scenario.input) else scenario.input
        running.run(state_machine, given, scenario.execution_name)
    running.run_until_idle()


def _row(
    name: str, execution: Execution, program: Program, meter: CostMeter, prices: Prices
) -> Row:
    usage: Counter[Item] = Counter()
    for cause, used in meter.usage.items():
        if cause.execution_arn == execution.arn:
            usage.update(used)
    transitions = state_transitions(execution)
    express = is_express(execution)
    visits = list(all_visits(path_taken(execution)))
    integrations = sum(len(one.attempts) for one in visits if _is_integration(one))
    polls = _polls(program, visits)
    of_express: dict[Item, float] = {item: usage[item] for item in _EXPRESS}
    return Row(
        name=name,
        express=express,
        transitions=0 if express else transitions,
        naive_transitions=transitions + polls * POLL_TRANSITIONS,
        ours=bill_of(usage, prices).amount,
        integrations=_functions(integrations, prices),
        standard=_transitions(transitions, prices) - bill_of(of_express, prices).amount
        if express
        else 0,
        polling=_transitions(polls * POLL_TRANSITIONS, prices) + _functions(polls, prices),
    )


def _is_integration(visit: Visit) -> bool:
    return visit.type == "Task" and not visit.resource.startswith("lambda:")


def _polls(program: Program, visits: Iterable[Visit]) -> int:
    """How much more often than ours the naive design asks; less than 0 where ours asks more."""
    waits = _waits_in_loops(program)
    # By state, how long the execution waited there, and how often it asked.
    waited_ms: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for visit in visits:
        if visit.state in waits:
            waited_ms[visit.state] += (visit.left_ms or visit.entered_ms) - visit.entered_ms
            asked[visit.state] += 1
        elif visit.resource.endswith((".waitForTaskToken", ".sync", ".sync:2")):
            for attempt in visit.attempts:
                waited_ms[visit.state] += (attempt.ended_ms or 0) - attempt.started_ms
    return sum(math.ceil(ms / POLL_MS) - asked[state] for state, ms in waited_ms.items())


def _waits_in_loops(program: Program) -> set[str]:
    """The Wait states that a later state leads back to, also inside of Map and Parallel states."""
    found = set()
    for part in [program, *(one for state, _ in all_states(program) for one in programs_of(state))]:
        targets: dict[str, set[str]] = {}
        for edge in edges_of(part):
            targets.setdefault(edge.source, set()).add(edge.target)
        for name, state in part.states.items():
            if state.type == "Wait" and name in _reached(targets, name):
                found.add(name)
    return found


def _reached(targets: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    pending = list(targets.get(start, ()))
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += targets.get(name, ())
    return reached


def _functions(count: int, prices: Prices) -> float:
    used: dict[Item, float] = {
        "lambdaRequests": count,
        "lambdaX86GbSeconds": count * FUNCTION_GB_SECONDS,
    }
    return bill_of(used, prices).amount


def _transitions(count: int, prices: Prices) -> float:
    return bill_of({"stateTransitions": count}, prices).amount


def _mean(name: str, rows: list[Row]) -> Row:
    values = {number: sum(getattr(row, number) for row in rows) / len(rows) for number in _NUMBERS}
    return Row(name=name, express=rows[0].express, **values)


def cheaper(rows: Iterable[Row]) -> float:
    """The share of the naive design's dollars that ours does not cost, in the sum of the rows."""
    rows = list(rows)
    return 1 - sum(row.ours for row in rows) / sum(row.naive for row in rows)


def table(rows: list[Row], region: str) -> str:
    prices = read_prices(region)
    head = (
        "| workflow | kind | transitions | naive | USD a million | naive | "
        "for functions | for Standard | for polling | cheaper |\n"
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    )
    sums = Row("**sum**", False, *(sum(getattr(row, name) for row in rows) for name in _NUMBERS))
    return (
        head
        + "".join(line(row) for row in [*rows, sums])
        + f"\nPrices of {prices.region} as of {prices.as_of}.\n"
    )


def line(row: Row) -> str:
    cells = [
        row.name,
        "" if row.name.startswith("*") else "Express" if row.express else "Standard",
        f"{row.transitions:,.1f}".removesuffix(".0"),
        f"{row.naive_transitions:,.1f}".removesuffix(".0"),
        *(f"{one * MILLION:,.0f}" for one in (row.ours, row.naive)),
        *(f"{one * MILLION:,.0f}" for one in (row.integrations, row.standard, row.polling)),
        f"{cheaper([row]):.0%}",
    ]
    return f"| {' | '.join(cells)} |\n"


def written(text: str, rows: list[Row], region: str) -> str:
    """The page's text with the table as it is now."""
    return _TABLE.sub(lambda found: f"{found[1]}{table(rows, region)}{found[2]}", text)


def main() -> None:
    app = load_app(ROOT / "cdk.out")
    PAGE.write_text(written(PAGE.read_text("utf-8"), measure(app), app.region), "utf-8")


if __name__ == "__main__":
    main()
