"""What docs/costs.md compares: each part of the rule, on workflows of the app."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sfnlocal.proof import Proof
from sfnlocal.proof.cost_prices import read_prices
from sfnlocal.template import App
from tests.proofs.filter_chain import FILTER_CHAIN
from tests.proofs.order import ORDER
from tools.costs import Row, cheaper, rows_of

TRANSITION = 0.025 / 1000
FUNCTION = 0.2 / 1_000_000 + 128 / 1024 * 0.1 * 0.0000166667


def measured(app: App, proof: Proof, scenario: str) -> dict[str, Row]:
    one = replace(proof, scenarios=[proof.scenario(scenario)])
    return {row.name: row for row in rows_of(app, one, read_prices("us-east-1"))}


def test_an_express_workflow_becomes_standard_and_its_integrations_functions(
    deployed: App,
) -> None:
    row = measured(deployed, FILTER_CHAIN, FILTER_CHAIN.scenarios[0].name)["StoreItem"]
    assert row.express
    assert (row.transitions, row.naive_transitions) == (0, 2)
    assert row.integrations == pytest.approx(FUNCTION)
    assert row.standard == pytest.approx(2 * TRANSITION, rel=0.1)
    assert row.standard < 2 * TRANSITION, "the requests of Express are not paid any more"
    assert row.polling == 0


def test_waiting_for_an_answer_polls_each_minute(deployed: App) -> None:
    at_once = measured(deployed, ORDER, "paid")["Fulfilment"]
    late = measured(deployed, ORDER, "backordered")["Fulfilment"]
    assert at_once.polling == 0
    polls = (late.naive_transitions - late.transitions) / 3
    assert polls >= 1
    assert polls == int(polls)
    assert late.polling == pytest.approx(polls * (3 * TRANSITION + FUNCTION))


def test_a_wait_until_a_known_time_costs_both_the_same(deployed: App) -> None:
    assert measured(deployed, ORDER, "ahead")["Order"].polling == 0


def test_the_sum_decides_how_much_cheaper_it_is() -> None:
    cheap = Row("a", True, 0, 2, ours=1, integrations=0, standard=2, polling=0)
    same = Row("b", False, 1, 1, ours=3, integrations=0, standard=0, polling=0)
    assert cheaper([cheap, same]) == pytest.approx(1 / 3)
