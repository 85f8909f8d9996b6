"""Plans, and whole proofs, that are shared with other processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path

import pytest

from sfnlocal.errors import InputError
from sfnlocal.proof.files import read_proofs
from sfnlocal.proof.processes import Helpers, Proofs, Provers, Work
from sfnlocal.proof.prove import Options, prove_each
from sfnlocal.proof.results import Plan, PlanResult, ProofResult
from sfnlocal.proof.runner import Runner
from sfnlocal.template import load_app
from sfnlocal.testing.proving import open_world, proof_runner
from tests.sfnlocal.proof.conftest import shop

PROOF = """
from dataclasses import replace

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


def proven(proofs: Path, *, jobs: int) -> list[ProofResult]:
    app = load_app(proofs.parent / "template.json")
    options = Options(jobs=jobs, at_most=3)
    each = prove_each(app, read_proofs(proofs), open_world, options, lambda name: lambda *_: None)
    return [replace(one, wall_ms=0) for one in each]


def test_proofs_of_few_plans_are_proven_side_by_side(proofs: Path) -> None:
    text = PROOF.partition("SPOILT")[0]
    proofs.write_text(f"{text}AGAIN = replace(shop_proof(), name='Again')\nLAST = replace(SHOP)\n")
    together, alone = proven(proofs, jobs=2), proven(proofs, jobs=1)
    assert [one.proof for one in together] == ["Shop", "Again", "Shop"]
    assert [told(one) for one in together] == [told(one) for one in alone]


def told(result: ProofResult) -> object:
    runs = [replace(one, wall_ms=0) for one in result.results]
    return result.scenarios, runs, result.more["coverage"], result.more["iam"]


def test_a_mistake_in_one_of_them_is_told_here(proofs: Path) -> None:
    with pytest.raises(InputError, match="its prepare raises AttributeError"):
        proven(proofs, jobs=2)


def test_a_prover_that_has_died_is_told() -> None:
    died = "a process that runs plans has died"
    with Provers(Proofs(exit, 1), 1) as provers, pytest.raises(InputError, match=died):
        list(provers.run())
