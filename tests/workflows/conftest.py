"""The order workflow, running: one session for a module's many orders, since starting a session
takes longer than an order. So each test brings an order of its own, of a sku that nobody else
buys, and looks at nothing but its own. Where that does not do, the plugin's `sfn` is a session
for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from sfnlocal.testing import LocalApp
from tests.workflows.shop import an_order, empty, iso, stock_up


@pytest.fixture(scope="module")
def shop(sfn_load: Callable[..., AbstractContextManager[LocalApp]]) -> Iterator[LocalApp]:
    with sfn_load() as app:
        # Tests start the Sweep when they want it; what others do each hour only takes time.
        app.pause_schedules()
        yield app


@pytest.fixture
def order(shop: LocalApp) -> Iterator[dict[str, Any]]:
    """Ships in a day; ten pieces of its sku are in stock. Afterwards nothing of it goes on."""
    number = len(shop.executions())
    sku = f"sku-{number}"
    stock_up(shop, sku)
    yield an_order(f"o-{number}", sku=sku, shipAt=iso(shop.now + timedelta(days=1)))
    shop.session.mocks.clear()
    for run in shop.executions():
        if run.status == "RUNNING":
            shop.session.stop_execution(run.arn)
    # The Recorder hears of those.
    shop.run_until_idle()
    empty(shop, "OrderDeadLetters")
