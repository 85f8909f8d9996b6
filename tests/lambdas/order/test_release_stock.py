"""release_stock: gives back once what is reserved."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.order.errors import TransactionConflict

Load = Callable[[str], ModuleType]


@pytest.fixture
def reserved(tables: Any, load: Load, context: object, reserve_event: dict[str, Any]) -> Any:
    tables.put("stock", {"sku": "mug", "available": 5})
    tables.put("stock", {"sku": "lid", "available": 1})
    load("order.reserve_stock").handler(reserve_event, context)
    return tables


@pytest.fixture
def release(
    load: Load, context: object, release_event: dict[str, Any]
) -> Callable[[], dict[str, Any]]:
    module = load("order.release_stock")
    return lambda: dict(module.handler(release_event, context))


def test_it_gives_the_stock_back(reserved: Any, release: Callable[[], Any]) -> None:
    assert release() == {"released": True}
    assert reserved.stock() == {"lid": 1, "mug": 5}
    assert reserved.items("reservations")[0]["status"] == "RELEASED"


@pytest.mark.parametrize("uncertain", [True, False])
def test_the_released_reservation_remembers_whether_the_card_may_be_charged(
    uncertain: bool,
    reserved: Any,
    load: Load,
    context: object,
    release_event: dict[str, Any],
) -> None:
    handler = load("order.release_stock").handler
    handler({**release_event, "chargeUncertain": uncertain}, context)
    assert reserved.items("reservations") == [
        {
            "orderId": "o-1",
            "status": "RELEASED",
            "quantities": {"lid": 1, "mug": 2},
            "chargeUncertain": uncertain,
        }
    ]


def test_a_second_call_gives_nothing_more(reserved: Any, release: Callable[[], Any]) -> None:
    release()
    assert release() == {"released": False}
    assert reserved.stock() == {"lid": 1, "mug": 5}


@pytest.mark.parametrize("how", ["answer lost", "process killed"])
def test_after_a_lost_answer_nothing_is_given_back_twice(
    how: str,
    reserved: Any,
    load: Load,
    release: Callable[[], Any],
    lose_first_answer: Callable[..., None],
    killed: type[BaseException],
) -> None:
    error = killed() if how == "process killed" else ReadTimeoutError(endpoint_url="dynamodb")
    client = load("order.release_stock").DYNAMODB
    lose_first_answer(client, "transact_write_items", error)
    with pytest.raises(type(error)):
        release()
    assert release() == {"released": False}
    assert reserved.stock() == {"lid": 1, "mug": 5}


def test_an_order_without_reservation_has_nothing_to_release(
    tables: Any, release: Callable[[], Any]
) -> None:
    assert release() == {"released": False}
    assert tables.items("reservations") == []


def test_a_reservation_that_changes_meanwhile_is_released_by_the_next_attempt(
    reserved: Any, load: Load, release: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = load("order.release_stock").DYNAMODB
    get_item = client.get_item

    def stale(**arguments: Any) -> Any:
        answer = get_item(**arguments)
        reserved.put(
            "reservations",
            {"orderId": "o-1", "status": "RESERVED", "quantities": {"mug": 1}},
        )
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(client, "get_item", stale)
        with pytest.raises(TransactionConflict, match="order o-1 changed meanwhile"):
            release()
    assert reserved.stock() == {"lid": 0, "mug": 3}
    assert release() == {"released": True}
    assert reserved.stock() == {"lid": 0, "mug": 4}
