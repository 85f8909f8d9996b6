"""The rows of an export: a customer's own orders, in the order in which they were asked for, with
amounts as people write them.

Somebody else's order is missing, like one that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from lambdas.operation.payloads import ExportedOrder, ExportRow, FormatPageResult

# ISO 4217, where a main unit has other than 100 of the smallest.
DECIMALS: Mapping[str, int] = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "VND", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def format_page(
    customer_id: str, order_ids: Sequence[str], orders: Sequence[ExportedOrder]
) -> FormatPageResult:
    own = {order["orderId"]: order for order in orders if order["customerId"] == customer_id}
    return FormatPageResult(
        rows=[row(own[order_id]) for order_id in order_ids if order_id in own],
        missing=[order_id for order_id in order_ids if order_id not in own],
    )


def row(order: ExportedOrder) -> ExportRow:
    total = Decimal(order["totalCents"]).scaleb(-DECIMALS.get(order["currency"], 2))
    return ExportRow(
        orderId=order["orderId"],
        status=order["status"],
        total=f"{total:f}",
        currency=order["currency"],
        shipAt=order["shipAt"],
    )
