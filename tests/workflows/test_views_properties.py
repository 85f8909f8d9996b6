"""Whatever comes in whatever order, twice, late, and whatever is recomputed or rolled back
meanwhile: every answer is what has been noted, and in the end what was sold.

The answer is asked after every step and before every call that a state machine makes, so at every
moment of every switch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.views.payloads import Sale
from sfnlocal.driver.mocks import Outcome
from sfnlocal.ports import ServiceCall
from sfnlocal.template import App
from sfnlocal.testing import CALL, Failure, Lost, load
from tests.workflows.sales import DAY_MS, Shop, day_of, totals

Step = Callable[["Market"], None]

# Hours before the example begins; of two skus, on two days and around their seam.
SOLD_HOURS_AGO = (0, 0, 1, 11, 13, 36)

ACCIDENTS: dict[str, tuple[str, list[Outcome]]] = {
    "CountOnce": ("RecordSale", [Lost("States.Timeout"), CALL]),
    "Archive": ("RecordSale", [Failure("Broken"), CALL]),
    "ReadLedger": ("RecordSale", [Failure("DynamoDB.ThrottlingException"), CALL]),
    "SwitchPointers": ("RecomputeView", [Lost("States.Timeout"), CALL]),
    "BuildView": ("RecomputeView", [Failure("Broken"), CALL]),
    "RemoveOld": ("RecomputeView", [Failure("Broken"), CALL]),
}


class Market:
    """One example: its sales, on days of its own."""

    def __init__(self, shop: Shop) -> None:
        app = self.app = shop.app
        app.advance(milliseconds=5 * DAY_MS - app.session.now_ms % DAY_MS + DAY_MS // 2)
        self.shop = shop
        self.skus = [shop.new_sku(), shop.new_sku()]
        self.sales = [
            shop.sale(self.skus[number % 2], hours_ago=hours, quantity=2**number)
            for number, hours in enumerate(SOLD_HOURS_AGO)
        ]
        self.days = [day_of(app.session.now_ms - n * DAY_MS) for n in (2, 1, 0)]
        self.sent: dict[str, Sale] = {}

    def check(self, _: ServiceCall | None = None) -> None:
        for sku in self.skus:
            for day in self.days:
                assert self.shop.counted(sku, day) == self.shop.noted(sku, day)

    def check_end(self) -> None:
        for sku in self.skus:
            for day in self.days:
                sold = [
                    sale
                    for sale in self.sent.values()
                    if (sale["sku"], day_of(sale["soldAtMs"])) == (sku, day)
                ]
                assert self.shop.counted(sku, day) == totals(sold)


def send(number: int, copies: int) -> Step:
    def step(market: Market) -> None:
        sale = market.sales[number]
        market.sent[sale["eventId"]] = sale
        for _ in range(copies):
            market.app.send("SalesQueue", sale)

    return step


def advance(minutes: float) -> Step:
    return lambda market: market.app.advance(minutes=minutes)


def recompute(first: int, more: int) -> Step:
    def step(market: Market) -> None:
        days = market.days[first : first + more]
        market.app.start("RecomputeView", {"from": days[0], "to": days[-1]})

    return step


def roll_back(number: int) -> Step:
    def step(market: Market) -> None:
        day = market.days[number]
        live = market.shop.pointer(day).get("version", "none")
        market.app.start("RecomputeView", {"from": day, "to": day, "rollBack": live})

    return step


def accident(state: str) -> Step:
    machine, outcomes = ACCIDENTS[state]
    return lambda market: market.app.mock(machine, state, outcomes)


STEPS = st.lists(
    st.one_of(
        st.builds(send, st.integers(0, len(SOLD_HOURS_AGO) - 1), st.integers(1, 2)),
        st.builds(advance, st.sampled_from([0.001, 1, 9, 61, 700])),
        st.builds(recompute, st.integers(0, 2), st.integers(1, 3)),
        st.builds(roll_back, st.integers(0, 2)),
        st.builds(accident, st.sampled_from(sorted(ACCIDENTS))),
    ),
    min_size=4,
    max_size=16,
)


@pytest.fixture(scope="module")
def shop(sfn_app: App) -> Iterator[Shop]:
    with load(sfn_app) as app:
        app.pause_schedules()
        shop = Shop(app)
        # Compiling sets a recursion limit, which hypothesis has to find as it is.
        shop.recompute(shop.today).assert_succeeded()
        yield shop


@settings(max_examples=12)
@given(steps=STEPS)
def test_every_answer_is_what_was_noted_and_in_the_end_what_was_sold(
    shop: Shop, steps: list[Any]
) -> None:
    market = Market(shop)
    shop.gate.watch = market.check
    try:
        for step in steps:
            step(market)
            market.check()
        # What could not be archived comes back to the queue.
        market.app.advance(hours=1)
        market.check_end()
        market.app.session.mocks.clear()
        market.app.advance(hours=2)
        shop.recompute(market.days[0], market.days[-1]).assert_succeeded()
    finally:
        shop.gate.watch = None
        market.app.session.mocks.clear()
    market.check_end()
    # By then, the batch view has all of it.
    for day in market.days:
        [live] = [one for one in shop.keys(f"views/{day}/") if shop.pointer(day)["version"] in one]
        skus = shop.read(live)["skus"]
        assert {sku: hours for sku, hours in skus.items() if sku in market.skus} == {
            sku: counted for sku in market.skus if (counted := shop.noted(sku, day))
        }
