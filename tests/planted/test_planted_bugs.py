"""Each planted bug is found by its proof, and the app without it passes the very same plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sfnlocal.errors import SfnLocalError
from sfnlocal.proof.results import PlanResult, ScenarioResult
from sfnlocal.proof.runner import Runner
from sfnlocal.template import App
from sfnlocal.testing.proving import open_world
from tests.planted.bugs import BUGS
from tests.planted.planting import PROJECT, PlantedBug
from tests.proofs.nets import RECORDER, SWEEP
from tests.proofs.order import ORDER
from tests.proofs.report import REPORT

PROOFS = {proof.title: proof for proof in (ORDER, RECORDER, REPORT, SWEEP)}


def spoken(runner: Runner, bug: PlantedBug) -> dict[str, str]:
    """What each invariant says that does not hold."""
    scenarios = dict.fromkeys((*bug.scenarios, *(plan.scenario for plan in bug.plans)))
    results: list[ScenarioResult | PlanResult] = [
        *(runner.baseline(runner.proof.scenario(name)) for name in scenarios),
        *(runner.run(plan) for plan in bug.plans),
    ]
    return {one.invariant: one.message for result in results for one in result.violations}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: PlantedBug, deployed: App, tmp_path: Path) -> None:
    planted = bug.planted_in(deployed, tmp_path)
    try:
        with Runner(planted, PROOFS[bug.proof], open_world) as runner:
            if bug.brings_fault:
                assert set(bug.plans) <= set(runner.plans())
            said = spoken(runner, bug)
    except SfnLocalError as error:
        said = {"refused": str(error)}
    assert set(said) == set(bug.speaks), said
    assert bug.refusal in said.get("refused", "")


@pytest.fixture(scope="module")
def sound(request: pytest.FixtureRequest, deployed: App) -> Iterator[Runner]:
    """The app as it is, and the proof that is asked for."""
    with Runner(deployed, PROOFS[request.param], open_world) as runner:
        yield runner


@pytest.mark.parametrize(
    ("sound", "bug"),
    [pytest.param(bug.proof, bug, id=bug.name) for bug in BUGS],
    indirect=["sound"],
)
def test_the_app_without_it_passes_the_same_plans(sound: Runner, bug: PlantedBug) -> None:
    if bug.brings_fault:
        assert not set(bug.plans) & set(sound.plans())
        return
    for plan in bug.plans:
        sound.check(plan)
    assert spoken(sound, bug) == {}


def test_there_are_enough_bugs_and_each_has_its_own_name() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 15


def test_the_documentation_has_a_row_for_each() -> None:
    text = (PROJECT / "docs" / "planted-bugs.md").read_text("utf-8")
    assert [line for line in text.splitlines() if line.startswith("| `")] == rows()


def rows() -> list[str]:
    return [
        f"| `{bug.name}` | {bug.mistake} | {bug.on_aws} | {bug.found_by} "
        f"| {', '.join(f'`{name}`' for name in bug.speaks)} |"
        for bug in BUGS
    ]
