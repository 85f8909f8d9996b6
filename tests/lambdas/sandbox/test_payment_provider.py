"""The sandbox's payment provider: a ledger that charges a key once."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.sandbox.logic.payment_provider import IdempotencyKeyReusedError, ProviderOutageError

Load = Callable[[str], ModuleType]
REQUEST = {
    "idempotencyKey": "o-1",
    "amountCents": 2500,
    "currency": "EUR",
    "cardToken": "tok_visa",
}


@pytest.fixture
def ask(load: Load, context: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    module = load("sandbox.payment_provider")
    return lambda request: dict(module.handler(request, context))


def test_it_charges_and_keeps_the_charge(tables: Any, ask: Callable[..., Any]) -> None:
    answer = ask(REQUEST)
    assert answer["status"] == "CHARGED"
    assert tables.items("payments") == [
        {
            "idempotencyKey": "o-1",
            "chargeId": answer["chargeId"],
            "amountCents": 2500,
            "currency": "EUR",
        }
    ]


def test_a_key_is_charged_once(tables: Any, ask: Callable[..., Any]) -> None:
    assert ask(REQUEST) == ask(REQUEST)
    assert len(tables.items("payments")) == 1


@pytest.mark.parametrize("how", ["answer lost", "process killed"])
def test_after_a_lost_answer_the_key_answers_its_charge(
    how: str,
    tables: Any,
    load: Load,
    ask: Callable[..., Any],
    lose_first_answer: Callable[..., None],
    killed: type[BaseException],
) -> None:
    error = killed() if how == "process killed" else ReadTimeoutError(endpoint_url="dynamodb")
    lose_first_answer(load("sandbox.payment_provider").DYNAMODB, "put_item", error)
    with pytest.raises(type(error)):
        ask(REQUEST)
    [payment] = tables.items("payments")
    assert ask(REQUEST)["chargeId"] == payment["chargeId"]
    assert tables.items("payments") == [payment]


def test_two_calls_at_once_are_one_charge(
    tables: Any, load: Load, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(REQUEST)
    monkeypatch.setattr(load("sandbox.payment_provider").DYNAMODB, "get_item", lambda **_: {})
    assert ask(REQUEST) == first
    assert len(tables.items("payments")) == 1


@pytest.mark.parametrize("change", [{"amountCents": 1}, {"currency": "USD"}])
def test_a_key_is_not_answered_for_another_amount(
    change: dict[str, Any], tables: Any, ask: Callable[..., Any]
) -> None:
    ask(REQUEST)
    with pytest.raises(IdempotencyKeyReusedError, match="o-1 was charged another amount"):
        ask({**REQUEST, **change})
    assert [payment["amountCents"] for payment in tables.items("payments")] == [2500]


def test_a_declined_card_leaves_no_trace(tables: Any, ask: Callable[..., Any]) -> None:
    assert ask({**REQUEST, "cardToken": "tok_declined"}) == {
        "status": "DECLINED",
        "reason": "the card was declined",
    }
    assert tables.items("payments") == []


def test_a_charged_key_stays_charged_whatever_the_card(ask: Callable[..., Any]) -> None:
    assert ask(REQUEST) == ask({**REQUEST, "cardToken": "tok_declined"})


def test_an_outage_lasts_as_many_calls_as_it_says(tables: Any, ask: Callable[..., Any]) -> None:
    tables.put("payments", {"idempotencyKey": "#outage", "failuresLeft": 2})
    for left in (1, 0):
        with pytest.raises(ProviderOutageError):
            ask(REQUEST)
        assert tables.items("payments") == [{"idempotencyKey": "#outage", "failuresLeft": left}]
    assert ask(REQUEST)["status"] == "CHARGED"
