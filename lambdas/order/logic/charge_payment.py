"""Asks the payment provider for a charge, and tells its answers and its failures apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from lambdas.order.errors import CardDeclined, PaymentProviderUnavailable
from lambdas.order.payloads import ChargePaymentEvent, ChargePaymentResult, ChargeRequest

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

    from lambdas.environment import FunctionName

# It promises a ChargeAnswer; being another party, it may answer anything.
PaymentProvider = Callable[[ChargeRequest], object]


def charge_payment(*, event: ChargePaymentEvent, provider: PaymentProvider) -> ChargePaymentResult:
    """The order's charge; CardDeclined with the provider's reason; PaymentProviderUnavailable
    when it gave no answer, or none of these two."""
    answer = provider(
        ChargeRequest(
            idempotencyKey=event["orderId"],
            amountCents=event["totalCents"],
            currency=event["currency"],
            cardToken=event["cardToken"],
        )
    )
    match answer:
        case {"status": "CHARGED", "chargeId": str(charge_id)}:
            return ChargePaymentResult(chargeId=charge_id)
        case {"status": "DECLINED", "reason": reason}:
            raise CardDeclined(str(reason))
        case _:
            raise PaymentProviderUnavailable(f"the payment provider answered {json.dumps(answer)}")


def payment_provider(lambda_client: LambdaClient, function: FunctionName) -> PaymentProvider:
    """The provider behind its function."""

    def ask(request: ChargeRequest) -> object:
        try:
            response = lambda_client.invoke(
                FunctionName=function, Payload=json.dumps(request).encode()
            )
            payload: object = json.load(response["Payload"])
        except (HTTPClientError, ConnectionError) as error:
            raise PaymentProviderUnavailable(str(error)) from error
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status != 429 and status < 500:
                # Not the provider's state but our configuration: its name, our permission.
                raise
            raise PaymentProviderUnavailable(str(error)) from error
        if response.get("FunctionError"):
            raise PaymentProviderUnavailable(f"the payment provider failed: {_reason(payload)}")
        return payload

    return ask


def _reason(payload: object) -> str:
    """A function's error in one line; how much of it there is depends on its runtime."""
    match payload:
        case {"errorType": str(error), "errorMessage": str(message)}:
            return f"{error}: {message}"
        case _:
            return json.dumps(payload)
