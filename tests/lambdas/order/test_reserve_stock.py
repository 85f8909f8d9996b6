"""reserve_stock: all lines or none, once an order, whatever happens to the answer."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber

from lambdas.order.errors import (
    OrderInvalid,
    OutOfStock,
    OutOfStockAfterCharge,
    TransactionConflict,
)
from lambdas.order.logic.reserve_stock import total_quantities
from lambdas.order.payloads import SkuQuantity

Load = Callable[[str], ModuleType]


@pytest.fixture
def shop(tables: Any) -> Any:
    tables.put("stock", {"sku": "mug", "available": 5})
    tables.put("stock", {"sku": "lid", "available": 1})
    return tables


@pytest.fixture
def reserve(load: Load, context: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    module = load("order.reserve_stock")
    return lambda event: dict(module.handler(event, context))


def cancelled(*codes: str) -> dict[str, Any]:
    return {
        "service_error_code": "TransactionCanceledException",
        "service_message": f"Transaction cancelled [{', '.join(codes)}]",
        "modeled_fields": {"CancellationReasons": [{"Code": code} for code in codes]},
    }


def test_it_takes_the_stock_and_records_the_reservation(
    shop: Any, reserve: Callable[..., Any], reserve_event: dict[str, Any]
) -> None:
    assert reserve(reserve_event) == {"reservationId": "o-1"}
    assert shop.stock() == {"lid": 0, "mug": 3}
    assert shop.items("reservations") == [
        {"orderId": "o-1", "status": "RESERVED", "quantities": {"lid": 1, "mug": 2}}
    ]


def test_a_second_call_takes_nothing_more(
    shop: Any, reserve: Callable[..., Any], reserve_event: dict[str, Any]
) -> None:
    assert reserve(reserve_event) == reserve(reserve_event)
    assert shop.stock() == {"lid": 0, "mug": 3}


@pytest.mark.parametrize("how", ["answer lost", "process killed"])
def test_after_a_lost_answer_the_next_call_finds_its_own_reservation(
    how: str,
    shop: Any,
    load: Load,
    reserve: Callable[..., Any],
    reserve_event: dict[str, Any],
    lose_first_answer: Callable[..., None],
    killed: type[BaseException],
) -> None:
    error = killed() if how == "process killed" else ReadTimeoutError(endpoint_url="dynamodb")
    client = load("order.reserve_stock").DYNAMODB
    lose_first_answer(client, "transact_write_items", error)
    with pytest.raises(type(error)):
        reserve(reserve_event)
    assert reserve(reserve_event) == {"reservationId": "o-1"}
    assert shop.stock() == {"lid": 0, "mug": 3}


def test_a_sku_of_several_lines_is_taken_once_with_the_sum(
    shop: Any, reserve: Callable[..., Any], reserve_event: dict[str, Any]
) -> None:
    mug = {"sku": "mug", "quantity": 2, "unitPriceCents": 1250}
    reserve({**reserve_event, "lines": [mug, mug]})
    assert shop.stock() == {"lid": 1, "mug": 1}


def test_quantities_are_summed_by_sku_in_a_fixed_order() -> None:
    lines = [SkuQuantity(sku=sku, quantity=1) for sku in ("b", "a", "b")]
    assert list(total_quantities(lines).items()) == [("a", 1), ("b", 2)]


def test_out_of_stock_names_what_lacks_and_takes_nothing(
    shop: Any, reserve: Callable[..., Any], reserve_event: dict[str, Any]
) -> None:
    lines = [{"sku": "mug", "quantity": 2}, {"sku": "lid", "quantity": 2}]
    with pytest.raises(OutOfStock) as raised:
        reserve({**reserve_event, "lines": lines})
    assert str(raised.value) == "not enough stock of lid (asked for 2)"
    assert shop.stock() == {"lid": 1, "mug": 5}
    assert shop.items("reservations") == []


def test_an_unknown_sku_is_out_of_stock(
    shop: Any, reserve: Callable[..., Any], reserve_event: dict[str, Any]
) -> None:
    with pytest.raises(OutOfStock, match="not enough stock of spoon"):
        reserve({**reserve_event, "lines": [{"sku": "spoon", "quantity": 1}]})


def test_another_order_may_not_take_what_is_reserved(
    shop: Any, reserve: Callable[..., Any], reserve_event: dict[str, Any]
) -> None:
    reserve(reserve_event)
    with pytest.raises(OutOfStock, match="lid"):
        reserve({**reserve_event, "orderId": "o-2"})


def test_a_released_order_is_reserved_again(
    shop: Any,
    load: Load,
    context: object,
    reserve: Callable[..., Any],
    reserve_event: dict[str, Any],
    release_event: dict[str, Any],
) -> None:
    reserve(reserve_event)
    load("order.release_stock").handler(release_event, context)
    reserve(reserve_event)
    assert shop.stock() == {"lid": 0, "mug": 3}
    assert shop.items("reservations")[0]["status"] == "RESERVED"


@pytest.mark.parametrize(
    ("uncertain", "raised", "message"),
    [
        (False, OutOfStock, r"lid \(asked for 1\)$"),
        (True, OutOfStockAfterCharge, r"lid \(asked for 1\); order o-1 may have been charged$"),
    ],
)
def test_sold_out_meanwhile_a_released_order_tells_whether_it_may_be_charged(
    uncertain: bool,
    raised: type[Exception],
    message: str,
    shop: Any,
    load: Load,
    context: object,
    reserve: Callable[..., Any],
    reserve_event: dict[str, Any],
    release_event: dict[str, Any],
) -> None:
    reserve(reserve_event)
    load("order.release_stock").handler({**release_event, "chargeUncertain": uncertain}, context)
    shop.put("stock", {"sku": "lid", "available": 0})
    for _ in range(2):
        with pytest.raises(raised, match=message):
            reserve(reserve_event)
    assert shop.stock() == {"lid": 0, "mug": 5}


def test_a_doubt_ends_when_the_stock_is_reserved_again(
    shop: Any,
    load: Load,
    context: object,
    reserve: Callable[..., Any],
    reserve_event: dict[str, Any],
    release_event: dict[str, Any],
) -> None:
    reserve(reserve_event)
    [reservation] = shop.items("reservations")
    load("order.release_stock").handler({**release_event, "chargeUncertain": True}, context)
    reserve(reserve_event)
    assert shop.items("reservations") == [reservation]


def test_a_reservation_of_other_quantities_is_no_success(
    shop: Any, reserve: Callable[..., Any], reserve_event: dict[str, Any]
) -> None:
    reserve(reserve_event)
    with pytest.raises(OrderInvalid, match="o-1 already holds a reservation of other quantities"):
        reserve({**reserve_event, "lines": [{"sku": "mug", "quantity": 1}]})
    assert shop.stock() == {"lid": 0, "mug": 3}


@pytest.mark.parametrize(
    "codes",
    [
        ("None", "TransactionConflict", "None"),
        ("None", "ProvisionedThroughputExceeded", "None"),
        ("ThrottlingError", "None", "None"),
        ("None", "ConditionalCheckFailed", "TransactionConflict"),
    ],
)
def test_a_conflict_is_told_apart_from_a_lack_of_stock(
    codes: tuple[str, ...], load: Load, reserve: Callable[..., Any], reserve_event: dict[str, Any]
) -> None:
    with Stubber(load("order.reserve_stock").DYNAMODB) as stub:
        stub.add_client_error("transact_write_items", **cancelled(*codes))
        with pytest.raises(TransactionConflict, match="Transaction cancelled"):
            reserve(reserve_event)


@pytest.mark.parametrize(
    "error",
    [
        cancelled("None", "ValidationError", "None"),
        {"service_error_code": "ResourceNotFoundException", "service_message": "no such table"},
    ],
)
def test_any_other_error_passes_through(
    error: dict[str, Any], load: Load, reserve: Callable[..., Any], reserve_event: dict[str, Any]
) -> None:
    with Stubber(load("order.reserve_stock").DYNAMODB) as stub:
        stub.add_client_error("transact_write_items", **error)
        with pytest.raises(ClientError, match=error["service_error_code"]):
            reserve(reserve_event)
