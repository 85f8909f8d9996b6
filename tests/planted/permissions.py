"""Permissions that are missing, each needed on a path that tests seldom take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.planted.nets import FAILING
from tests.planted.planting import PlantedBug, fault, properties

Properties = dict[str, Any]


def without(action: str, resource: str = "") -> Callable[[Properties], None]:
    """Takes an action out of a policy, or one resource of it."""

    def change(properties: Properties) -> None:
        document = properties["PolicyDocument"]
        for statement in document["Statement"]:
            if action in as_list(statement["Action"]):
                key, unwanted = ("Resource", resource) if resource else ("Action", action)
                kept = [one for one in as_list(statement[key]) if unwanted not in one]
                statement[key] = kept
        document["Statement"] = [
            one for one in document["Statement"] if one["Action"] and one["Resource"]
        ]

    return change


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


PERMISSIONS = (
    PlantedBug(
        name="sold-out-not-permitted",
        mistake="ReserveStock may not read the reservations",
        on_aws="only an order that is sold out needs it: it fails instead of being rejected",
        edits=(properties("Orders/ReserveStock/Role/DefaultPolicy", without("dynamodb:GetItem")),),
        scenarios=("sold-out",),
        speaks=("permitted", "expectation"),
    ),
    PlantedBug(
        name="letter-not-permitted",
        mistake="the Order machine may not send to the dead-letter queue",
        on_aws="the dead-letter branch itself fails, and net 2 has to finish its work",
        edits=(
            properties(
                "Orders/Order/Role/DefaultPolicy", without("sqs:SendMessage", "DeadLetters")
            ),
        ),
        plans=(FAILING,),
        speaks=("permitted",),
    ),
    PlantedBug(
        name="record-not-deleted",
        mistake="ChargePayment may not delete its idempotency record",
        on_aws="after an outage of the provider the charge is in progress for ever",
        edits=(
            properties("Orders/ChargePayment/Role/DefaultPolicy", without("dynamodb:DeleteItem")),
        ),
        plans=(fault("lost", "call:ChargePayment/Function/lambda.Invoke#1", "once"),),
        speaks=("permitted",),
    ),
    PlantedBug(
        name="recorder-not-permitted",
        mistake="the Recorder may not describe executions",
        on_aws="net 2 cannot read the run that it was started for: no letter at all",
        edits=(
            properties(
                "Orders/Recorder/Role/DefaultPolicy", without("states:DescribeExecution", "Order")
            ),
        ),
        scenarios=("aborted",),
        proof="Recorder",
        speaks=("permitted", "letter", "replay"),
    ),
)
