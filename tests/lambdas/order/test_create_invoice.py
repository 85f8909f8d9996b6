"""create_invoice: one invoice an order; the messages of a batch fail one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

Load = Callable[[str], ModuleType]
MESSAGE = {
    "executionArn": "arn:aws:states:eu-west-1:123456789012:execution:Order:o-1",
    "orderId": "o-1",
    "customerId": "c-7",
    "chargeId": "ch_1",
    "totalCents": 2500,
    "currency": "EUR",
    "lines": [{"sku": "mug", "quantity": 2, "unitPriceCents": 1250}],
}


def sqs_event(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "handle",
                "body": body,
                "attributes": {"SentTimestamp": "1767225600000"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies, start=1)
        ]
    }


@pytest.fixture
def create(load: Load, context: object) -> Callable[..., list[str]]:
    """Hands a batch over; the ids of the messages that failed."""
    module = load("order.create_invoice")

    def handle(*bodies: str) -> list[str]:
        answer = module.handler(sqs_event(*bodies), context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return handle


def test_it_writes_the_invoice(tables: Any, create: Callable[..., list[str]]) -> None:
    assert create(json.dumps(MESSAGE)) == []
    assert tables.items("invoices") == [
        {
            "orderId": "o-1",
            "invoiceId": "inv-o-1",
            "customerId": "c-7",
            "chargeId": "ch_1",
            "totalCents": 2500,
            "currency": "EUR",
            "issuedAt": "2026-01-01T00:00:00Z",
            "lines": [{"sku": "mug", "quantity": 2, "unitPriceCents": 1250}],
        }
    ]


def test_a_message_that_comes_twice_makes_one_invoice(
    tables: Any, create: Callable[..., list[str]]
) -> None:
    body = json.dumps(MESSAGE)
    assert create(body, body) == []
    assert create(body) == []
    assert len(tables.items("invoices")) == 1


@pytest.mark.parametrize("how", ["answer lost", "process killed"])
def test_after_a_lost_answer_the_redelivery_finds_the_invoice(
    how: str,
    tables: Any,
    load: Load,
    create: Callable[..., list[str]],
    lose_first_answer: Callable[..., None],
    killed: type[BaseException],
) -> None:
    client = load("order.create_invoice").DYNAMODB
    body = json.dumps(MESSAGE)
    if how == "answer lost":
        lose_first_answer(client, "put_item", ReadTimeoutError(endpoint_url="dynamodb"))
        assert create(body) == ["message-1"]
    else:
        lose_first_answer(client, "put_item", killed())
        with pytest.raises(killed):
            create(body)
    [invoice] = tables.items("invoices")
    assert create(body) == []
    assert tables.items("invoices") == [invoice]


@pytest.mark.parametrize("bad", ["no JSON", "{}", "[]", json.dumps({"executionArn": "arn"})])
def test_only_the_bad_message_of_a_batch_fails(
    bad: str, tables: Any, create: Callable[..., list[str]]
) -> None:
    other = json.dumps({**MESSAGE, "orderId": "o-2"})
    assert create(json.dumps(MESSAGE), bad, other) == ["message-2"]
    assert [invoice["orderId"] for invoice in tables.items("invoices")] == ["o-1", "o-2"]


def test_a_batch_that_fails_whole_fails_by_its_messages(create: Callable[..., list[str]]) -> None:
    assert create("no JSON", "no JSON") == ["message-1", "message-2"]
