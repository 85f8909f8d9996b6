"""The page of the micro-process batch has the figures that its command computes."""

from __future__ import annotations

import pytest

from sfnlocal.template import App
from tools.micro_batch_costs import PAGE, Costs, table, written


@pytest.fixture(scope="module")
def costs(deployed: App) -> Costs:
    return Costs(deployed)


def test_the_page_has_what_the_command_writes(costs: Costs) -> None:
    text = PAGE.read_text("utf-8")
    assert table(costs) in text, "run `make docs`"
    assert written(text, costs) == text


def test_a_million_lines_leave_the_map_runs_own_history_as_short_as_a_hundred(
    costs: Costs,
) -> None:
    assert costs.map_run(1_000_000).longest == costs.map_run(100).longest < 25
    assert costs.queue(1_000_000).longest < 1_000


def test_the_queue_asks_for_less_by_line_and_the_map_run_is_faster(costs: Costs) -> None:
    one, other = costs.map_run(1_000_000), costs.queue(1_000_000)
    assert other.dollars < one.dollars
    assert one.seconds < other.seconds
