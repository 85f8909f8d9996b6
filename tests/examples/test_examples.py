"""Every file of examples/ runs, and ends as its story says."""

from __future__ import annotations

from typing import Any

import pytest

from examples.scenario import (
    FOLDER,
    business_state,
    fault_free_state,
    read_scenarios,
    replay_letters,
)
from sfnlocal.template import App
from sfnlocal.testing import LocalApp

SCENARIOS = {scenario.name: scenario for scenario in read_scenarios()}
# How the order's first run ends, its output's status, and how many charges there are afterwards.
ENDS = {
    "1-good-order": ("SUCCEEDED", "COMPLETED", 1),
    "2-provider-recovers": ("SUCCEEDED", "COMPLETED", 1),
    "3-card-declined": ("SUCCEEDED", "REJECTED", 0),
    "4-ships-in-30-days": ("SUCCEEDED", "COMPLETED", 1),
    "5-provider-stays-down": ("FAILED", None, 0),
    "6-dead-letter-replayed": ("FAILED", None, 1),
}


def test_every_example_is_known_here() -> None:
    assert set(SCENARIOS) == set(ENDS) == {path.stem for path in FOLDER.glob("*.json")}


@pytest.fixture(scope="module")
def calm(sfn_app: App) -> dict[str, Any]:
    """What the examples that are replayed leave behind when nothing fails."""
    return {
        name: fault_free_state(sfn_app, scenario)
        for name, scenario in SCENARIOS.items()
        if scenario.replay
    }


@pytest.mark.parametrize("name", ENDS)
def test_an_example_ends_as_its_story_says(calm: dict[str, Any], sfn: LocalApp, name: str) -> None:
    scenario = SCENARIOS[name]
    status, outcome, charges = ENDS[name]
    run = scenario.run(sfn)
    assert (run.status, (run.output or {}).get("status")) == (status, outcome)
    assert len(sfn.messages("OrderDeadLetters")) == (status == "FAILED")
    if scenario.replay:
        assert "1 replayed, 0 left" in replay_letters(sfn)
        assert business_state(sfn) == calm[name]
    assert len([item for item in sfn.items("Payments") if "chargeId" in item]) == charges
