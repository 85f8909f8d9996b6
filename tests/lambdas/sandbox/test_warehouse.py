"""The sandbox's warehouse: ships, and answers each task token once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from lambdas.order.payloads import OrderLine, SkuQuantity
from lambdas.sandbox.logic.warehouse import ship_lines

Load = Callable[[str], ModuleType]
MUG = SkuQuantity(sku="mug", quantity=2)
RARE = SkuQuantity(sku="backorder-vase", quantity=1)
SHIPPED = json.dumps({"shipped": [MUG], "backordered": []})


def message(**changes: Any) -> str:
    return json.dumps(
        {
            "executionArn": "arn:aws:states:eu-west-1:123456789012:execution:Fulfilment:o-1",
            "taskToken": "token-1",
            "orderId": "o-1",
            "handOver": 1,
            "lines": [MUG],
            **changes,
        }
    )


@pytest.fixture
def stub(load: Load) -> Iterator[Stubber]:
    """Step Functions, as far as the test says what it answers."""
    with Stubber(load("sandbox.warehouse").STEP_FUNCTIONS) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def hand_over(load: Load, context: object) -> Callable[..., list[str]]:
    """Hands a batch of messages over; the ids of those that failed."""
    module = load("sandbox.warehouse")

    def handle(*bodies: str) -> list[str]:
        records = [
            {"messageId": f"message-{number}", "body": body, "eventSource": "aws:sqs"}
            for number, body in enumerate(bodies, start=1)
        ]
        answer = module.handler({"Records": records}, context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return handle


def expect_answer(stub: Stubber, output: str) -> None:
    stub.add_response("send_task_heartbeat", {}, {"taskToken": "token-1"})
    stub.add_response("send_task_success", {}, {"taskToken": "token-1", "output": output})


def test_everything_in_stock_ships_at_once() -> None:
    assert ship_lines([MUG], 1) == {"shipped": [MUG], "backordered": []}


@pytest.mark.parametrize(
    ("number", "shipped", "backordered"), [(1, [MUG], [RARE]), (2, [MUG, RARE], [])]
)
def test_a_backordered_sku_ships_from_the_second_hand_over_on(
    number: int, shipped: list[SkuQuantity], backordered: list[SkuQuantity]
) -> None:
    expected = {"shipped": shipped, "backordered": backordered}
    assert ship_lines([MUG, RARE], number) == expected


def test_prices_are_not_the_warehouse_s_business() -> None:
    line = OrderLine(sku="mug", quantity=2, unitPriceCents=1250)
    assert ship_lines([line], 1)["shipped"] == [MUG]


def test_it_answers_the_token_after_a_heartbeat(
    stub: Stubber, hand_over: Callable[..., list[str]]
) -> None:
    expect_answer(stub, SHIPPED)
    assert hand_over(message()) == []


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist"])
def test_a_message_that_comes_again_after_its_answer_is_done(
    code: str, stub: Stubber, hand_over: Callable[..., list[str]]
) -> None:
    expect_answer(stub, SHIPPED)
    stub.add_client_error("send_task_heartbeat", code)
    assert hand_over(message(), message()) == []


def test_after_a_lost_answer_the_redelivery_is_done(
    load: Load,
    stub: Stubber,
    hand_over: Callable[..., list[str]],
    lose_first_answer: Callable[..., None],
) -> None:
    expect_answer(stub, SHIPPED)
    client = load("sandbox.warehouse").STEP_FUNCTIONS
    lose_first_answer(client, "send_task_success", ReadTimeoutError(endpoint_url="states"))
    assert hand_over(message()) == ["message-1"]
    stub.add_client_error("send_task_heartbeat", "TaskTimedOut")
    assert hand_over(message()) == []


def test_a_task_that_ends_between_heartbeat_and_answer_is_done(
    stub: Stubber, hand_over: Callable[..., list[str]]
) -> None:
    stub.add_response("send_task_heartbeat", {})
    stub.add_client_error("send_task_success", "TaskTimedOut")
    assert hand_over(message()) == []


def test_only_the_message_that_fails_stays_in_the_queue(
    stub: Stubber, hand_over: Callable[..., list[str]]
) -> None:
    stub.add_client_error("send_task_heartbeat", "InvalidToken")
    expect_answer(stub, SHIPPED)
    assert hand_over(message(taskToken="none"), "no JSON", message()) == ["message-1", "message-2"]


def test_a_discontinued_sku_never_ships() -> None:
    gone = SkuQuantity(sku="discontinued-vase", quantity=1)
    for hand_over in (1, 2, 3):
        assert ship_lines([MUG, gone], hand_over) == {"shipped": [MUG], "backordered": [gone]}
