"""Orders that come over HTTP: who may order, once a key, what is refused, what waits in the queue.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sfnlocal.errors import ApiError, LostAnswerError, SfnLocalError
from sfnlocal.testing import LocalApp, Run
from sfnlocal.triggers.http_messages import HttpResponse
from tests.callers import BAD_TOKENS, ask, bad_token, trust_issuer
from tests.workflows.accidents import Accidents
from tests.workflows.shop import empty, status, stock

API = "OrderApi"
QUEUES = ("OrderBufferQueue", "OrderBufferQueueDeadLetters", "OrderDeadLetters")
Order = dict[str, Any]


@pytest.fixture(scope="module")
def gate(shop: LocalApp) -> Accidents:
    trust_issuer(shop)
    gate = Accidents()
    shop.session.aws.add_gate(gate)
    return gate


@pytest.fixture
def accidents(gate: Accidents) -> Iterator[Accidents]:
    gate.calls.clear()
    yield gate
    gate.end()


@pytest.fixture
def body(order: Order, accidents: Accidents) -> Order:
    """The order as its customer sends it."""
    return {name: order[name] for name in order if name not in ("orderId", "customerId")}


def post(app: LocalApp, body: object, key: str = "k", **options: Any) -> HttpResponse:
    headers = {"idempotency-key": key, **options.pop("headers", {})}
    return ask(app, "POST", "/orders", api=API, json=body, headers=headers, **options)


def get(app: LocalApp, order_id: str, **options: Any) -> HttpResponse:
    return ask(app, "GET", f"/orders/{order_id}", api=API, **options)


def key_of(order: Order) -> str:
    return f"key-{order['orderId']}"


def runs(app: LocalApp, order_id: str) -> list[Run]:
    return [run for run in app.executions("Order") if run.execution.name == order_id]


def test_an_order_is_accepted_at_once_and_goes_through(
    shop: LocalApp, order: Order, body: Order
) -> None:
    began_ms = shop.session.now_ms
    accepted = post(shop, body, key_of(order))
    order_id = accepted.json["orderId"]
    assert (accepted.status, accepted.json["status"]) == (202, "ACCEPTED")
    assert accepted.headers["location"] == f"/orders/{order_id}"
    assert shop.session.now_ms - began_ms < 1000
    shop.advance(seconds=1)
    shown = get(shop, order_id)
    assert (shown.status, shown.json["status"], shown.json["totalCents"]) == (200, "PAID", 2500)
    shop.run_until_idle()
    [run] = runs(shop, order_id)
    run.assert_succeeded()
    assert run.execution.input == {**body, "orderId": order_id, "customerId": "c-7"}
    assert get(shop, order_id).json["status"] == "COMPLETED"
    assert status(shop, {"orderId": order_id}) == "COMPLETED"
    assert all(shop.messages(queue) == [] for queue in QUEUES)


@pytest.mark.parametrize("minutes", [0, 6, 3000])
def test_the_same_key_is_answered_alike_and_starts_no_second_order(
    shop: LocalApp, order: Order, body: Order, accidents: Accidents, minutes: int
) -> None:
    first = post(shop, body, key_of(order))
    shop.advance(minutes=minutes, seconds=1)
    # The same JSON value, written another way.
    again = post(shop, dict(reversed(body.items())), key_of(order))
    assert (again.status, again.json) == (first.status, first.json)
    shop.run_until_idle()
    assert len(runs(shop, first.json["orderId"])) == 1
    assert stock(shop, order) == 8
    starts = [call for call in accidents.calls if call.operation == "StartExecution"]
    assert [call.params["name"] for call in starts if "name" in call.params] == [
        first.json["orderId"]
    ]


def test_another_body_with_the_same_key_is_refused(
    shop: LocalApp, order: Order, body: Order
) -> None:
    first = post(shop, body, key_of(order))
    other = post(shop, {**body, "currency": "USD"}, key_of(order))
    assert (other.status, other.json["error"]) == (422, "IdempotencyKeyReused")
    shop.run_until_idle()
    [run] = runs(shop, first.json["orderId"])
    assert run.execution.input["currency"] == "EUR"


def test_customers_do_not_share_keys_nor_see_each_other_s_orders(
    shop: LocalApp, order: Order, body: Order
) -> None:
    mine = post(shop, body, key_of(order)).json["orderId"]
    theirs = post(shop, body, key_of(order), caller="c-8").json["orderId"]
    assert mine != theirs
    shop.run_until_idle()
    for order_id, caller, expected in (
        (mine, "c-7", 200),
        (mine, "c-8", 404),
        (theirs, "c-8", 200),
        ("unknown", "c-7", 404),
    ):
        assert get(shop, order_id, caller=caller).status == expected
    assert runs(shop, theirs)[0].execution.input["customerId"] == "c-8"


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("SendMessage", LostAnswerError("read timeout")),
        ("SendMessage", ApiError("RequestThrottled", "slow down", 403)),
        ("UpdateItem", LostAnswerError("read timeout")),
        ("PutItem", LostAnswerError("read timeout")),
        ("PutItem", ApiError("ThrottlingException", "slow down")),
    ],
    ids=lambda value: str(value).split(":")[0],
)
def test_whatever_is_lost_on_the_way_the_repeated_request_makes_one_order(
    shop: LocalApp,
    order: Order,
    body: Order,
    accidents: Accidents,
    operation: str,
    error: SfnLocalError,
) -> None:
    accidents.happen(operation, error)
    first = post(shop, body, key_of(order))
    assert (first.status, first.json["error"]) == (503, "TryAgain")
    assert int(first.headers["retry-after"]) > 0
    accidents.end()
    again = post(shop, body, key_of(order))
    assert again.status == 202
    shop.run_until_idle()
    assert len(runs(shop, again.json["orderId"])) == 1
    assert stock(shop, order) == 8
    assert get(shop, again.json["orderId"]).json["status"] == "COMPLETED"


def test_what_the_workflow_cannot_take_now_is_taken_later(
    shop: LocalApp, order: Order, body: Order, accidents: Accidents
) -> None:
    accidents.happen("StartExecution", ApiError("ThrottlingException", "Rate exceeded"))
    order_id = post(shop, body, key_of(order)).json["orderId"]
    shop.advance(minutes=90)
    assert runs(shop, order_id) == []
    assert get(shop, order_id).json == {"orderId": order_id, "status": "ACCEPTED"}
    accidents.end()
    shop.advance(minutes=2)
    assert len(runs(shop, order_id)) == 1
    shop.run_until_idle()
    assert get(shop, order_id).json["status"] == "COMPLETED"
    assert shop.messages("OrderBufferQueueDeadLetters") == []


def test_of_a_batch_only_the_message_that_fails_is_tried_again(
    shop: LocalApp, order: Order, accidents: Accidents
) -> None:
    names = [f"{order['orderId']}-{n}" for n in range(4)]
    accidents.happen("StartExecution", ApiError("ThrottlingException", "slow"), text=names[1])
    entries = [
        {"Id": str(n), "MessageBody": json.dumps({"name": name, "input": {}})}
        for n, name in enumerate(names)
    ]
    sent = {"QueueUrl": shop.queue_url("OrderBufferQueue"), "Entries": entries}
    shop.session.aws.call("sqs", "SendMessageBatch", sent)
    shop.advance(seconds=1)
    assert [len(runs(shop, name)) for name in names] == [1, 0, 1, 1]
    accidents.end()
    shop.advance(minutes=2)
    assert [len(runs(shop, name)) for name in names] == [1, 1, 1, 1]
    starts = [
        call.params["name"]
        for call in accidents.calls
        if call.operation == "StartExecution" and call.params.get("name") in names
    ]
    assert sorted(starts) == sorted([*names, names[1]])


def test_a_start_that_comes_twice_starts_once(shop: LocalApp, order: Order) -> None:
    message = {"name": order["orderId"], "input": order}
    for _ in range(2):
        shop.send("OrderBufferQueue", message)
    shop.run_until_idle()
    # The run has ended, and its input is another one now: the name is taken all the same.
    shop.send("OrderBufferQueue", {**message, "input": {}})
    shop.run_until_idle()
    assert len(runs(shop, order["orderId"])) == 1
    assert all(shop.messages(queue) == [] for queue in QUEUES)


def test_what_can_never_start_is_a_dead_letter_after_hours_and_rings(
    shop: LocalApp, accidents: Accidents
) -> None:
    shop.send("OrderBufferQueue", {"input": {}})
    shop.advance(hours=3)
    assert shop.messages("OrderBufferQueueDeadLetters") == []
    shop.advance(hours=2)
    assert shop.messages("OrderBufferQueueDeadLetters") == [{"input": {}}]
    [alarm] = ringing(shop)
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    empty(shop, "OrderBufferQueueDeadLetters")


def test_a_queue_that_is_not_emptied_rings(
    shop: LocalApp, order: Order, accidents: Accidents
) -> None:
    accidents.happen("StartExecution", ApiError("ThrottlingException", "slow down"))
    for number in range(12):
        shop.send("OrderBufferQueue", {"name": f"{order['orderId']}-{number}", "input": order})
    shop.advance(minutes=10)
    assert ringing(shop) == []
    shop.advance(minutes=15)
    [alarm] = ringing(shop)
    assert "Backlog" in alarm["AlarmName"]
    accidents.end()
    shop.advance(minutes=25)
    assert ringing(shop) == []


def ringing(app: LocalApp) -> list[dict[str, Any]]:
    answer = app.client("cloudwatch").describe_alarms(
        AlarmNamePrefix="orders-dev-front-OrderBuffer", StateValue="ALARM"
    )
    return list(answer["MetricAlarms"])


LINE = {"sku": "mug", "quantity": 2, "unitPriceCents": 1250}
BAD_BODIES: dict[str, tuple[Any, str]] = {
    "no quantity": ({"lines": [{**LINE, "quantity": 0}]}, "order.lines[0].quantity must be"),
    "unknown field": ({"coupon": "10OFF"}, "order must not contain {'coupon'}"),
    "too far": ({"shipAt": "9999-01-01T00:00:00Z"}, "order.shipAt is more than 300 days"),
    "no card": ({"cardToken": None}, "order.cardToken must be string"),
    "an id": ({"orderId": "o-1"}, "order.orderId is not the client's to say"),
    "a customer": ({"customerId": "c-9"}, "order.customerId is not the client's to say"),
    "a list": ([], "order must be object"),
}


@pytest.mark.parametrize(("change", "message"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_order_is_refused_by_its_field_and_nothing_is_left(
    shop: LocalApp, order: Order, body: Order, change: Any, message: str
) -> None:
    sent = {**body, **change} if isinstance(change, dict) else change
    refused = post(shop, sent, key_of(order))
    assert (refused.status, refused.json["error"]) == (400, "OrderInvalid")
    assert message in refused.json["message"]
    shop.run_until_idle()
    assert all(shop.messages(queue) == [] for queue in QUEUES)
    # The key is still free.
    assert post(shop, body, key_of(order)).status == 202


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"body": "two mugs"}, (400, "BodyNotJson")),
        ({"body": b"\xff\xfe"}, (400, "BodyNotJson")),
        ({"body": "[" * 20_000}, (400, "BodyNotJson")),
        ({}, (400, "BodyNotJson")),
        ({"json": {"note": "x" * 40_000}}, (413, "BodyTooLarge")),
        ({"json": {}, "headers": {"idempotency-key": ""}}, (400, "IdempotencyKeyMissing")),
        ({"json": {}, "headers": {"idempotency-key": "ä"}}, (400, "IdempotencyKeyMissing")),
        ({"json": {}, "headers": {"idempotency-key": "k" * 256}}, (400, "IdempotencyKeyMissing")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_a_request_that_is_no_order_is_refused(
    shop: LocalApp, accidents: Accidents, sent: dict[str, Any], expected: tuple[int, str]
) -> None:
    headers = {"idempotency-key": "k", **sent.pop("headers", {})}
    refused = ask(shop, "POST", "/orders", api=API, headers=headers, **sent)
    assert (refused.status, refused.json["error"]) == expected
    assert not [call for call in accidents.calls if call.service in ("dynamodb", "sqs")]


@pytest.mark.parametrize("name", BAD_TOKENS)
@pytest.mark.parametrize(("method", "path"), [("POST", "/orders"), ("GET", "/orders/o-1")])
def test_who_has_no_token_of_the_issuer_reaches_nothing(
    shop: LocalApp, accidents: Accidents, method: str, path: str, name: str
) -> None:
    headers = {"idempotency-key": "k", **bad_token(shop, name)}
    refused = shop.request(method, path, api=API, headers=headers, json={})
    assert (refused.status, refused.json) == (401, {"message": "Unauthorized"})
    assert accidents.calls == []
