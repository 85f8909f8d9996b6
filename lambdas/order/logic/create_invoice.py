"""Writes one invoice an order. A message that comes again finds the invoice, and is done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from lambdas.order.environments import CreateInvoiceEnvironment
    from lambdas.order.payloads import InvoiceMessage


def create_invoice(
    dynamodb: DynamoDBClient,
    environment: CreateInvoiceEnvironment,
    message: InvoiceMessage,
    sent_ms: int,
) -> None:
    """Returns when the order has its invoice, by this call or an earlier one."""
    try:
        dynamodb.put_item(
            TableName=environment.invoices_table,
            Item=invoice_item(message, sent_ms),
            ConditionExpression="attribute_not_exists(orderId)",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def invoice_item(message: InvoiceMessage, sent_ms: int) -> dict[str, AttributeValueTypeDef]:
    """The invoice bears the moment its message was sent, which no redelivery changes."""
    issued_at = datetime.fromtimestamp(sent_ms / 1000, UTC).isoformat(timespec="seconds")
    return {
        "orderId": {"S": message["orderId"]},
        "invoiceId": {"S": f"inv-{message['orderId']}"},
        "customerId": {"S": message["customerId"]},
        "chargeId": {"S": message["chargeId"]},
        "totalCents": {"N": str(message["totalCents"])},
        "currency": {"S": message["currency"]},
        "issuedAt": {"S": issued_at.replace("+00:00", "Z")},
        "lines": {
            "L": [
                {
                    "M": {
                        "sku": {"S": line["sku"]},
                        "quantity": {"N": str(line["quantity"])},
                        "unitPriceCents": {"N": str(line["unitPriceCents"])},
                    }
                }
                for line in message["lines"]
            ]
        },
    }
