"""validate_order: what is an order, what is none, and which field says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import time_machine

from lambdas.order.errors import OrderInvalid
from lambdas.order.logic.validate_order import validate_order

CASES = json.loads(Path(__file__).with_name("validate_order_cases.json").read_text("utf-8"))
GIVEN = CASES["given"]
NOW = datetime.fromisoformat(CASES["now"])


def by_name(case: dict[str, Any]) -> str:
    return str(case["name"])


def test_an_order_is_answered_with_its_total() -> None:
    assert validate_order(GIVEN, NOW) == {**GIVEN, "totalCents": 2500}


@pytest.mark.parametrize("case", CASES["valid"], ids=by_name)
def test_an_order_is_normalized(case: dict[str, Any]) -> None:
    changed = {**GIVEN, **case["change"]}
    order = validate_order(changed, NOW)
    assert order == {**changed, "totalCents": 2500, **case["expect"]}
    assert all(type(line["quantity"]) is int for line in order["lines"])


@pytest.mark.parametrize("case", CASES["invalid"], ids=by_name)
def test_an_invalid_order_says_which_field_and_why(case: dict[str, Any]) -> None:
    with pytest.raises(OrderInvalid) as raised:
        validate_order({**GIVEN, **case["change"]}, NOW)
    assert str(raised.value) == case["message"]


@pytest.mark.parametrize("case", CASES["no_order"], ids=by_name)
def test_an_input_that_is_no_order_is_invalid_too(case: dict[str, Any]) -> None:
    with pytest.raises(OrderInvalid) as raised:
        validate_order(case["value"], NOW)
    assert str(raised.value) == case["message"]


def test_the_handler_answers_the_order_in_its_envelope(
    load: Callable[[str], ModuleType], context: object
) -> None:
    event = {"executionArn": "arn:execution", "order": GIVEN}
    with time_machine.travel(NOW):
        order = load("order.validate_order").handler(event, context)
    assert order == {**GIVEN, "totalCents": 2500}
