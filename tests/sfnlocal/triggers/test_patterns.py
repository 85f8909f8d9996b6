"""Event patterns, case by case from pattern_cases.json."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import ApiError
from sfnlocal.triggers.patterns import Dialect, compile_pattern

_FILE = json.loads(Path(__file__).with_name("pattern_cases.json").read_text())
_EVENTS = [
    pytest.param(case["pattern"], event, expected, id=f"{case['given']}-{word}-{at}")
    for case in _FILE["cases"]
    for word, expected in (("matches", True), ("misses", False))
    for at, event in enumerate(case[word])
]
_REFUSED = [pytest.param(case, id=case["given"]) for case in _FILE["refused"]]


@pytest.mark.parametrize(("pattern", "event", "expected"), _EVENTS)
def test_a_pattern_matches_what_aws_matches(pattern: Any, event: Any, expected: bool) -> None:
    assert compile_pattern(pattern).matches(event) is expected
    assert compile_pattern(json.dumps(pattern)).matches(event) is expected


@pytest.mark.parametrize("case", _REFUSED)
def test_a_bad_pattern_is_refused_with_its_reason_and_place(case: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match=re.escape(case["says"])) as caught:
        compile_pattern(case.get("text") or case["pattern"])
    assert caught.value.aws_code == "InvalidEventPatternException"
    assert caught.value.message.startswith("Event pattern is not valid. Reason: ")


def test_every_case_names_its_source() -> None:
    assert all(case["source"] in _FILE["sources"] for case in _FILE["cases"] + _FILE["refused"])


def test_a_pattern_longer_than_the_quota_is_refused() -> None:
    compile_pattern({"a": ["x" * 2_038]})
    with pytest.raises(ApiError, match="2049 characters long"):
        compile_pattern({"a": ["x" * 2_039]})


def test_more_than_a_thousand_combinations_of_or_are_refused() -> None:
    ten = [{name: [1]} for name in "abcdefghij"]
    compile_pattern({"x": {"$or": ten}, "y": {"$or": ten}, "z": {"$or": ten}})
    with pytest.raises(ApiError, match="2000 combinations"):
        compile_pattern(
            {"w": {"$or": ten[:2]}, "x": {"$or": ten}, "y": {"$or": ten}, "z": {"$or": ten}}
        )


def test_a_dialect_leaves_operators_out_and_says_so_in_its_words() -> None:
    dialect = Dialect(
        "InvalidParameterValueException",
        "Invalid filter pattern definition. ",
        without=frozenset({"wildcard", "anything-but/prefix", "prefix/equals-ignore-case"}),
    )
    for operator in (
        {"wildcard": "x*"},
        {"anything-but": {"prefix": "x"}},
        {"prefix": {"equals-ignore-case": "x"}},
    ):
        compile_pattern({"a": [operator]})
        with pytest.raises(ApiError, match=r"^Invalid filter pattern definition\. ") as caught:
            compile_pattern({"a": [operator]}, dialect)
        assert caught.value.aws_code == "InvalidParameterValueException"
    assert compile_pattern({"a": [{"anything-but": {"suffix": "x"}}]}, dialect).matches({"a": "y"})


def test_a_dialect_may_compare_numbers_by_value() -> None:
    assert compile_pattern({"a": [300]}, Dialect(equal_numbers=True)).matches({"a": 300.0})
    assert not compile_pattern({"a": [1]}, Dialect(equal_numbers=True)).matches({"a": True})


def test_exact_strings_are_those_that_an_event_must_have() -> None:
    pattern = compile_pattern(
        {
            "source": ["a", "b"],
            "detail-type": ["x", {"prefix": "y"}],
            "n": [1],
            "detail": {"state": ["on"], "gone": ["x", {"exists": False}], "both": ["x", None]},
            "$or": [{"q": ["1"]}, {"r": ["2"]}],
        }
    )
    assert pattern.exact_strings() == {
        ("source",): frozenset({"a", "b"}),
        ("detail", "state"): frozenset({"on"}),
    }


@pytest.mark.parametrize("seed", range(20))
def test_a_wildcard_matches_as_its_definition_says(seed: int) -> None:
    draw = random.Random(seed)

    def matches(wildcard: str, text: str) -> bool:
        if not wildcard:
            return not text
        if wildcard[0] == "*":
            return any(matches(wildcard[1:], text[at:]) for at in range(len(text) + 1))
        return text[:1] == wildcard[0] and matches(wildcard[1:], text[1:])

    for _ in range(100):
        wildcard = re.sub(r"\*+", "*", "".join(draw.choices("ab*", k=draw.randint(0, 6))))
        text = "".join(draw.choices("ab", k=draw.randint(0, 8)))
        found = compile_pattern({"f": [{"wildcard": wildcard}]}).matches({"f": text})
        assert found is matches(wildcard, text), (wildcard, text)


def test_a_wildcard_of_many_stars_takes_no_longer_on_a_long_text() -> None:
    pattern = compile_pattern({"f": [{"wildcard": "*a" * 200 + "*b"}]})
    assert not pattern.matches({"f": "a" * 20_000})
