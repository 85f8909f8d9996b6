"""charge_payment: one charge an order, and no cached answer that is no longer true."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
import time_machine
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyKeyError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from lambdas.order.errors import CardDeclined, PaymentProviderUnavailable

Load = Callable[[str], ModuleType]
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY_S = 24 * 3600


@pytest.fixture
def asked(load: Load, context: object, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The requests that reached the provider, whose function runs in this process."""
    requests = []
    provider = load("sandbox.payment_provider").handler

    def invoke(**arguments: Any) -> dict[str, Any]:
        assert arguments["FunctionName"] == "payment-provider"
        requests.append(json.loads(arguments["Payload"]))
        try:
            payload, failed = provider(requests[-1], context), {}
        except Exception as error:
            payload = {"errorType": type(error).__name__, "errorMessage": str(error)}
            failed = {"FunctionError": "Unhandled"}
        return {"Payload": io.BytesIO(json.dumps(payload).encode()), **failed}

    monkeypatch.setattr(load("order.charge_payment").LAMBDA, "invoke", invoke)
    return requests


@pytest.fixture
def charge(load: Load, context: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    module = load("order.charge_payment")
    return lambda event: dict(module.handler(event, context))


def test_it_charges_the_total_to_the_card(
    tables: Any, asked: list[Any], charge: Callable[..., Any], charge_event: dict[str, Any]
) -> None:
    answer = charge(charge_event)
    assert asked == [
        {
            "idempotencyKey": "o-1",
            "amountCents": 2800,
            "currency": "EUR",
            "cardToken": "tok_visa",
        }
    ]
    [payment] = tables.items("payments")
    assert (payment["chargeId"], payment["amountCents"]) == (answer["chargeId"], 2800)


def test_a_second_call_answers_the_same_charge_without_asking(
    asked: list[Any], charge: Callable[..., Any], charge_event: dict[str, Any]
) -> None:
    assert charge(charge_event) == charge(charge_event)
    assert len(asked) == 1


def test_a_replay_in_another_execution_finds_the_charge(
    asked: list[Any], charge: Callable[..., Any], charge_event: dict[str, Any]
) -> None:
    replayed = {**charge_event, "executionArn": f"{charge_event['executionArn']}-replay-1"}
    assert charge(charge_event) == charge(replayed)
    assert len(asked) == 1


def test_two_orders_are_two_charges(
    tables: Any, asked: list[Any], charge: Callable[..., Any], charge_event: dict[str, Any]
) -> None:
    assert charge(charge_event) != charge({**charge_event, "orderId": "o-2"})
    assert len(tables.items("payments")) == 2


def test_after_a_lost_answer_of_the_provider_it_asks_again_with_the_same_key(
    tables: Any,
    load: Load,
    asked: list[Any],
    charge: Callable[..., Any],
    charge_event: dict[str, Any],
    lose_first_answer: Callable[..., None],
) -> None:
    client = load("order.charge_payment").LAMBDA
    lose_first_answer(client, "invoke", ReadTimeoutError(endpoint_url="lambda"))
    with pytest.raises(PaymentProviderUnavailable, match="Read timeout"):
        charge(charge_event)
    [payment] = tables.items("payments")
    assert charge(charge_event) == {"chargeId": payment["chargeId"]}
    assert len(asked) == 2
    assert tables.items("payments") == [payment]


def test_killed_after_the_charge_it_is_in_progress_until_its_time_is_over(
    tables: Any,
    load: Load,
    asked: list[Any],
    charge: Callable[..., Any],
    charge_event: dict[str, Any],
    lose_first_answer: Callable[..., None],
    killed: type[BaseException],
) -> None:
    lose_first_answer(load("order.charge_payment").LAMBDA, "invoke", killed())
    with time_machine.travel(START, tick=False) as clock:
        with pytest.raises(killed):
            charge(charge_event)
        [payment] = tables.items("payments")
        clock.shift(14.9)
        with pytest.raises(IdempotencyAlreadyInProgressError):
            charge(charge_event)
        clock.shift(0.2)
        assert charge(charge_event) == {"chargeId": payment["chargeId"]}
    assert len(asked) == 2
    assert tables.items("payments") == [payment]


def test_when_the_charge_cannot_be_recorded_the_next_attempt_finds_it_at_the_provider(
    tables: Any,
    load: Load,
    charge: Callable[..., Any],
    asked: list[Any],
    charge_event: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = load("order.charge_payment").DYNAMODB
    update_item = client.update_item

    def throttled(**arguments: Any) -> Any:
        if arguments["TableName"] == "idempotency":
            raise ReadTimeoutError(endpoint_url="dynamodb")
        return update_item(**arguments)

    with time_machine.travel(START, tick=False) as clock:
        with monkeypatch.context() as patch:
            patch.setattr(client, "update_item", throttled)
            with pytest.raises(IdempotencyPersistenceLayerError):
                charge(charge_event)
        clock.shift(15.1)
        charge(charge_event)
    assert len(asked) == 2
    assert len(tables.items("payments")) == 1


def test_a_charge_is_remembered_longer_than_a_dead_letter_lives(
    tables: Any, asked: list[Any], charge: Callable[..., Any], charge_event: dict[str, Any]
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        first = charge(charge_event)
        [record] = tables.items("idempotency")
        assert record["expiration"] == int(START.timestamp()) + 30 * DAY_S
        clock.shift(29 * DAY_S)
        assert charge(charge_event) == first
        assert len(asked) == 1
        clock.shift(2 * DAY_S)
        assert charge(charge_event) == first
    assert len(asked) == 2
    assert len(tables.items("payments")) == 1


def test_the_record_bears_no_function_name_that_a_deployment_could_change(
    tables: Any, asked: list[Any], charge: Callable[..., Any], charge_event: dict[str, Any]
) -> None:
    charge(charge_event)
    [record] = tables.items("idempotency")
    assert record["id"].startswith("charge_payment#")


def test_a_declined_card_is_asked_again_by_a_replay(
    tables: Any, asked: list[Any], charge: Callable[..., Any], charge_event: dict[str, Any]
) -> None:
    for _ in range(2):
        with pytest.raises(CardDeclined, match="the card was declined"):
            charge({**charge_event, "cardToken": "tok_declined"})
    assert (tables.items("idempotency"), tables.items("payments")) == ([], [])
    assert charge(charge_event)["chargeId"]
    assert len(asked) == 3


def test_an_outage_of_the_provider_is_not_remembered(
    tables: Any, asked: list[Any], charge: Callable[..., Any], charge_event: dict[str, Any]
) -> None:
    tables.put("payments", {"idempotencyKey": "#outage", "failuresLeft": 2})
    for _ in range(2):
        with pytest.raises(PaymentProviderUnavailable) as raised:
            charge(charge_event)
        assert str(raised.value) == (
            "the payment provider failed: ProviderOutageError: the provider has an outage"
        )
    assert charge(charge_event)["chargeId"]
    assert len(asked) == 3


@pytest.mark.parametrize("change", [{"totalCents": 1}, {"currency": "USD"}])
def test_another_amount_of_the_same_order_is_refused_and_not_answered_from_memory(
    change: dict[str, Any],
    tables: Any,
    asked: list[Any],
    charge: Callable[..., Any],
    charge_event: dict[str, Any],
) -> None:
    charge(charge_event)
    with pytest.raises(IdempotencyValidationError):
        charge({**charge_event, **change})
    assert len(asked) == 1


def test_without_an_order_id_nothing_is_charged(
    asked: list[Any], charge: Callable[..., Any], charge_event: dict[str, Any]
) -> None:
    with pytest.raises(IdempotencyKeyError):
        charge({**charge_event, "orderId": None})
    assert asked == []


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="lambda"),
        ConnectTimeoutError(endpoint_url="lambda"),
        EndpointConnectionError(endpoint_url="lambda"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_provider_out_of_reach_is_unavailable(
    error: Exception,
    load: Load,
    charge: Callable[..., Any],
    charge_event: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def invoke(**arguments: Any) -> Any:
        raise error

    monkeypatch.setattr(load("order.charge_payment").LAMBDA, "invoke", invoke)
    with pytest.raises(PaymentProviderUnavailable):
        charge(charge_event)


@pytest.mark.parametrize(
    ("code", "status", "raised"),
    [
        ("TooManyRequestsException", 429, PaymentProviderUnavailable),
        ("ServiceException", 500, PaymentProviderUnavailable),
        ("ResourceNotFoundException", 404, ClientError),
        ("AccessDeniedException", 403, ClientError),
    ],
)
def test_an_error_of_lambda_is_the_providers_only_when_it_may_pass(
    code: str,
    status: int,
    raised: type[Exception],
    load: Load,
    charge: Callable[..., Any],
    charge_event: dict[str, Any],
) -> None:
    with Stubber(load("order.charge_payment").LAMBDA) as stub:
        stub.add_client_error("invoke", code, "the reason", http_status_code=status)
        with pytest.raises(raised, match="the reason"):
            charge(charge_event)


@pytest.mark.parametrize("answer", [{"status": "PENDING"}, {"status": "CHARGED"}, None, "ok"])
def test_an_answer_that_is_none_is_unavailable(
    answer: object,
    load: Load,
    charge: Callable[..., Any],
    charge_event: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def invoke(**arguments: Any) -> dict[str, Any]:
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    monkeypatch.setattr(load("order.charge_payment").LAMBDA, "invoke", invoke)
    with pytest.raises(PaymentProviderUnavailable, match="the payment provider answered"):
        charge(charge_event)


def test_an_error_of_the_provider_in_another_shape_is_told_as_it_is(
    load: Load,
    charge: Callable[..., Any],
    charge_event: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def invoke(**arguments: Any) -> dict[str, Any]:
        answer = {"errorMessage": "Task timed out after 10.00 seconds"}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), "FunctionError": "Unhandled"}

    monkeypatch.setattr(load("order.charge_payment").LAMBDA, "invoke", invoke)
    with pytest.raises(PaymentProviderUnavailable, match=r"errorMessage.*timed out"):
        charge(charge_event)


def test_the_provider_is_asked_once_a_call_and_ends_before_the_function(load: Load) -> None:
    config = load("order.charge_payment").LAMBDA.meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.connect_timeout + config.read_timeout < 15
