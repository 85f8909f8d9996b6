"""The whole order workflow in virtual time, against its handlers called one after the other."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.measure import Row, median_ms
from sfnlocal.services.functions import Invocation
from sfnlocal.services.handler_context import LambdaContext
from sfnlocal.template import App, load_app
from sfnlocal.testing import LocalApp, load

_ASSEMBLY = Path("cdk.out")
_STOCK = 10**9
_NUMBERS = itertools.count()


def order(number: int) -> dict[str, Any]:
    return {
        "orderId": f"o-{number}",
        "customerId": "c-7",
        "shipAt": "2026-01-02T09:00:00Z",
        "currency": "EUR",
        "cardToken": "tok_visa",
        "lines": [{"sku": "mug", "quantity": 2, "unitPriceCents": 1250}],
    }


@contextmanager
def stocked(app: App, **options: Any) -> Iterator[LocalApp]:
    with load(app, **options) as running:
        running.put_item("Stock", {"sku": "mug", "available": _STOCK})
        yield running


def run_order(running: LocalApp) -> int:
    """Run the next order to its end; the number of states that it and its child entered."""
    number = next(_NUMBERS)
    run = running.run("Order", order(number), f"o-{number}")
    run.assert_succeeded()
    return len(run.visited)


def _recorded_calls(running: LocalApp) -> tuple[list[tuple[str, str]], int]:
    """What one order calls: function names with their events as JSON text, and how many states it
    and its child enter."""
    calls: list[tuple[str, str]] = []
    host = running.session.functions
    invoke = host.invoke

    def recording(name: str, payload: Any, **options: Any) -> Invocation:
        calls.append((name.rpartition(":")[2], json.dumps(payload)))
        return invoke(name, payload, **options)

    with patch.object(host, "invoke", recording):
        run_order(running)
    return calls, sum(len(run.visited) for run in running.executions())


class _Reference:
    """The same handlers, called as plain functions in the same order, with one JSON round trip
    for each state."""

    def __init__(self, running: LocalApp) -> None:
        self._calls, self._states = _recorded_calls(running)
        self._recorded = f"o-{next(_NUMBERS) - 1}"
        self._functions = {function.name: function for function in running.app.functions}
        self._handlers = {name: self._handler(name) for name, _ in self._calls}

    def _handler(self, name: str) -> Callable[[Any, Any], Any]:
        module, _, attribute = self._functions[name].handler.rpartition(".")
        with patch.dict(os.environ, self._environment(name)):
            handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), attribute)
        return handler

    def _environment(self, name: str) -> dict[str, str]:
        function = self._functions[name]
        return {
            **function.environment,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST",
        }

    def __call__(self) -> None:
        number = f"o-{next(_NUMBERS)}"
        payload = json.dumps(order(0))
        for _ in range(self._states):
            json.loads(json.dumps(json.loads(payload)))
        for name, text in self._calls:
            event = json.loads(text.replace(self._recorded, number))
            environment = self._environment(name)
            context = LambdaContext(
                request_id="0" * 8,
                invoked_function_arn=self._functions[name].arn,
                function_version="$LATEST",
                environment=environment,
                client_context=None,
                remaining_ms=lambda: 15_000,
                write=lambda text: None,
            )
            with patch.dict(os.environ, environment), redirect_stdout(StringIO()):
                self._handlers[name](event, context)


def rows() -> list[Row]:
    app = load_app(_ASSEMBLY)
    with stocked(app) as running:
        reference = _Reference(running)
        reference_ms = median_ms(reference, runs=40)
        order_ms = median_ms(lambda: run_order(running), runs=40)
    detail = f"{order_ms:.1f} ms against {reference_ms:.1f} ms"
    ratio = Row(
        "an order in virtual time, handlers included",
        order_ms / reference_ms,
        3.0,
        "x calls",
        detail,
    )
    return [ratio, _command_row(), _memory_row()]


def _command_row() -> Row:
    """`sfnlocal run` on the synthesized app, as a user waits for it."""
    command = [sys.executable, "-m", "sfnlocal", "run", "Order", "--input", json.dumps(order(0))]

    def run() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "REJECTED" in done.stdout, done.stderr

    return Row("sfnlocal run Order, process start to answer", median_ms(run, runs=5) / 1e3, 2, "s")


def _memory_row() -> Row:
    command = [sys.executable, "-m", "benchmarks.memory"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    early, late = (float(word) for word in done.stdout.split())
    detail = f"{late:.0f} MB against {early:.0f} MB"
    return Row("memory after order 10,000 against 1,000", late / early, 1.1, "x", detail)
