"""Prices of a region, from a dated file: `prices.json` beside this module, or one's own.

items     by name: service, unit, how many units the price is for (`per`), and its source
regions   by name: the price of each item, and how sure it is (`confidence`)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from sfnlocal.errors import InputError
from sfnlocal.proof.cost_usage import Item

_OWN = "prices.json of sfnlocal"


@dataclass(frozen=True, slots=True)
class Price:
    """`price` is in `currency` for `per` units."""

    service: str
    unit: str
    price: float
    per: int
    confidence: str
    source: str

    @property
    def each(self) -> float:
        return self.price / self.per


@dataclass(frozen=True, slots=True)
class Prices:
    """Of one region; `where` is the file that they are from."""

    region: str
    as_of: str
    currency: str
    by_item: Mapping[Item, Price]
    where: str


def read_prices(region: str, path: Path | None = None) -> Prices:
    """Raises InputError where the file is no price file or does not have the region."""
    where = _OWN if path is None else str(path)
    try:
        text = (
            files("sfnlocal.proof").joinpath("prices.json").read_text("utf-8")
            if path is None
            else path.read_text("utf-8")
        )
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the price file cannot be read: {error}", where=where) from None
    try:
        data = json.loads(text)
        regions = data["regions"]
        if region in regions:
            return _prices(data, region, where)
        known = ", ".join(regions)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"this is no price file: {type(error).__name__}: {error}",
            where=where,
            hint="it has asOf, currency, items and regions, as sfnlocal/proof/prices.json",
        ) from None
    raise InputError(
        f"there are no prices of the region {region!r}",
        where=where,
        hint=f"give --region (there are {known}), or a price file of your own: --prices FILE",
    )


def _prices(data: Any, region: str, where: str) -> Prices:
    by_item: dict[Item, Price] = {}
    for item in get_args(Item):
        about, price = data["items"][item], data["regions"][region][item]
        amount, per = price["price"], about["per"]
        if not isinstance(amount, int | float) or amount < 0 or not isinstance(per, int) or per < 1:
            raise ValueError(f"{region}/{item} needs a price of at least 0 and per of at least 1")
        by_item[item] = Price(
            service=str(about["service"]),
            unit=str(about["unit"]),
            price=float(amount),
            per=per,
            confidence=str(price["confidence"]),
            source=str(about["source"]),
        )
    return Prices(region, str(data["asOf"]), str(data["currency"]), by_item, where)
