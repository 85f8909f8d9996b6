"""JSONPath: cases as data, and properties."""

from __future__ import annotations

import json
from pathlib import Path as FilePath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonpath import JSONPathEnvironment

from sfnlocal.errors import UnsupportedError
from sfnlocal.language.jsonpath import (
    PathMissing,
    PathSyntaxError,
    compile_path,
    split_root,
)

CASES: list[dict[str, Any]] = json.loads(
    (FilePath(__file__).parent / "cases" / "jsonpath.json").read_text(encoding="utf-8")
)


def cases_with(key: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "case", [pytest.param(case, id=case["name"]) for case in CASES if key in case]
    )


def test_every_case_names_its_source_and_one_outcome() -> None:
    for case in CASES:
        assert case["source"]
        assert len(case.keys() & {"expected", "missing", "invalid", "unsupported"}) == 1


@cases_with("expected")
def test_a_path_finds(case: dict[str, Any]) -> None:
    path = compile_path(case["path"])

    found = path.get(case["input"])

    assert json.dumps(found) == json.dumps(case["expected"])
    assert path.values(case["input"]) == ([found] if path.definite else found)


@cases_with("missing")
def test_a_missing_value_is_told_in_awss_words(case: dict[str, Any]) -> None:
    path = compile_path(case["path"])

    with pytest.raises(PathMissing) as raised:
        path.get(case["input"])

    assert str(raised.value) == case["missing"]
    assert path.values(case["input"]) == []


@cases_with("invalid")
def test_a_text_that_is_no_path_is_refused_where_it_ends_to_be_one(case: dict[str, Any]) -> None:
    with pytest.raises(PathSyntaxError) as raised:
        compile_path(case["path"])

    assert raised.value.position == case["invalid"]


@cases_with("unsupported")
def test_what_is_not_supported_is_refused_by_name(case: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError) as raised:
        compile_path(case["path"])

    assert case["unsupported"] in raised.value.message
    assert raised.value.where == case["path"]


@pytest.mark.parametrize(
    ("text", "definite", "reference"),
    [
        ("$", True, True),
        ("$.a['b'][0]", True, True),
        ("$.a[-1]", True, False),
        ("$['a','b']", True, False),
        ("$['a','b'].c", False, False),
        ("$.a.length()", True, False),
        ("$.a[*]", False, False),
        ("$..a", False, False),
        ("$.a[1:2]", False, False),
        ("$.a[0,1]", False, False),
        ("$.a[?(@.b)]", False, False),
    ],
)
def test_a_path_tells_whether_it_is_definite_and_a_reference_path(
    text: str, definite: bool, reference: bool
) -> None:
    path = compile_path(text)

    assert (path.definite, path.is_reference, path.text) == (definite, reference, text)


def test_the_steps_of_a_reference_path_are_keys_and_indexes() -> None:
    assert compile_path("$.a['b c'][2].d").steps == ("a", "b c", 2, "d")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$", ("input", "", "$")),
        ("$.a[0]", ("input", "", "$.a[0]")),
        ("$['a']", ("input", "", "$['a']")),
        ("$$", ("context", "", "$")),
        ("$$.Execution.Id", ("context", "", "$.Execution.Id")),
        ("$order", ("variable", "order", "$")),
        ("$größe_1.x[0]", ("variable", "größe_1", "$.x[0]")),
    ],
)
def test_a_path_is_split_from_what_it_starts_at(text: str, expected: tuple[str, ...]) -> None:
    assert split_root(text) == expected


def test_a_text_that_starts_nowhere_cannot_be_split() -> None:
    with pytest.raises(PathSyntaxError):
        split_root("order.id")


def test_nesting_without_end_is_a_syntax_error() -> None:
    with pytest.raises(PathSyntaxError, match="nested too deeply"):
        compile_path("$" + "[?(@" * 5000)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text("abc", max_size=1), children)
    ),
    max_leaves=12,
)
PATH_PIECES = st.sampled_from(
    [
        *("$", ".", "..", "a", "b", "[", "]", "[0]", "[-1]", "[*]", "['a']", "['a','b']", "[0,1]"),
        *("[1:]", "[?(", "@", "@.a", ")", "==", "!=", "<", "=~", "&&", "||", "!", " in ", " nin "),
        *(" size ", " empty ", "1", "'x'", "/x/", ".length()", ".sum()", ".keys()", ".*", "true"),
        *("null", "(", ",", "'", '"', "\\", " "),
    ]
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(PATH_PIECES, max_size=9).map("".join), JSON_VALUES)
def test_any_text_is_a_path_or_refused_and_any_path_finds_or_misses(text: str, value: Any) -> None:
    try:
        path = compile_path("$" + text)
    except (PathSyntaxError, UnsupportedError):
        return
    try:
        found = path.get(value)
    except PathMissing:
        assert path.definite
        assert path.values(value) == []
    else:
        assert path.values(value) == ([found] if path.definite else found)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=20))
def test_arbitrary_text_never_raises_anything_else(text: str) -> None:
    for start in ("", "$", "$[?(@"):
        try:
            compile_path(start + text)
        except (PathSyntaxError, UnsupportedError):
            continue


# The other implementation slices texts and reads a text as JSON: none here.
TEXTLESS_VALUES = st.recursive(
    st.lists(st.none() | st.integers(-9, 9), max_size=3),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text("abc", max_size=1), children)
    ),
    max_leaves=12,
)
SHARED_PIECES = st.sampled_from([".a", ".b", "['c']", "[0]", "[-1]", "[*]", "[1:]", "[:2]", "..a"])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(SHARED_PIECES, max_size=4).map("".join), TEXTLESS_VALUES)
def test_where_the_dialects_agree_another_implementation_finds_the_same(
    text: str, value: Any
) -> None:
    expected = JSONPathEnvironment().compile("$" + text).findall(value)

    assert compile_path("$" + text).values(value) == expected
