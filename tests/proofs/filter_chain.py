"""The filter chain: every single fault from an item's event to the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from lambdas.filters.payloads import DETAIL_TYPE, DONE, FILTERS, SOURCE, Hop
from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp

TEXT = "Refund my card 4111 1111 1111 1111"


def put(*hops: Hop) -> Callable[[LocalApp], None]:
    def start(app: LocalApp) -> None:
        for hop in hops:
            app.put_event(SOURCE, DETAIL_TYPE, hop, bus="FilterBus")

    return start


def a_hop(*way: str) -> Hop:
    next_filter, *filters = way
    return Hop(
        itemId="i-1", nextFilter=next_filter, filters=filters, passed=[], item={"text": TEXT}
    )


def stored(app: LocalApp) -> Mapping[str, int]:
    return Counter(item["itemId"] for item in app.items("FilteredItems"))


def put_back_lost_events(app: LocalApp) -> None:
    """What a rule could not deliver is put onto the bus again."""
    lost = app.messages("LostItems")
    app.client("sqs").purge_queue(QueueUrl=app.queue_url("LostItems"))
    for event in lost:
        app.put_event(event["source"], event["detail-type"], event["detail"], bus="FilterBus")


FILTER_CHAIN = Proof(
    state_machine="StoreItem",
    scenarios=[
        Scenario(name="all filters", start=put(a_hop(*FILTERS))),
        Scenario(name="twice", start=put(a_hop(DONE), a_hop(DONE))),
    ],
    recover=put_back_lost_events,
    effects={"storing": stored},
    ignore={"FilteredItems.storedAt": "when it was stored"},
)
