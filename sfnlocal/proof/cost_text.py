"""A bill as a table, and in one line."""

from __future__ import annotations

from collections.abc import Sequence

from sfnlocal.proof.cost_bill import Bill


def render_bill(bill: Bill, executions: int) -> str:
    """Each item: quantity and amount of one run, its price, and the amount of `executions`."""
    heading = ("", "quantity", "unit price", "one run", f"{executions:,} runs")
    rows = [
        (
            f"{line.price.service}: {line.price.unit}",
            quantity_text(line.quantity),
            _unit_price(line.price.price, line.price.per),
            dollars(line.amount),
            dollars(line.amount * executions),
        )
        for line in bill.lines
    ]
    total = ("total", "", "", dollars(bill.amount), dollars(bill.amount * executions))
    return table([heading, *rows, total])


def bill_line(bill: Bill) -> str:
    """`$0.000534 a run, $533.60 a million (us-east-1, prices of 2026-11-01)`."""
    return (
        f"{dollars(bill.amount)} a run, {dollars(bill.amount * 1_000_000)} a million "
        f"({bill.prices.region}, prices of {bill.prices.as_of})"
    )


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def dollars(amount: float) -> str:
    """Cents; three digits of what is less than a cent."""
    if amount == 0 or amount >= 0.01:
        return f"${amount:,.2f}"
    text = f"{amount:.3g}"
    return f"${float(text):.12f}".rstrip("0")


def quantity_text(quantity: float) -> str:
    if quantity == int(quantity):
        return f"{int(quantity):,}"
    return f"{float(f'{quantity:.4g}'):.12f}".rstrip("0")


def _unit_price(price: float, per: int) -> str:
    text = f"${price:.10f}".rstrip("0")
    whole = text + "0" * (2 - len(text.partition(".")[2]))
    return whole if per == 1 else f"{whole} per {per:,}"
