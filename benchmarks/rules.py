"""An event against 1,000 rules: told apart by their sources, deep in the detail, or only by
patterns that no index helps with; and the way from PutEvents to the queue of the rule that
matches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, median_ms
from sfnlocal.driver.session import Session
from sfnlocal.template.resources import App
from sfnlocal.triggers.patterns import compile_pattern
from sfnlocal.triggers.rule_index import RuleIndex

_RULES = 1_000
_RUNS = 300
_CHOSEN = 700
_ACCOUNT, _REGION = "123456789012", "us-east-1"
_EVENT: dict[str, Any] = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "Order Placed",
    "source": f"shop.{_CHOSEN}",
    "account": _ACCOUNT,
    "time": "2026-01-01T00:00:00Z",
    "region": _REGION,
    "resources": [],
    "detail": {
        "order": {"id": f"o-{_CHOSEN}", "totalCents": 10 * _CHOSEN + 5, "lines": [{"sku": "mug"}]}
    },
}


def rows() -> list[Row]:
    return [
        _matching_row("rules", _by_source),
        _matching_row("rules of one source and type", _by_order),
        # Each of them has to be asked.
        _matching_row("rules without exact strings", _by_range, goal_ms=2),
        _delivery_row(),
    ]


def _by_source(number: int) -> dict[str, Any]:
    return {"source": [f"shop.{number}"], "detail-type": ["Order Placed"]}


def _by_order(number: int) -> dict[str, Any]:
    detail = {"order": {"id": [f"o-{number}"], "totalCents": [{"numeric": [">", 0]}]}}
    return {"source": [_EVENT["source"]], "detail-type": ["Order Placed"], "detail": detail}


def _by_range(number: int) -> dict[str, Any]:
    between = [">=", 10 * number, "<", 10 * number + 10]
    detail = {"order": {"totalCents": [{"numeric": between}], "id": [{"prefix": "o-"}]}}
    return {"source": [{"prefix": "shop."}], "detail": detail}


def _matching_row(what: str, pattern: Any, *, goal_ms: float = 1) -> Row:
    index: RuleIndex[int] = RuleIndex()
    for number in range(_RULES):
        index.add(number, compile_pattern(pattern(number)))
    assert index.matching(_EVENT) == [_CHOSEN]
    ms = median_ms(lambda: index.matching(_EVENT), runs=_RUNS)
    return Row(f"an event against {_RULES} {what}", ms, goal_ms, "ms")


def _delivery_row() -> Row:
    """Without the loading of boto3 or moto: nobody calls through a client."""
    app = App(Path(), "aws", _REGION, _ACCOUNT, (), (), (), {})
    entry = {
        "Source": _EVENT["source"],
        "DetailType": _EVENT["detail-type"],
        "Detail": json.dumps(_EVENT["detail"]),
    }
    with Session(app) as session:
        aws = session.aws
        aws.call("sqs", "CreateQueue", {"QueueName": "orders"})
        target = {"Id": "1", "Arn": f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:orders"}
        for number in range(_RULES):
            name = f"rule-{number}"
            pattern = json.dumps(_by_source(number))
            aws.call("events", "PutRule", {"Name": name, "EventPattern": pattern})
            aws.call("events", "PutTargets", {"Rule": name, "Targets": [target]})

        def put() -> None:
            aws.call("events", "PutEvents", {"Entries": [entry]})
            session.run_until_idle()

        ms = median_ms(put, runs=_RUNS)
        started = [one for one in aws.timeline if one.started]
        assert len(started) == _RUNS + 3, len(started)
    return Row(f"an event from PutEvents to a queue, {_RULES} rules", ms, 1, "ms")
