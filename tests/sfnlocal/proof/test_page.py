"""A proof as a page: what it shows, and that it needs nothing else."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sfnlocal.cli import main
from sfnlocal.proof.files import FoundProof, find_proofs
from sfnlocal.proof.page import proof_page
from sfnlocal.proof.page_matrix import ABOUT, path_text
from sfnlocal.proof.prove import Options, prove
from sfnlocal.proof.results import ProofResult
from sfnlocal.proof.results_reading import read_results
from sfnlocal.proof.text import COLUMNS, render_proof
from sfnlocal.template import load_app
from sfnlocal.testing.proving import open_world
from tests.sfnlocal.proof.conftest import plan
from tests.sfnlocal.proof.test_permissions import SENDS, guarded
from tests.sfnlocal.proof.test_prove import PROOF

PLANS = (
    plan("refused:CardDeclined"),
    plan("refused:Lambda.ServiceException"),
    plan("refused:Lambda.ServiceException", "for-ever"),
    plan("lost", site="dynamodb.PutItem"),
    plan("aborted"),
)
_VOID = frozenset({"meta", "br", "path", "rect", "circle", "line", "polygon"})


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> FoundProof:
    path = tmp_path_factory.mktemp("project") / "shop.py"
    path.write_text(PROOF)
    (path.parent / "template.json").write_text(json.dumps(guarded(SENDS)))
    return find_proofs(path, [])[0]


def proven(found: FoundProof, *plans: object) -> ProofResult:
    app = load_app(found.path.parent / "template.json")
    options = Options(plans=tuple(map(str, plans)))
    return prove(app, found, open_world, options)


@pytest.fixture(scope="module")
def result(found: FoundProof) -> ProofResult:
    return proven(found, *PLANS)


@pytest.fixture(scope="module")
def page(result: ProofResult) -> str:
    return proof_page([result])


class _Checked(HTMLParser):
    """Every element that is opened is closed, in the right order; ids are there once."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.dots: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        self.loaded += [given[name] for name in ("src", "srcset", "data") if name in given]
        if tag == "link":
            self.loaded.append(tag)
        kind, _, outcome = given.get("class", "").partition(" ")
        if kind == "dot" and "title" in given:
            self.dots.append((outcome, given["title"]))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag


def checked(page: str) -> _Checked:
    parser = _Checked()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert len(parser.ids) == len({*parser.ids})
    return parser


def dots(page: str) -> Iterator[tuple[str, list[str]]]:
    for outcome, title in checked(page).dots:
        yield outcome, title.splitlines()


def test_a_page_is_well_formed_and_loads_nothing(page: str) -> None:
    assert checked(page).loaded == []
    assert "url(" not in page
    assert "@import" not in page


def test_each_run_is_a_square_in_the_colour_of_what_came_of_it(page: str) -> None:
    told = {lines[0]: outcome for outcome, lines in dots(page)}
    assert told == {
        "refused:CardDeclined, once, at state:Shop/Charge#1 (paid)": "held",
        "refused:Lambda.ServiceException, once, at state:Shop/Charge#1 (paid)": "held",
        "refused:Lambda.ServiceException, for ever, at state:Shop/Charge#1 (paid)": "back",
        "lost, once, at call:Charge/dynamodb.PutItem#1 (paid)": "back",
        "aborted, once, at state:Shop/Charge#1 (paid)": "violated",
    }


def test_a_square_tells_the_path_and_the_command(page: str) -> None:
    [lines] = [lines for _, lines in dots(page) if "for ever" in lines[0]]
    assert lines[-3:] == [
        "FAILED with Lambda.ServiceException after 4h 1m 7s, brought back by replay",
        "Charge \N{RIGHTWARDS ARROW} Letter \N{RIGHTWARDS ARROW} Failed",
        f"$ sfnlocal prove Shop --plan '{PLANS[2]}' --seed 0",
    ]


def test_what_is_broken_comes_before_all_else(page: str, result: ProofResult) -> None:
    broken = page.index("What is broken")
    assert broken < page.index("Every single fault") < page.index("<h3>Coverage")
    [violation, *_] = result.violations
    assert violation.invariant in page[broken:]
    assert violation.message.splitlines()[0] in unescape(page[broken:])
    assert violation.command in unescape(page[broken:])


