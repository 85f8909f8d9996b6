"""Mistakes in the state machines."""

from __future__ import annotations

from typing import Any

from tests.planted.planting import PlantedBug, fault, states

States = dict[str, Any]


def caught_by(states: States, state: str, error: str) -> dict[str, Any]:
    [found] = [one for one in states[state]["Catch"] if error in one["ErrorEquals"]]
    catcher: dict[str, Any] = found
    return catcher


def no_catch(states: States) -> None:
    del states["RecordPaid"]["Catch"]


def no_compensation(states: States) -> None:
    caught_by(states, "ChargePayment", "States.ALL")["Next"] = "ParseCause"


def keep_stock_of_declined(states: States) -> None:
    caught_by(states, "ChargePayment", "CardDeclined")["Next"] = "RecordRejected"
    del states["ReleaseStock"]


def reject_before_release(states: States) -> None:
    caught_by(states, "ChargePayment", "CardDeclined")["Next"] = "RecordRejected"
    states["RecordRejected"]["Next"] = "ReleaseStock"
    states["ReleaseStock"]["Next"] = "Rejected"


def nameless_child(states: States) -> None:
    del states["Fulfil"]["Arguments"]["Name"]


def retry_declined(states: States) -> None:
    [transient] = [
        one
        for one in states["ChargePayment"]["Retry"]
        if "PaymentProviderUnavailable" in one["ErrorEquals"]
    ]
    transient["ErrorEquals"].append("CardDeclined")


def heartbeat_over_time_out(states: States) -> None:
    states["HandOverToWarehouse"]["TimeoutSeconds"] = 2 * 3600


def no_time_out(states: States) -> None:
    hand_over = states["HandOverToWarehouse"]
    del hand_over["TimeoutSeconds"], hand_over["HeartbeatSeconds"]


def misspelt_failed(states: States) -> None:
    for rule in states["WhatIsLeft"]["Choices"][:2]:
        for variable in (rule, *rule.get("And", ())):
            if variable.get("Variable") == "$.sent.Failed[0]":
                variable["Variable"] = "$.sent.Faild[0]"


def parse_cause_bare(states: States) -> None:
    del states["ParseCause"]["Catch"]


def time_out_under_function(states: States) -> None:
    states["ReserveStock"]["TimeoutSeconds"] = 5


DEFINITIONS = (
    PlantedBug(
        name="missing-catch",
        mistake="RecordPaid has no Catch",
        on_aws="the run ends without its dead-letter branch; net 2 finds it, but cannot say where",
        edits=(states("Order", no_catch),),
        plans=(fault("refused:UnforeseenError", "state:Order/RecordPaid#1", "once"),),
        speaks=("letter",),
    ),
    PlantedBug(
        name="missing-compensation",
        mistake="a failed charge goes straight to the dead letter",
        on_aws="an order that nobody may ever replay keeps its stock",
        edits=(states("Order", no_compensation),),
        plans=(fault("refused:Lambda.Unknown", "state:Order/ChargePayment#1", "once"),),
        speaks=("failed_orders_hold_no_stock",),
    ),
    PlantedBug(
        name="stock-of-declined-card-kept",
        mistake="CardDeclined is caught by RecordRejected, without ReleaseStock",
        on_aws="each declined card takes goods off the shelf for ever",
        edits=(states("Order", keep_stock_of_declined),),
        scenarios=("declined",),
        speaks=("paid_orders_hold_their_stock",),
    ),
    PlantedBug(
        name="compensation-in-wrong-order",
        mistake="the order is rejected first, and its stock released afterwards",
        on_aws="when the release fails, a replay finds the order REJECTED and leaves the stock",
        edits=(states("Order", reject_before_release),),
        plans=(
            fault(
                "refused:UnforeseenError",
                "state:Order/ReleaseStock#1",
                "once",
                scenario="declined",
            ),
        ),
        speaks=("paid_orders_hold_their_stock", "contents"),
    ),
    PlantedBug(
        name="second-child",
        mistake="startExecution.sync is retried without a Name",
        on_aws="a lost answer starts a second Fulfilment, and the order is handed over twice",
        edits=(states("Order", nameless_child),),
        plans=(fault("lost:StepFunctions.SdkClientException", "state:Order/Fulfil#1", "once"),),
        speaks=("twice",),
    ),
    PlantedBug(
        name="retry-of-business-error",
        mistake="CardDeclined is retried like an outage",
        on_aws="a declined card is asked again nine times, and the provider locks it",
        edits=(states("Order", retry_declined),),
        scenarios=("declined",),
        speaks=("retried",),
    ),
    PlantedBug(
        name="heartbeat-over-time-out",
        mistake="a hand-over times out after 2 hours, and its heartbeat after 12",
        on_aws="a warehouse that is silent would be noticed too late: the machine is not created",
        edits=(states("Fulfilment", heartbeat_over_time_out),),
        scenarios=("paid",),
        speaks=("refused",),
        refusal="HeartbeatSeconds must be smaller than TimeoutSeconds",
    ),
    PlantedBug(
        name="token-without-time-out",
        mistake="the hand-over waits for its token without TimeoutSeconds and HeartbeatSeconds",
        on_aws="one lost message, and the order waits for its outermost time-out, 25 days",
        edits=(states("Fulfilment", no_time_out),),
        plans=(fault("heartbeat-missed", "state:Fulfilment/HandOverToWarehouse#1", "once"),),
        speaks=("ended",),
    ),
    PlantedBug(
        name="time-out-under-function",
        mistake="ReserveStock times out after 5 seconds, and its function may run for 10",
        on_aws="the stock is given back, and then the slow function reserves it",
        edits=(states("Order", time_out_under_function),),
        plans=(fault("late-work", "state:Order/ReserveStock#1"),),
        speaks=("failed_orders_hold_no_stock",),
        brings_fault=True,
    ),
    PlantedBug(
        name="refused-entries-not-seen",
        mistake="what SQS refused of a batch is looked for in `Faild`",
        on_aws="a batch of which SQS takes a part counts as sent: SendMessageBatch has succeeded",
        edits=(states("Report", misspelt_failed),),
        plans=(fault("in-part", "state:Report/SendBatch#1", "once", scenario="sent"),),
        proof="Report",
        speaks=("messages_are_whole", "contents"),
    ),
    PlantedBug(
        name="cause-parsed-bare",
        mistake="the Parallel that parses the cause has no Catch",
        on_aws="a cause that is cut off is no JSON: the dead-letter branch itself fails",
        edits=(states("Order", parse_cause_bare),),
        plans=(fault("long-cause", "state:Order/ValidateOrder#1", "once"),),
        speaks=("letter",),
    ),
)
