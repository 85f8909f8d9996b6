"""Quantities times prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sfnlocal.proof.cost_prices import Price, Prices
from sfnlocal.proof.cost_usage import Item


@dataclass(frozen=True, slots=True)
class Line:
    item: Item
    quantity: float
    price: Price

    @property
    def amount(self) -> float:
        return self.quantity * self.price.each


@dataclass(frozen=True, slots=True)
class Bill:
    """`lines` are in the order of the price file, without what was not used."""

    prices: Prices
    lines: tuple[Line, ...]

    @property
    def amount(self) -> float:
        return sum(line.amount for line in self.lines)

    def json(self) -> dict[str, Any]:
        return {
            "amount": self.amount,
            "lines": [
                {
                    "item": line.item,
                    "service": line.price.service,
                    "unit": line.price.unit,
                    "quantity": line.quantity,
                    "price": line.price.price,
                    "per": line.price.per,
                    "amount": line.amount,
                    "confidence": line.price.confidence,
                    "source": line.price.source,
                }
                for line in self.lines
            ],
        }


def bill_of(usage: Mapping[Item, float], prices: Prices) -> Bill:
    lines = (
        Line(item, usage[item], price) for item, price in prices.by_item.items() if usage.get(item)
    )
    return Bill(prices, tuple(lines))
