"""The sales, where they are kept, and what their views say.

A sale has two times. `soldAtMs`, which its till says, puts it into a day and an hour of the views;
its arrival, which RecordSale notes once, says which layer counts it. An arrival is known by its
hour, as text (`2026-01-02T05`), so that texts in order are hours in order. A watermark is such an
hour too: what arrived before it is the batch view's, everything else the speed layer's.
"""

from __future__ import annotations

from typing import TypedDict

# Folders of the bucket: `sales/DAY/ARRIVAL/EVENT.json`, `views/DAY/VERSION.json`.
SALES = "sales"
VIEWS = "views"
RESULTS = "results"

NAME = "[A-Za-z0-9_-]{1,64}"
# A month's days, so that no text that fits is refused as a date. 2000 to 2099: no century to skip.
DAY = (
    "20[0-9]{2}-("
    "(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    "|(0[13-9]|1[0-2])-(29|30)"
    "|(0[13578]|1[02])-31"
    ")|20([02468][048]|[13579][26])-02-29"
)

# How far back views are asked for and recomputed; what they are made from is kept a month longer.
VIEW_DAYS = 365
KEPT_DAYS = 400


class Sale(TypedDict):
    """The body of a message in SalesQueue; it may have more. `eventId` names it, however often it
    comes; another sale by that name would be the same."""

    eventId: str
    sku: str
    quantity: int
    amountCents: int
    soldAtMs: int


class Totals(TypedDict):
    """How many sales, of how many pieces, for how much."""

    sales: int
    quantity: int
    amountCents: int


class Cell(Totals):
    """The totals of a sku in an hour (`00` to `23`) of a day."""

    sku: str
    hour: str


class CountSalesEvent(TypedDict):
    """`keys` are those of archived sales of one day."""

    executionArn: str
    watermark: str
    keys: list[str]


class ReadManifestEvent(TypedDict):
    executionArn: str
    day: str
    watermark: str


class BuildViewEvent(TypedDict):
    """`manifest` is the key of what the ResultWriter wrote; null where there were no sales."""

    executionArn: str
    day: str
    version: str
    watermark: str
    manifest: str | None


class View(TypedDict):
    """One version of a day's batch view: the totals by sku and hour."""

    day: str
    version: str
    watermark: str
    skus: dict[str, dict[str, Totals]]


class SkuSales(TypedDict):
    """The answer of GET /sales/{sku}/{day}. `version` and `watermark` are the batch view's, null
    where there is none yet; the hours without sales are left out."""

    sku: str
    day: str
    total: Totals
    hours: list[HourSales]
    version: str | None
    watermark: str | None


class HourSales(Totals):
    hour: str
