"""The order workflow: every single fault from the customer's order to its shipment."""

from __future__ import annotations

from typing import Any

from scripts.dead_letter import parse_letter
from scripts.replay_dead_letters import Clients, mark_replayed, start_once
from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.workflows.shop import an_order, stock_up

IN_STOCK = 10


def one_order(app: LocalApp) -> None:
    stock_up(app, "mug", IN_STOCK)


def replay(app: LocalApp, content: dict[str, Any]) -> None:
    """As the operator's script does it."""
    import json

    clients = Clients(
        app.client("sqs"), app.client("dynamodb"), app.client("s3"), app.client("stepfunctions")
    )
    letter = parse_letter(json.dumps(content))
    mark_replayed(clients, app.table("DeadLetters"), letter, start_once(clients, letter))


ORDER = Proof(
    state_machine="Order",
    machines=("Order", "Fulfilment"),
    scenarios=[
        Scenario(name="paid", input=an_order(), execution_name="o-1", prepare=one_order),
    ],
    dead_letters="OrderDeadLetters",
    replay=replay,
    outcomes=("OutOfStock", "CardDeclined"),
    ignore={"DeadLetters": "the archive keeps each letter"},
)
