from __future__ import annotations

import re

from sfnlocal.template.names import physical_name, uuid_of


def test_a_name_is_stack_and_logical_id() -> None:
    assert physical_name("OrderStack", "Queue12AB", 80) == "OrderStack-Queue12AB"


def test_a_suffix_counts() -> None:
    name = physical_name("OrderStack", "Q" * 100, 80, ".fifo")
    assert len(name) == 80
    assert name.endswith(".fifo")


def test_a_long_name_loses_its_stack_before_its_logical_id() -> None:
    name = physical_name("S" * 100, "ReserveStock1A2B", 64)
    assert re.fullmatch(r"S{38}-ReserveStock1A2B-[0-9a-f]{8}", name)


def test_long_names_that_begin_alike_stay_different() -> None:
    long = "L" * 100
    assert physical_name("S", long + "1", 64) != physical_name("S", long + "2", 64)


def test_a_uuid_follows_from_its_parts_and_their_borders() -> None:
    assert uuid_of("a", "b") == uuid_of("a", "b")
    assert uuid_of("a", "b") != uuid_of("ab", "")
