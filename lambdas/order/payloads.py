"""The payloads of the order workflow: what each task is given and what it answers.

Both ends import these keys, the state machine (its Arguments) and the function, so that a renamed
key is an error of mypy. `executionArn` is the correlation id that the functions log under.
Amounts are integers in the currency's smallest unit; timestamps are ISO 8601 in UTC.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class SkuQuantity(TypedDict):
    sku: str
    quantity: int


class OrderLine(SkuQuantity):
    unitPriceCents: int


class OrderInput(TypedDict):
    """The input of the Order machine."""

    orderId: str
    customerId: str
    shipAt: str
    currency: str
    cardToken: str
    lines: list[OrderLine]


class Order(OrderInput):
    """The normalized order: what validate_order answers."""

    totalCents: int


class TaskEvent(TypedDict):
    """What every task of the workflow is given besides its own fields."""

    executionArn: str


class ValidateOrderEvent(TaskEvent):
    """`order` is the execution's input as it came, of whatever shape."""

    order: object


class ReserveStockEvent(TaskEvent):
    orderId: str
    lines: list[OrderLine]


class ReserveStockResult(TypedDict):
    reservationId: str


class ReleaseStockEvent(TaskEvent):
    """`chargeUncertain`: the card may have been charged, although nobody was told so."""

    orderId: str
    chargeUncertain: bool


class ReleaseStockResult(TypedDict):
    """`released` is false when there was nothing to release (any more)."""

    released: bool


class ChargePaymentEvent(TaskEvent):
    orderId: str
    totalCents: int
    currency: str
    cardToken: str


class ChargePaymentResult(TypedDict):
    chargeId: str


class InvoiceMessage(TaskEvent):
    """The body of a message in the invoices queue, read by create_invoice."""

    orderId: str
    customerId: str
    chargeId: str
    totalCents: int
    currency: str
    lines: list[OrderLine]


class HandOverMessage(TaskEvent):
    """The body of a message in the warehouse's queue; `handOver` counts from 1."""

    taskToken: str
    orderId: str
    handOver: int
    lines: list[SkuQuantity]


class HandOverResult(TypedDict):
    """What the warehouse answers the task token with."""

    shipped: list[SkuQuantity]
    backordered: list[SkuQuantity]


class ChargeRequest(TypedDict):
    """What the payment provider's function is invoked with."""

    idempotencyKey: str
    amountCents: int
    currency: str
    cardToken: str


class Charged(TypedDict):
    status: Literal["CHARGED"]
    chargeId: str


class Declined(TypedDict):
    status: Literal["DECLINED"]
    reason: str


ChargeAnswer = Charged | Declined
