"""The hop count of an envelope: an event that causes itself ends at the configured depth."""

from __future__ import annotations

import pytest

from lambdas.hops import (
    HopsExceededError,
    HopsInvalidError,
    hops_attribute,
    hops_of,
    next_hop,
)
from lambdas.sandbox.logic.loop import Next, next_message


def test_an_envelope_without_a_count_is_at_its_start() -> None:
    assert hops_of({}) == 0
    assert hops_of({"hops": None}) == 0


def test_the_count_is_read_as_it_was_sent() -> None:
    sent = hops_attribute(7)["hops"]
    assert sent == {"DataType": "Number", "StringValue": "7"}
    assert hops_of({"hops": sent["StringValue"]}) == 7


@pytest.mark.parametrize("told", ["-1", "1.5", "many"])
def test_a_count_that_is_none_is_refused(told: str) -> None:
    with pytest.raises(HopsInvalidError, match=f"not '{told}'"):
        hops_of({"hops": told})


def test_an_event_may_make_as_many_hops_as_are_configured() -> None:
    hops = 0
    for _ in range(3):
        hops = next_hop(hops, 3)
    with pytest.raises(HopsExceededError, match="has made 3 hops, of 3 that it may"):
        next_hop(hops, 3)


def test_the_loop_sends_on_until_the_depth_and_then_aside() -> None:
    assert next_message({}, 2) == Next(aside=False, hops=1)
    assert next_message({"hops": "1"}, 2) == Next(aside=False, hops=2)
    assert next_message({"hops": "2"}, 2) == Next(aside=True, hops=2)
