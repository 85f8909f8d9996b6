"""The environment of each function of the order workflow, in one module that imports neither
boto3 nor Powertools: the stacks import it at synth."""

from __future__ import annotations

from lambdas.environment import Environment, FunctionName, QueueUrl, TableName


class ValidateOrderEnvironment(Environment):
    """validate_order calls nothing."""


class ReserveStockEnvironment(Environment):
    """reserve_stock writes both tables in one transaction, and may read the reservation."""

    stock_table: TableName
    reservations_table: TableName


class ReleaseStockEnvironment(Environment):
    """release_stock reads the reservation, then writes both tables in one transaction."""

    stock_table: TableName
    reservations_table: TableName


class ChargePaymentEnvironment(Environment):
    """charge_payment invokes the provider and keeps Powertools' idempotency records."""

    payment_provider_function: FunctionName
    idempotency_table: TableName


class CreateInvoiceEnvironment(Environment):
    """create_invoice puts one item an order."""

    invoices_table: TableName


class AcceptOrderEnvironment(Environment):
    """accept_order takes the client's key, then leaves the order in the queue."""

    order_requests_table: TableName
    order_buffer_queue: QueueUrl


class ReadOrderEnvironment(Environment):
    """read_order reads both tables."""

    orders_table: TableName
    order_requests_table: TableName
