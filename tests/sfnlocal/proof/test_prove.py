"""`sfnlocal prove` and the same proof in a test suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfnlocal.cli import main
from sfnlocal.testing.proving import assert_proven, proof_plans, proof_runner
from tests.sfnlocal.proof.conftest import plan, shop, states
from tests.sfnlocal.proof.test_permissions import SENDS, guarded

PROOF = """
from sfnlocal.proof import Proof, Scenario


def again(app, letter):
    app.start("Shop", letter["input"], "again")


SHOP = Proof(
    state_machine="Shop",
    scenarios=[
        Scenario(name="paid", about="a good card", input={"id": "o-1", "card": "good"}),
    ],
    dead_letters="Letters",
    replay=again,
    outcomes=("CardDeclined",),
)
"""
REFUSED = plan("refused:UnforeseenError")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a template and a proof, which this process is in."""
    (tmp_path / "template.json").write_text(json.dumps(shop()))
    (tmp_path / "tests" / "proofs").mkdir(parents=True)
    (tmp_path / "tests" / "proofs" / "shop.py").write_text(PROOF)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prove(*options: str) -> int:
    return main(["prove", "Shop", "--app", "template.json", *options])


def test_a_plan_is_run_with_its_path(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prove("--plan", str(REFUSED)) == 0
    told = capsys.readouterr().out
    assert "paid SUCCEEDED, 2 sites: a good card" in told
    assert "FAILED with UnforeseenError, brought back by replay" in told
    assert "proven: 1 faults" in told


def test_a_violation_shows_its_path_and_the_command_for_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = shop()
    del states(template)["Letter"]["Arguments"]["MessageBody"]["input"]
    (project / "template.json").write_text(json.dumps(template))
    assert prove("--plan", str(REFUSED)) == 1
    told = capsys.readouterr().out
    assert "! letter: the dead letter of shop:" in told
    assert f"$ sfnlocal prove Shop --plan '{REFUSED}' --seed 0" in told
    assert "caught" in told
    assert "NOT proven: 1 runs break what must hold" in told


def test_all_plans_as_json_from_two_processes_as_from_one(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for jobs in ("1", "2"):
        prove("--format", "json", "--jobs", jobs)
        [result] = json.loads(capsys.readouterr().out)
        for one in result["results"]:
            del one["wallMs"]
        told.append(result["results"])
    assert told[0] == told[1]
    assert len(told[0]) > 25
    # Nothing tells of a run that is ended from outside: this small workflow has one net only.
    broken = {one["plan"]["fault"] for one in told[0] if one["violations"]}
    by_hand = {"aborted", "aborted-after", "aborted-unheard"}
    assert broken == by_hand | {"machine-time-out", "machine-time-out-after"}


def test_permissions_are_judged_over_all_proofs(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "template.json").write_text(json.dumps(guarded(SENDS)))
    (project / "accepted.toml").write_text("")
    some = ("--plan", str(REFUSED), "--accept", "accepted.toml")
    assert prove(*some) == 1
    told = capsys.readouterr().out
    assert "permissions over all proofs" in told
    assert "dynamodb:DeleteItem on Charges" in told
    finding = '"unused: ChargeRole: dynamodb:DeleteItem on Charges"'
    entry = f'[[accepted]]\nfinding = {finding}\nreason = "soon"\n'
    # What only other proofs need is no finding here.
    other = entry.replace("DeleteItem", "GetItem")
    logs = entry.replace("unused: ChargeRole: dynamodb:DeleteItem on Charges", "missing: *: logs:*")
    (project / "accepted.toml").write_text(entry + other + logs)
    assert prove(*some) == 0
    assert "4 accepted with a reason." in capsys.readouterr().out
    assert prove(*some, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)[0]["proof"] == "Shop"


def test_a_missing_permission_is_told_over_all_proofs_too(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "template.json").write_text(json.dumps(guarded()))
    (project / "accepted.toml").write_text("")
    assert prove("--plan", str(REFUSED), "--accept", "accepted.toml") == 1
    assert "  ShopRole\n    sqs:SendMessage on Letters" in capsys.readouterr().out


def test_a_mistake_in_the_file_of_reasons_is_told_first(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "accepted.toml").write_text('[[accepted]]\nfinding = "unused: *"\n')
    assert prove("--accept", "accepted.toml") == 2
    told = capsys.readouterr()
    assert "accepted[0]: reason is missing" in told.err
    assert told.out == ""


def test_the_plans_are_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prove("--list") == 0
    assert str(plan("time-out")) in capsys.readouterr().out.splitlines()


def test_a_few_plans_are_spread_over_all(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prove("--list")
    every = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    prove("--at-most", "3", "--format", "json")
    [result] = json.loads(capsys.readouterr().out)
    third = len(every) / 3
    assert [one["plan"] for one in result["results"]] == [
        every[0],
        every[int(third)],
        every[int(2 * third)],
    ]
    prove("--at-most", "3")
    assert f": 3 of {len(every)} faults" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--plan", "{}"], "--plan: a plan is an object"),
        (["--jobs", "0"], "--jobs: at least one process"),
        (["--at-most", "0"], "--at-most: at least one plan"),
        (["--scenario", "free"], "there is no scenario 'free'"),
        (["--proofs", "nowhere"], "nowhere: there is no proof"),
    ],
)
def test_wrong_use_ends_with_2(
    project: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    assert prove(*options) == 2
    assert says in capsys.readouterr().err


def test_a_proof_that_there_is_not_ends_with_2(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prove", "Order", "--app", "template.json"]) == 2
    assert "there is no proof of 'Order'\n  hint: proofs: Shop" in capsys.readouterr().err


def test_a_test_suite_runs_the_same_plans(project: Path) -> None:
    plans = proof_plans("template.json", "tests/proofs/shop.py")
    assert plan("time-out") in plans
    assert len({one.test_id for one in plans}) == len(plans)
    with proof_runner("template.json", "tests/proofs/shop.py") as runner:
        assert_proven(runner.run(REFUSED))
        with pytest.raises(AssertionError, match=r"letter: .*\n(.|\n)*\$ sfnlocal prove Shop"):
            assert_proven(runner.run(plan("aborted")))
