"""`sfnlocal cost`: runs a state machine, and shows what the run would cost on AWS."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfnlocal.cli.definitions import named_errors
from sfnlocal.cli.items import put_item, read_items
from sfnlocal.cli.options import Commands, add_format, new_command, open_app, read_json_text

if TYPE_CHECKING:
    from sfnlocal.interpreter import Execution
    from sfnlocal.proof.cost import CostMeter
    from sfnlocal.proof.cost_bill import Bill

_EXAMPLES = """\
  sfnlocal cost Order --input order.json
  sfnlocal cost Order --input order.json --region eu-central-1 --per 250000
  sfnlocal cost Order --input order.json --fault-rate 1%   # and what retries add
  sfnlocal cost Order --input order.json --lambda-ms 350   # handlers run that long
  sfnlocal cost Order --input order.json --prices ours.json --format json

List prices of the first tier, without free tiers, storage, data transfer and idle polling. Virtual
time has handlers run for no time at all: each call counts as --lambda-ms, or as what it slept.
exit code 1: the execution did not succeed, or still waits
"""


def add_command(commands: Commands) -> None:
    parser = new_command(
        commands, "cost", "run a state machine and show what the run costs on AWS", _EXAMPLES
    )
    parser.add_argument("state_machine", metavar="STATE_MACHINE", help="as for `sfnlocal run`")
    parser.add_argument(
        "--input",
        default="{}",
        metavar="FILE_OR_JSON",
        help="the execution's input: a file, JSON, or - for stdin (default: {})",
    )
    parser.add_argument(
        "--items",
        action="append",
        default=[],
        metavar="TABLE=FILE_OR_JSON",
        help="put items into a table first, which is not billed; may be given again",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of names, tokens and jitter (default: 0)"
    )
    parser.add_argument("--region", help="whose prices (default: the app's)")
    parser.add_argument(
        "--prices", metavar="FILE", help="a price file of your own (default: sfnlocal's)"
    )
    parser.add_argument(
        "--per",
        type=_positive,
        default=1_000_000,
        metavar="N",
        help="how many runs the last column is for (default: 1000000)",
    )
    parser.add_argument(
        "--lambda-ms",
        type=_positive,
        metavar="MS",
        help="how long a handler is taken to run at least (default: 100)",
    )
    parser.add_argument(
        "--fault-rate",
        type=_rate,
        metavar="PERCENT",
        help="show what retries add where so many attempts of Task states fail",
    )
    add_format(parser)
    parser.set_defaults(carry_out=carry_out)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a whole number above 0: {text!r}")
    return int(text)


def _rate(text: str) -> float:
    """`1%` or `1`."""
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = -1
    if not 0 <= percent < 100:
        raise argparse.ArgumentTypeError(f"not a percentage from 0 to below 100: {text!r}")
    return percent / 100


def carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.proof.cost_prices import read_prices
    from sfnlocal.template.versions import find_startable

    app = open_app(arguments.app)
    machine = find_startable(app, arguments.state_machine)
    path = None if arguments.prices is None else Path(arguments.prices)
    prices = read_prices(arguments.region or app.region, path)
    input_text = read_json_text(arguments.input, "--input")
    items = [item for text in arguments.items for item in read_items(text)]

    from sfnlocal.proof.cost import LAMBDA_MS, CostMeter
    from sfnlocal.proof.cost_faults import retries_bill
    from sfnlocal.server import StepFunctionsApi
    from sfnlocal.testing.local_app import LocalApp

    local_app = LocalApp(app, seed=arguments.seed)
    session = local_app.session
    with named_errors(machine):
        session.machine(machine)
    with session:
        StepFunctionsApi(session).install()
        session.functions.check()
        for table, item in items:
            put_item(local_app, table, item)
        meter = CostMeter(session, lambda_ms=arguments.lambda_ms or LAMBDA_MS)
        execution = session.start_execution_text(machine, input_text)
        session.run_until_idle()
        bill = meter.bill(prices)
        rate = arguments.fault_rate
        retries = None if rate is None else retries_bill(meter, prices, rate)
    report = _json_report if arguments.format == "json" else _text_report
    print(report(execution, meter, bill, retries, arguments))
    return 0 if execution.status == "SUCCEEDED" else 1


def _text_report(
    execution: Execution,
    meter: CostMeter,
    bill: Bill,
    retries: Bill | None,
    arguments: argparse.Namespace,
) -> str:
    from sfnlocal.proof.cost_text import dollars, render_bill

    prices = bill.prices
    heading = (
        f"{arguments.state_machine}: {execution.status}, {len(meter.visited)} execution(s), "
        f"prices of {prices.region} as of {prices.as_of}"
    )
    parts = [heading, render_bill(bill, arguments.per)]
    if retries is not None:
        parts.append(
            f"Where {arguments.fault_rate * 100:.4g} % of the attempts fail, retries add "
            f"{dollars(retries.amount)} a run and {dollars(retries.amount * arguments.per)} "
            f"for {arguments.per:,} runs."
        )
    notes = [f"Each call of a function counts as {meter.lambda_ms} ms, or as what it slept."]
    if meter.unpriced:
        calls = ", ".join(f"{call} ({count}x)" for call, count in sorted(meter.unpriced.items()))
        notes.append(f"Not priced: {calls}.")
    unsure = [line.price for line in bill.lines if line.price.confidence != "page"]
    if unsure:
        names = ", ".join(f"{price.service} {price.unit}" for price in unsure)
        notes.append(f"Prices to be checked: {names}.")
    return "\n\n".join([*parts, "\n".join(notes)])


def _json_report(
    execution: Execution,
    meter: CostMeter,
    bill: Bill,
    retries: Bill | None,
    arguments: argparse.Namespace,
) -> str:
    prices = bill.prices
    report: dict[str, Any] = {
        "stateMachine": arguments.state_machine,
        "status": execution.status,
        "region": prices.region,
        "asOf": prices.as_of,
        "currency": prices.currency,
        "lambdaMs": meter.lambda_ms,
        **bill.json(),
        "runs": arguments.per,
        "amountOfRuns": bill.amount * arguments.per,
        "byCause": [
            {**cause._asdict(), "amount": meter.bill_of(cause, prices).amount}
            for cause in meter.usage
        ],
        "notPriced": dict(meter.unpriced),
    }
    if retries is not None:
        report["faultRate"] = arguments.fault_rate
        report["retries"] = retries.json()
    return json.dumps(report, indent=2, ensure_ascii=False)
