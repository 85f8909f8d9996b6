"""Each planted bug is found by its proof, and the app without it passes the very same plans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.proof.iam.gate import IamGate, session_gate
from sfnlocal.proof.runner import Runner
from sfnlocal.proof.scenarios import Proof
from sfnlocal.template import App
from sfnlocal.testing.proving import SessionApp
from tests.planted.bugs import BUGS
from tests.planted.planting import PlantedBug
from tests.proofs.nets import RECORDER, SWEEP
from tests.proofs.order import ORDER

PROOFS = {proof.title: proof for proof in (ORDER, RECORDER, SWEEP)}


class Prover:
    """Runs what finds a bug, with permissions checked."""

    def __init__(self, app: App, proof: Proof) -> None:
        self.runner = Runner(app, proof, self._open)
        self._gates: list[IamGate] = []

    def _open(self, session: Session) -> SessionApp:
        self._gates.append(session_gate(session))
        return SessionApp(session)

    def spoken(self, bug: PlantedBug) -> dict[str, str]:
        """What each invariant says that does not hold."""
        scenarios = dict.fromkeys((*bug.scenarios, *(plan.scenario for plan in bug.plans)))
        results = [
            *(self.runner.baseline(self.runner.proof.scenario(name)) for name in scenarios),
            *(self.runner.run(plan) for plan in bug.plans),
        ]
        spoken = {one.invariant: one.message for result in results for one in result.violations}
        refused = [one for gate in self._gates for one in gate.refusals]
        return {**spoken, **({"IAM": str(refused[0])} if refused else {})}


@pytest.fixture(scope="module")
def sound(deployed: App) -> Iterator[dict[str, Prover]]:
    """The app as it is."""
    with ExitStack() as open_runners:
        provers = {name: Prover(deployed, proof) for name, proof in PROOFS.items()}
        for prover in provers.values():
            open_runners.enter_context(prover.runner)
        yield provers


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: PlantedBug, deployed: App, tmp_path: Path) -> None:
    prover = Prover(bug.planted_in(deployed, tmp_path), PROOFS[bug.proof])
    with prover.runner:
        spoken = prover.spoken(bug)
    assert set(spoken) == set(bug.speaks), spoken


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_app_without_it_passes_the_same_plans(
    bug: PlantedBug, sound: dict[str, Prover]
) -> None:
    prover = sound[bug.proof]
    for plan in bug.plans:
        prover.runner.check(plan)
    assert prover.spoken(bug) == {}


def test_there_are_enough_bugs_and_each_has_its_own_name() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 15