def test_the_same_violation_of_several_runs_is_told_once(found: FoundProof) -> None:
    template = guarded()
    (found.path.parent / "template.json").write_text(json.dumps(template))
    try:
        page = proof_page([proven(found, plan("time-out"), plan("refused:UnforeseenError"))])
    finally:
        (found.path.parent / "template.json").write_text(json.dumps(guarded(SENDS)))
    assert page.count("ShopRole may not sqs:SendMessage on Letters; grant") == 3  # twice in squares
    assert 'permitted</span> <span class="pale">in 2 runs' in page.replace("\n", "")


def test_coverage_cost_and_permissions_are_shown(page: str) -> None:
    text = unescape(re.sub(r"<[^>]*>", " ", page))
    assert "Coverage" in text
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in page
    assert "at the list prices of us-east-1" in text
    assert "ChargeRole" in text
    assert re.search(r"dynamodb:DeleteItem\s+Charges\s+unused", text)


def test_what_was_not_measured_is_left_out(result: ProofResult) -> None:
    bare = ProofResult("Shop", "Shop", 0, result.scenarios, result.results, 1.0)
    page = proof_page([bare])
    checked(page)
    assert "<h3>Permissions" not in page
    assert "<h3>Cost" not in page
    assert "<h3>Coverage" not in page


def test_several_proofs_share_a_page_that_begins_with_all_of_them(result: ProofResult) -> None:
    page = proof_page([result, result])
    checked(page)
    assert "<h1>2 proofs</h1>" in page
    assert page.count('href="#proof-') == 2
    assert "1 of 4 statements of roles allowed nothing in any proof" in page


def test_what_one_proof_used_is_not_unused(result: ProofResult) -> None:
    other = copy.deepcopy(result.json()["more"])
    for role in other["iam"]["roles"]:
        for one in role["statements"]:
            one["used"] += 1
    proofs = [result, ProofResult("Other", "Shop", 0, (), (), 1.0, other)]
    assert "0 of 4 statements of roles allowed nothing in any proof." in proof_page(proofs)


def test_names_are_text_and_no_html(result: ProofResult) -> None:
    scenario = result.scenarios[0]
    evil = type(scenario)("<b>", "<script>", scenario.status, scenario.sites, scenario.visited)
    page = proof_page([ProofResult("<i>", "Shop", 0, (evil,), result.results, 1.0)])
    checked(page)
    assert "&lt;script&gt;" in page
    assert "&lt;i&gt;" in page


def test_the_same_state_again_is_counted() -> None:
    arrow = "\N{RIGHTWARDS ARROW}"
    assert path_text(["A", "B", "B", "B", "C"]) == f"A {arrow} B (3 times) {arrow} C"
    assert path_text(map(str, range(42))).endswith(f"39 {arrow} 2 more")


def test_what_json_has_gives_the_same_page(result: ProofResult, page: str) -> None:
    [read] = read_results(json.dumps([result.json()]), "proofs.json")
    assert proof_page([read]) == page
    assert render_proof(read) == render_proof(result)
    assert "2 roles: 3 missing" in render_proof(read)


def test_the_command_writes_the_page_of_earlier_results(
    result: ProofResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier, page = tmp_path / "proofs.json", tmp_path / "proofs.html"
    earlier.write_text(json.dumps([result.json()]))
    assert main(["prove", "Shop", "--from", str(earlier), "--html", str(page)]) == 1
    assert "NOT proven: 1 runs" in capsys.readouterr().out
    assert "<h1 " in page.read_text()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no", "proofs.json: not JSON"),
        ("{}", "a list of proofs is expected"),
        ('[{"proof": "Shop"}]', "these are no proofs: KeyError: 'stateMachine'"),
    ],
)
def test_what_is_no_proof_ends_with_2(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "proofs.json"
    path.write_text(text)
    assert main(["prove", "--from", str(path)]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "hint: write it with: sfnlocal prove --format json > FILE" in told


def test_a_proof_that_the_file_has_not_ends_with_2(
    result: ProofResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "proofs.json"
    path.write_text(json.dumps([result.json()]))
    assert main(["prove", "Order", "--from", str(path)]) == 2
    assert "no proof 'Order'\n  hint: there are Shop" in capsys.readouterr().err
    assert main(["prove", "--from", str(tmp_path / "none.json")]) == 2
    assert "none.json: cannot be read" in capsys.readouterr().err


def test_every_column_of_the_matrix_says_what_it_is_about() -> None:
    assert set(COLUMNS.values()) == set(ABOUT)
