"""One scenario: an order and the world it meets, read from a data file beside this module.

title, about      what it shows
order             the execution's input
stock             what the warehouse has of each sku
outageCalls       how many of the next calls the payment provider fails
replay            afterwards the provider is back and the dead letter is replayed
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from scripts import replay_dead_letters
from sfnlocal.template import App
from sfnlocal.testing import LocalApp, Run, load

FOLDER = Path(__file__).parent
OUTAGE = {"idempotencyKey": "#outage"}
# What a run that was replayed may leave otherwise than one without faults: when things happened.
TIMES = ("receivedAt", "paidAt", "completedAt", "issuedAt")
BUSINESS_TABLES = ("Orders", "Stock", "Reservations", "Invoices", "Payments")


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    title: str
    about: str
    order: dict[str, Any]
    stock: dict[str, int]
    outage_calls: int = 0
    replay: bool = False

    def prepare(self, app: LocalApp) -> None:
        """The world before the order arrives."""
        for sku, available in self.stock.items():
            app.put_item("Stock", {"sku": sku, "available": available})
        if self.outage_calls:
            app.put_item("Payments", {**OUTAGE, "failuresLeft": self.outage_calls})

    def run(self, app: LocalApp) -> Run:
        self.prepare(app)
        return app.run("Order", self.order, self.order["orderId"])


def read_scenarios() -> Iterator[Scenario]:
    """In the order of the file names."""
    for path in sorted(FOLDER.glob("*.json")):
        data = json.loads(path.read_text())
        yield Scenario(
            name=path.stem,
            title=data["title"],
            about=data["about"],
            order=data["order"],
            stock=data["stock"],
            outage_calls=data.get("outageCalls", 0),
            replay=data.get("replay", False),
        )


def replay_letters(app: LocalApp) -> str:
    """The provider is back; the operator runs the replay script. What the script printed."""
    app.client("dynamodb").delete_item(
        TableName=app.table("Payments"), Key={"idempotencyKey": {"S": OUTAGE["idempotencyKey"]}}
    )
    printed = StringIO()
    with redirect_stdout(printed):
        replay_dead_letters.main(
            [
                *("--queue-url", app.queue_url("OrderDeadLetters")),
                *("--table", app.table("DeadLetters")),
                *("--wait-s", "0"),
            ]
        )
    app.run_until_idle()
    return printed.getvalue()


def business_state(app: LocalApp) -> dict[str, list[dict[str, Any]]]:
    """All tables that the business reads, without times: what a replay must bring about."""
    return {
        table: sorted(
            (
                {name: value for name, value in item.items() if name not in TIMES}
                for item in app.items(table)
            ),
            key=str,
        )
        for table in BUSINESS_TABLES
    }


def fault_free_state(app: App, scenario: Scenario) -> dict[str, list[dict[str, Any]]]:
    """What the same order leaves behind when the provider is up."""
    with load(app) as other:
        calm = Scenario("", "", "", scenario.order, scenario.stock)
        calm.run(other).assert_succeeded()
        return business_state(other)
