"""Mistakes in handlers and in what calls them."""

from __future__ import annotations

from typing import Any

from tests.planted.planting import PlantedBug, fault, properties, source

CHARGE = "lambdas/order/logic/charge_payment.py"
RELEASE = "lambdas/order/logic/release_stock.py"
RESERVE = "lambdas/order/logic/reserve_stock.py"
TRANSACTION = "lambdas/order/logic/transaction.py"
INVOICE = "lambdas/order/logic/create_invoice.py"
INVOICES = "lambdas/order/create_invoice.py"
MAPPING = "Orders/CreateInvoice/Function/SqsEventSource:OrdersInvoiceQueue9562F478"

NO_INVOICE = fault(
    "refused:ProvisionedThroughputExceededException",
    "call:CreateInvoice/Function/dynamodb.PutItem#1",
    "once",
)


def no_partial_failures(properties: dict[str, Any]) -> None:
    del properties["FunctionResponseTypes"]


def invisible_too_short(properties: dict[str, Any]) -> None:
    properties["VisibilityTimeout"] = 10


def kept_too_short(properties: dict[str, Any]) -> None:
    properties["MessageRetentionPeriod"] = 60


HANDLERS = (
    PlantedBug(
        name="charge-without-key",
        mistake="each request to the payment provider has an idempotency key of its own",
        on_aws="a lost answer charges the card a second time",
        edits=(
            source(
                CHARGE,
                (
                    'idempotencyKey=event["orderId"]',
                    "idempotencyKey=f\"{event['orderId']}-{uuid4()}\"",
                ),
                ("import json\n", "import json\nfrom uuid import uuid4\n"),
            ),
        ),
        plans=(fault("lost", "call:ChargePayment/Function/lambda.Invoke#1", "once"),),
        speaks=("twice", "contents"),
    ),
    PlantedBug(
        name="condition-taken-for-refusal",
        mistake="an order that finds its own reservation is told that nothing is left",
        on_aws="a lost answer rejects the order, and its stock stays reserved for ever",
        edits=(
            source(
                RESERVE,
                (
                    "        return\n    lacking",
                    '        raise OutOfStock("sold out")\n    lacking',
                ),
            ),
        ),
        plans=(fault("lost:Lambda.SdkClientException", "state:Order/ReserveStock#1", "once"),),
        speaks=("paid_orders_hold_their_stock", "contents"),
    ),
    PlantedBug(
        name="stock-given-back-twice",
        mistake="the compensation does not look whether it has been done before",
        on_aws="a lost answer puts goods on the shelf that nobody has",
        edits=(
            source(
                RELEASE,
                (' or reservation["status"]["S"] != "RESERVED"', ""),
                ("#status = :reserved AND ", ""),
                ('                ":reserved": {"S": "RESERVED"},\n', ""),
            ),
        ),
        plans=(
            fault(
                "lost:Lambda.SdkClientException",
                "state:Order/ReleaseStock#1",
                "once",
                scenario="declined",
            ),
        ),
        speaks=("stock_is_constant", "contents"),
    ),
    PlantedBug(
        name="throttled-taken-for-sold-out",
        mistake="each reason for which a transaction is canceled counts as a failed condition",
        on_aws="an order that comes while the table is throttled is rejected as sold out",
        edits=(
            source(
                TRANSACTION,
                ("        if codes & TRY_AGAIN:", "        if codes & {'TransactionConflict'}:"),
                ("        if codes != {CONDITION_FAILED}:", "        if not codes:"),
            ),
        ),
        plans=(
            fault(
                "canceled:ThrottlingError",
                "call:ReserveStock/Function/dynamodb.TransactWriteItems#1",
                "once",
            ),
        ),
        speaks=("contents",),
    ),
    PlantedBug(
        name="error-swallowed",
        mistake="create_invoice takes every error for an invoice that is there already",
        on_aws="a throttled put loses the invoice, and its message is deleted",
        edits=(
            source(
                INVOICE,
                (
                    ' != "ConditionalCheckFailedException":\n            raise',
                    ' != "ConditionalCheckFailedException":\n            pass',
                ),
            ),
        ),
        plans=(NO_INVOICE,),
        speaks=("contents",),
    ),
    PlantedBug(
        name="batch-failures-not-told",
        mistake="create_invoice processes the batch and returns nothing",
        on_aws="Lambda deletes the whole batch, and the invoices that failed are lost",
        edits=(
            source(
                INVOICES,
                ("    return handle_each(", "    handle_each("),
            ),
        ),
        plans=(NO_INVOICE,),
        speaks=("contents",),
    ),
    PlantedBug(
        name="batch-failures-not-heard",
        mistake="the mapping has no ReportBatchItemFailures",
        on_aws="Lambda does not read what failed, and deletes the whole batch",
        edits=(properties(MAPPING, no_partial_failures),),
        plans=(NO_INVOICE,),
        speaks=("contents",),
    ),
    PlantedBug(
        name="visibility-under-time-out",
        mistake="messages of the invoices queue come again after 10 s, its function may take 30",
        on_aws="a message would be worked on twice at once: the mapping is not created",
        edits=(properties("Orders/InvoiceQueue", invisible_too_short),),
        scenarios=("paid",),
        speaks=("refused",),
        refusal="Queue visibility timeout: 10 seconds is less than Function timeout: 30 seconds",
    ),
    PlantedBug(
        name="retention-in-minutes",
        mistake="the invoices queue keeps its messages for 60 seconds",
        on_aws="a message whose first attempt fails is deleted before the second",
        edits=(properties("Orders/InvoiceQueue", kept_too_short),),
        plans=(NO_INVOICE,),
        speaks=("contents",),
    ),
)
