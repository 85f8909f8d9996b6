"""A plan or a proof that cannot be meant is told with what there is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfnlocal.errors import InputError
from sfnlocal.proof import Proof, Scenario
from sfnlocal.proof.files import find_proofs, proofs_folder
from sfnlocal.proof.plans import read_plan
from tests.sfnlocal.proof.conftest import INPUT, Prove

GOOD = {
    "scenario": "paid",
    "site": "state:Shop/Charge#1",
    "fault": "refused:UnforeseenError",
    "persistence": "once",
}
PROOF = """
from sfnlocal.proof import Proof, Scenario

SHOP = Proof(state_machine="Shop", scenarios=[Scenario(name="paid", input={})])
"""


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scenario": "free"}, "there is no scenario 'free'\n  hint: it has paid"),
        ({"site": "Charge"}, "'Charge' is no site\n  hint: such as state:Order/ChargePayment#1"),
        (
            {"site": "state:Shop/Pay#1"},
            "does not come to state:Shop/Pay#1\n  hint: its state sites: Shop/Charge",
        ),
        ({"site": "state:Shop/Charge#2"}, "does not come to state:Shop/Charge#2"),
        ({"site": "call:Charge/sqs.SendMessage#1"}, "its call sites: Charge/dynamodb.PutItem"),
        ({"fault": "refused:CardLost"}, "has no fault 'refused:CardLost'\n  hint: its faults: "),
        ({"fault": "heartbeat-missed"}, "has no fault 'heartbeat-missed'"),
        ({"persistence": "twice"}, "unknown persistence 'twice'"),
        ({"persistence": "for-ever"}, "cannot last for-ever: it is not retried"),
        ({"persistence": 1}, "persistence is no text"),
        ({"more": "x"}, "a plan is an object with scenario, site, fault, persistence"),
    ],
)
def test_a_plan_that_names_what_does_not_exist(
    prove: Prove, changes: dict[str, object], says: str
) -> None:
    runner = prove()
    with pytest.raises(InputError) as refused:
        runner.check(read_plan(json.dumps(GOOD | changes), runner.proof))
    assert says in str(refused.value)


def test_a_plan_that_is_no_json(prove: Prove) -> None:
    with pytest.raises(InputError, match="--plan: not JSON"):
        read_plan("{", prove().proof)


def test_every_plan_can_be_read_again(prove: Prove) -> None:
    runner = prove()
    for plan in runner.plans(every_error=True):
        assert runner.check(read_plan(str(plan), runner.proof)).json() == plan.json()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state_machine": "Shopp"}, "the app has no state machine 'Shopp'\n  hint: it has Shop"),
        ({"machines": ("Shop", "Child")}, "the app has no state machine 'Child'"),
        ({"ignore": {"Chargees": "a slip"}}, "no table, queue or bucket 'Chargees'"),
        ({"at_least_once": ("Mail",)}, "no table, queue or bucket 'Mail'"),
        ({"dead_letters": "Leters"}, "Leters"),
        ({"schedules": ("Nightly",)}, "Nightly"),
    ],
)
def test_a_proof_of_what_the_app_does_not_have(
    prove: Prove, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError) as refused:
        prove(**changes).plans()
    assert says in str(refused.value)


def test_scenarios_are_told_apart_by_their_names() -> None:
    paid = Scenario(name="paid", input=INPUT)
    with pytest.raises(InputError, match="two scenarios are named 'paid'"):
        Proof(state_machine="Shop", scenarios=[paid, paid])
    with pytest.raises(InputError, match="a proof needs a scenario"):
        Proof(state_machine="Shop", scenarios=[])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it has no proof"),
        ("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("1 +", "SyntaxError"),
    ],
)
def test_a_proof_file_without_a_proof(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "proof.py"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        find_proofs(path)
    assert says in str(refused.value)
    assert refused.value.where == str(path)


def test_a_folder_of_proofs_may_have_other_files_too(tmp_path: Path) -> None:
    (tmp_path / "help.py").write_text("HELP = 1")
    (tmp_path / "shop.py").write_text(PROOF)
    assert [one.name for one in find_proofs(tmp_path, ["Shop"])] == ["Shop"]
    with pytest.raises(InputError, match="there is no proof of 'Order'"):
        find_proofs(tmp_path, ["Order"])
    (tmp_path / "again.py").write_text(PROOF)
    with pytest.raises(InputError, match="two proofs are named 'Shop'"):
        find_proofs(tmp_path)


def test_a_folder_without_proofs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no proof"):
        find_proofs(tmp_path)


def test_the_project_says_where_its_proofs_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert proofs_folder(None) == Path("tests/proofs")
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.sfnlocal]\nproofs = "checks"\n')
    assert proofs_folder(None) == Path("checks")
    assert proofs_folder("others") == Path("others")
    project.write_text("[tool.sfnlocal]\nproofs = 1\n")
    with pytest.raises(InputError, match="`proofs` is no text"):
        proofs_folder(None)
    project.write_text("[tool")
    with pytest.raises(InputError, match=r"pyproject\.toml: not TOML"):
        proofs_folder(None)
