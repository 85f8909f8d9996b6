"""Runs the scenarios and prints each: the path taken, the output, what is left behind and what it
would cost on AWS."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from examples.calls import CallsScenario, read_calls
from examples.scenario import (
    Scenario,
    business_state,
    fault_free_state,
    read_scenarios,
    replay_letters,
)
from sfnlocal.errors import InputError, SfnLocalError
from sfnlocal.proof.cost import CostMeter
from sfnlocal.proof.cost_prices import read_prices
from sfnlocal.proof.cost_text import bill_line
from sfnlocal.reports.contents import contents, render_contents
from sfnlocal.reports.text import render_execution
from sfnlocal.reports.wording import wants_colour
from sfnlocal.template import App, load_app
from sfnlocal.testing import LocalApp, Run, load


def main(names: list[str], assembly: Path = Path("cdk.out")) -> int:
    """Run the scenarios of these names, or all. Exit code 2: there is none of that name, or no
    assembly; 1: a replay did not end where it should."""
    scenarios: list[Scenario | CallsScenario] = [*read_scenarios(), *read_calls()]
    unknown = set(names) - {scenario.name for scenario in scenarios}
    if unknown:
        known = ", ".join(scenario.name for scenario in scenarios)
        print(f"no scenario {', '.join(sorted(unknown))}; there are {known}", file=sys.stderr)
        return 2
    try:
        app = load_app(assembly)
        chosen = [scenario for scenario in scenarios if not names or scenario.name in names]
        same = [_show(app, scenario, f"{i}/{len(chosen)}") for i, scenario in enumerate(chosen, 1)]
    except SfnLocalError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0 if all(same) else 1


def _show(app: App, scenario: Scenario | CallsScenario, count: str) -> bool:
    """Run one scenario. False: its replay did not end where a run without faults ends."""
    print(f"━━ {count}  {scenario.title}\n{scenario.about}\n", flush=True)
    began = time.perf_counter()
    if isinstance(scenario, CallsScenario):
        same = _show_calls(app, scenario)
    else:
        same = _show_order(app, scenario)
    print(f"   {time.perf_counter() - began:.1f} s of wall time\n", flush=True)
    return same


def _show_calls(app: App, scenario: CallsScenario) -> bool:
    with load(app) as running:
        meter = CostMeter(running.session)
        scenario.run(running)
        print(running.timeline(), end="\n\n")
        print(_executions(running, running.executions()), end="\n\n")
        print(render_contents(contents(running.session)), end="\n\n")
        print(f"cost: {_cost(meter, app.region)}\n")
    return True


def _show_order(app: App, scenario: Scenario) -> bool:
    with load(app) as running:
        meter = CostMeter(running.session)
        run = scenario.run(running)
        print(_executions(running, [run]), end="\n\n")
        if scenario.replay:
            print(f"$ python -m scripts.replay_dead_letters ...\n{replay_letters(running)}")
            print(_executions(running, running.executions("Order")[1:]), end="\n\n")
        print(render_contents(contents(running.session)), end="\n\n")
        print(f"cost: {_cost(meter, app.region)}\n")
        state = business_state(running)
    same = True
    if scenario.replay:
        same = state == fault_free_state(app, scenario)
        verdict = "exactly what" if same else "NOT what"
        charges = len(state["Payments"])
        print(f"charged {charges} time(s); the tables hold {verdict} a run without faults leaves\n")
    return same


def _cost(meter: CostMeter, region: str) -> str:
    """Of the run and what it set going, a replay too."""
    try:
        return bill_line(meter.bill(read_prices(region)))
    except InputError as error:
        return error.message


def _executions(app: LocalApp, runs: list[Run]) -> str:
    executions = app.session.executions
    colour = wants_colour(sys.stdout)
    return "\n\n".join(
        render_execution(run.execution, executions=executions, colour=colour) for run in runs
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
