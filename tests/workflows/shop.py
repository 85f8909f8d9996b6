"""The order workflow as its run tests see it: an order, what it left behind, its dead letters."""

from __future__ import annotations

import json
import re
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from scripts import replay_dead_letters
from sfnlocal.testing import LocalApp, Run

KEYS = {
    "Orders": "orderId",
    "Reservations": "orderId",
    "Invoices": "orderId",
    "Payments": "idempotencyKey",
    "Stock": "sku",
}
# What is not the same for two orders.
TIMES = ("receivedAt", "paidAt", "rejectedAt", "completedAt", "issuedAt", "shipAt")


def an_order(order_id: str = "o-1", *, sku: str = "mug", **changes: Any) -> dict[str, Any]:
    return {
        "orderId": order_id,
        "customerId": "c-7",
        "shipAt": "2026-01-02T00:00:00Z",
        "currency": "EUR",
        "cardToken": "tok_visa",
        "lines": [{"sku": sku, "quantity": 2, "unitPriceCents": 1250}],
        **changes,
    }


def sku_of(order: dict[str, Any]) -> str:
    return str(order["lines"][0]["sku"])


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def iso_ms(epoch_ms: int) -> str:
    """As `$now()` writes it."""
    moment = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


# The world


def place(app: LocalApp, order: dict[str, Any], name: str | None = None) -> Run:
    """Start an order under its id, and let time run until nothing moves."""
    return app.run("Order", order, name or order["orderId"])


def stock_up(app: LocalApp, sku: str, available: int = 10) -> None:
    app.put_item("Stock", {"sku": sku, "available": available})


def provider_fails(app: LocalApp, calls: int) -> None:
    """The payment provider's next calls."""
    app.put_item("Payments", {"idempotencyKey": "#outage", "failuresLeft": calls})


def stop(app: LocalApp, run: Run) -> None:
    app.session.stop_execution(run.arn, "Stopped", "by hand")


def empty(app: LocalApp, queue: str) -> None:
    sqs, url = app.client("sqs"), app.queue_url(queue)
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


# What is left behind


def stored(app: LocalApp, table: str, key: str) -> dict[str, Any]:
    """One item by its partition key, an order's id or a sku; empty where there is none."""
    answer = app.client("dynamodb").get_item(
        TableName=app.table(table), Key={KEYS[table]: {"S": key}}
    )
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in answer.get("Item", {}).items()}


def stock(app: LocalApp, order: dict[str, Any]) -> int:
    """How many are left of the order's first sku."""
    return int(stored(app, "Stock", sku_of(order))["available"])


def status(app: LocalApp, order: dict[str, Any]) -> str | None:
    return stored(app, "Orders", order["orderId"]).get("status")


def charge(app: LocalApp, order: dict[str, Any]) -> str | None:
    return stored(app, "Payments", order["orderId"]).get("chargeId")


def left_behind(app: LocalApp, order: dict[str, Any]) -> dict[str, Any]:
    """What an order came to in every table of the business, without times and with other names
    for its ids, so that two orders can be compared."""
    order_id, charge_id = order["orderId"], charge(app, order)
    tables = {
        table: {k: v for k, v in stored(app, table, order_id).items() if k not in TIMES}
        for table in ("Orders", "Reservations", "Invoices", "Payments")
    }
    skus = {line["sku"]: f"sku {n}" for n, line in enumerate(order["lines"])}
    names = {**skus, order_id: "order", **({charge_id: "charge"} if charge_id else {})}
    text = json.dumps(tables, default=int, sort_keys=True)
    for name, other in names.items():
        text = re.sub(rf"\b{re.escape(name)}\b", other, text)
    found: dict[str, Any] = json.loads(text)
    found["Stock"] = {
        other: int(stored(app, "Stock", sku)["available"]) for sku, other in skus.items()
    }
    return found


# Dead letters


def letters(app: LocalApp) -> list[dict[str, Any]]:
    """What is in the dead-letter queue."""
    return [dict(message) for message in app.messages("OrderDeadLetters")]


def archived(app: LocalApp, run: Run) -> dict[str, Any]:
    """What the archive has of a run; empty where it has nothing."""
    key = {"executionArn": {"S": run.arn}, "redriveCount": {"N": "0"}}
    answer = app.client("dynamodb").get_item(TableName=app.table("DeadLetters"), Key=key)
    return {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}


def the_letter(app: LocalApp, run: Run) -> dict[str, Any]:
    """The run's one letter: in the queue and, the same, in the archive."""
    [letter] = letters(app)
    item = archived(app, run)
    assert letter["executionArn"] == run.arn
    assert json.loads(item["letter"]) == letter
    assert item["status"] == "SENT"
    return letter


def replay(app: LocalApp, *options: str) -> list[str]:
    """The operator runs the replay script. The lines that it printed."""
    printed = StringIO()
    with redirect_stdout(printed):
        replay_dead_letters.main(
            [
                *("--queue-url", app.queue_url("OrderDeadLetters")),
                *("--table", app.table("DeadLetters")),
                *("--wait-s", "0", *options),
            ]
        )
    return printed.getvalue().splitlines()


def runs_of(app: LocalApp, order: dict[str, Any], state_machine: str = "Order") -> dict[str, Run]:
    """The runs of an order by their names, its replays' among them."""
    return {
        run.execution.name: run
        for run in app.executions(state_machine)
        if run.execution.name.partition("-replay-")[0] == order["orderId"]
    }
