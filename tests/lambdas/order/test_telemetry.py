"""What every task logs and counts."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from lambdas.order.errors import OutOfStock

ARN = "arn:aws:states:eu-west-1:123456789012:execution:Order:o-1"
EVENT = {
    "executionArn": ARN,
    "orderId": "o-1",
    "lines": [{"sku": "mug", "quantity": 2, "unitPriceCents": 1250}],
}


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The metrics that were printed."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "_aws" in line]


def test_a_log_line_carries_the_execution_as_its_correlation_id(
    load: Callable[[str], ModuleType],
    tables: Any,
    context: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables.put("stock", {"sku": "mug", "available": 5})
    module = load("order.reserve_stock")
    stream = io.StringIO()
    monkeypatch.setattr(module.LOGGER.registered_handler, "stream", stream)
    module.handler(EVENT, context)
    line = json.loads(stream.getvalue())
    assert line["message"] == "stock reserved"
    assert line["correlation_id"] == ARN
    assert line["orderId"] == "o-1"
    assert line["service"] == "order"


def test_success_is_counted_by_task(
    load: Callable[[str], ModuleType],
    tables: Any,
    context: object,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables.put("stock", {"sku": "mug", "available": 5})
    load("order.reserve_stock").handler(EVENT, context)
    [metric] = metrics(capsys)
    assert (metric["task"], metric["Succeeded"]) == ("reserve_stock", [1.0])
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Orders"


def test_an_error_is_counted_by_its_name_and_passes_through(
    load: Callable[[str], ModuleType], context: object, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OutOfStock):
        load("order.reserve_stock").handler(EVENT, context)
    [metric] = metrics(capsys)
    assert (metric["task"], metric["OutOfStock"]) == ("reserve_stock", [1.0])
    assert "Succeeded" not in metric
