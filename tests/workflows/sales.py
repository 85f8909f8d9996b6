"""The views of sales as their run tests see them: sales that come, what is asked, what is true."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from typing import Any

from lambdas.environment import BucketName, TableName
from lambdas.views.environments import ReadSalesEnvironment
from lambdas.views.logic.read_sales import Clients, read_sales
from lambdas.views.payloads import Sale, SkuSales, Totals
from sfnlocal.ports import Caller, ServiceCall
from sfnlocal.testing import LocalApp, Run

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass
class Gate:
    """`watch` hears of every call of a state machine before it is made."""

    watch: Callable[[ServiceCall], None] | None = None
    _watching: bool = False

    def before(self, call: ServiceCall) -> None:
        by_machine = call.caller and call.caller.service == "states.amazonaws.com"
        if not (self.watch and by_machine) or self._watching:
            return
        # What it asks passes here too, and is not asked by the machine.
        self._watching = True
        try:
            Context().run(self.watch, call)
        finally:
            self._watching = False

    def after(self, call: ServiceCall) -> None:
        """What is done is done."""


@dataclass
class Shop:
    """Sales of skus of its own."""

    app: LocalApp
    gate: Gate = field(default_factory=Gate)
    _skus: Iterator[int] = field(default_factory=lambda: count(1))
    _events: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.app.session.aws.add_gate(self.gate)

    # The world

    def new_sku(self) -> str:
        return f"sku-{next(self._skus)}"

    def sale(self, sku: str, *, hours_ago: float = 0, quantity: int = 2) -> Sale:
        sold_at_ms = self.app.session.now_ms - int(hours_ago * HOUR_MS)
        return Sale(
            eventId=f"e-{next(self._events)}",
            sku=sku,
            quantity=quantity,
            amountCents=250 * quantity,
            soldAtMs=sold_at_ms,
        )

    def send(self, *sales: Any) -> None:
        """In the order of the arguments, one after the other."""
        for sale in sales:
            self.app.send("SalesQueue", sale)
            self.app.advance(milliseconds=1)

    def sell(self, sku: str, *, hours_ago: float = 0, quantity: int = 2) -> Sale:
        sold = self.sale(sku, hours_ago=hours_ago, quantity=quantity)
        self.send(sold)
        return sold

    def recompute(self, *days: str, **more: Any) -> Run:
        return self.app.run("RecomputeView", {"from": days[0], "to": days[-1], **more})

    # What is asked, and what is true

    @property
    def today(self) -> str:
        return day_of(self.app.session.now_ms)

    def ask(self, sku: str, day: str) -> SkuSales:
        """As the route's function does, without HTTP."""
        clients = Clients(self.app.client("dynamodb"), self.app.client("s3"))
        environment = ReadSalesEnvironment(
            pointers_table=TableName(self.app.table("ViewPointers")),
            counters_table=TableName(self.app.table("SalesCounters")),
            sales_bucket=BucketName(self.bucket),
        )
        with self.app.session.aws.acting(self._reader):
            return read_sales(clients, environment, sku, day, self.app.now)

    @cached_property
    def _reader(self) -> Caller:
        functions = self.app.app.of_type("AWS::Lambda::Function")
        function = next(one for one in functions if one.path.startswith("Views/ReadSales/"))
        return Caller("lambda.amazonaws.com", function.arn or "", function.properties["Role"])

    def counted(self, sku: str, day: str) -> dict[str, Totals]:
        """The answer's hours."""
        return {
            hour["hour"]: Totals(
                sales=hour["sales"], quantity=hour["quantity"], amountCents=hour["amountCents"]
            )
            for hour in self.ask(sku, day)["hours"]
        }

    def noted(self, sku: str, day: str) -> dict[str, Totals]:
        """What is true at this moment: every sale that the ledger has, once."""
        sales = [json.loads(item["event"]) for item in self.app.items("SalesLedger")]
        return totals(
            sale for sale in sales if (sale["sku"], day_of(sale["soldAtMs"])) == (sku, day)
        )

    # What is kept

    @property
    def bucket(self) -> str:
        buckets = self.app.app.of_type("AWS::S3::Bucket")
        return next(one.name for one in buckets if one.path.split("/")[1] == "SalesFiles")

    def keys(self, prefix: str) -> list[str]:
        listed = self.app.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for one in listed.get("Contents", [])]

    def read(self, key: str) -> Any:
        body = self.app.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"]
        return json.loads(body.read())

    def versions(self, day: str) -> set[str]:
        return {key.rsplit("/", 1)[1].removesuffix(".json") for key in self.keys(f"views/{day}/")}

    def pointer(self, day: str) -> dict[str, Any]:
        """Empty where there is none."""
        found = [item for item in self.app.items("ViewPointers") if item["day"] == day]
        return found[0] if found else {}

    def letters(self) -> list[dict[str, Any]]:
        return [dict(message) for message in self.app.messages("ViewDeadLetters")]


def totals(sales: Iterable[Any]) -> dict[str, Totals]:
    """By the hour: of sales of one sku and day."""
    hours: dict[str, Totals] = {}
    for sale in sales:
        hour = f"{_moment(sale['soldAtMs']):%H}"
        found = hours.setdefault(hour, Totals(sales=0, quantity=0, amountCents=0))
        found["sales"] += 1
        found["quantity"] += sale["quantity"]
        found["amountCents"] += sale["amountCents"]
    return hours


def day_of(epoch_ms: int) -> str:
    return f"{_moment(epoch_ms):%Y-%m-%d}"


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
