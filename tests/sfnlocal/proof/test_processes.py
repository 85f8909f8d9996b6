"""Plans that are shared with other processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from multiprocessing.connection import wait
from pathlib import Path

import pytest

from sfnlocal.errors import InputError
from sfnlocal.proof.processes import Helpers, Work
from sfnlocal.proof.results import Plan, PlanResult
from sfnlocal.proof.runner import Runner
from sfnlocal.template import load_app
from sfnlocal.testing.proving import open_world, proof_runner
from tests.sfnlocal.proof.conftest import shop

PROOF = """
from sfnlocal.proof import Proof, Scenario
from tests.sfnlocal.proof.conftest import shop_proof

SHOP = shop_proof()
SPOILT = Proof(
    state_machine="Shop",
    scenarios=[Scenario(name="paid", prepare=lambda app: app.nothing)],
    name="Spoilt",
)
"""


@pytest.fixture
def proofs(tmp_path: Path) -> Path:
    (tmp_path / "template.json").write_text(json.dumps(shop()))
    (tmp_path / "shop.py").write_text(PROOF)
    return tmp_path / "shop.py"


def work(proofs: Path, place: int = 0) -> Work:
    app = load_app(proofs.parent / "template.json")
    return Work(app, proofs, place, open_world, 0, True)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    (tmp_path / "one.py").write_text(PROOF.partition("SPOILT")[0])
    (tmp_path / "template.json").write_text(json.dumps(shop()))
    with proof_runner(tmp_path / "template.json", tmp_path / "one.py") as runner:
        yield runner


def test_a_helper_takes_what_is_left(
    proofs: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = runner.plans()[:12]
    run, here = runner.run, []
    with Helpers(work(proofs), 1) as helpers:

        def run_here(plan: Plan) -> PlanResult:
            # Not before the other one has something to tell.
            wait(helpers._pipes)
            here.append(plan)
            return run(plan)

        monkeypatch.setattr(runner, "run", run_here)
        results = list(helpers.run(plans, runner))
    assert 0 < len(here) < len(plans)
    assert sorted(map(str, plans)) == sorted(str(one.plan) for one in results)
    assert {str(one.plan): one.status for one in results} == {
        str(plan): run(plan).status for plan in plans
    }


def test_a_helper_that_comes_too_late_is_not_waited_for(proofs: Path, runner: Runner) -> None:
    plans = runner.plans()[:1]
    with Helpers(work(proofs), 1) as helpers:
        assert [one.plan for one in helpers.run(plans, runner)] == plans


def test_what_is_wrong_in_another_process_is_told_here(proofs: Path, runner: Runner) -> None:
    with Helpers(work(proofs, place=1), 1) as helpers:
        wait(helpers._pipes)
        with pytest.raises(InputError, match="its prepare raises AttributeError"):
            list(helpers.run(runner.plans(), runner))


def test_a_process_that_has_died_is_told(proofs: Path, runner: Runner) -> None:
    with Helpers(work(proofs), 1) as helpers:
        [process] = helpers._processes
        process.kill()
        process.join()
        with pytest.raises(InputError, match="a process that runs plans has died"):
            list(helpers.run(runner.plans(), runner))
