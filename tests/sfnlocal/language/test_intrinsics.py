"""Intrinsic functions: cases as data, and properties."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfnlocal.errors import StateError, UnsupportedError
from sfnlocal.language.intrinsic_functions import FUNCTIONS
from sfnlocal.language.intrinsics import (
    IntrinsicSyntaxError,
    compile_intrinsic,
    is_intrinsic,
)
from sfnlocal.language.java_random import JavaRandom

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "intrinsics.json").read_text(encoding="utf-8")
)


class Scope:
    """A frame with one variable and a seeded generator."""

    now_ms = 0

    def __init__(self, seed: int = 1) -> None:
        self.rng = random.Random(seed)
        self.variables: dict[str, Any] = {"order": {"id": 7}}

    def context(self) -> dict[str, Any]:
        return {"Execution": {"Name": "run-1"}}


def cases_with(key: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "case", [pytest.param(case, id=case["name"]) for case in CASES if key in case]
    )


def call(text: str, data: Any = None, scope: Scope | None = None) -> Any:
    return compile_intrinsic(text).call(data, scope or Scope())


def test_every_case_names_its_source_and_one_outcome() -> None:
    for case in CASES:
        assert case["source"]
        assert len(case.keys() & {"expected", "fails", "invalid"}) == 1


def test_every_function_has_a_case() -> None:
    texts = " ".join(case["call"] for case in CASES)

    assert [name for name in FUNCTIONS if f"{name}(" not in texts] == []


@cases_with("expected")
def test_a_call_gives(case: dict[str, Any]) -> None:
    result = call(case["call"], case.get("input"))

    assert json.dumps(result) == json.dumps(case["expected"])


@cases_with("fails")
def test_a_call_that_fails_names_itself_and_why(case: dict[str, Any]) -> None:
    data = {"text": "x" * case["text_chars"]} if "text_chars" in case else case.get("input")

    with pytest.raises(StateError) as raised:
        call(case["call"], data)

    assert raised.value.error == "States.Runtime"
    assert raised.value.cause == (
        f"The function '{case['call']}' had the following error: {case['fails']}"
    )


@cases_with("invalid")
def test_a_text_that_is_no_call_is_refused_where_it_ends_to_be_one(case: dict[str, Any]) -> None:
    with pytest.raises(IntrinsicSyntaxError) as raised:
        compile_intrinsic(case["call"])

    assert raised.value.position == case["invalid"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("States.UUID()", True),
        (" States.Format ('a')", True),
        ("States.Nope(", True),
        ("States.ALL", False),
        ("$.States.UUID()", False),
        ("'States.UUID()'", False),
    ],
)
def test_an_intrinsic_call_is_told_from_other_texts(text: str, expected: bool) -> None:
    assert is_intrinsic(text) is expected


def test_uuids_are_of_version_4_and_come_from_the_scope() -> None:
    scope = Scope()

    first, second = call("States.UUID()", scope=scope), call("States.UUID()", scope=scope)

    assert UUID(first).version == 4
    assert first != second
    assert call("States.UUID()", scope=Scope()) == first


def test_random_numbers_without_a_seed_come_from_the_scope_and_keep_their_bounds() -> None:
    scope = Scope()

    numbers = [call("States.MathRandom(1, 4)", scope=scope) for _ in range(60)]

    assert set(numbers) == {1, 2, 3}
    again = Scope()
    assert [call("States.MathRandom(1, 4)", scope=again) for _ in range(60)] == numbers


def test_the_seeded_generator_is_javas() -> None:
    """Random(42) in Java: these are the first values of nextDouble and nextInt(10)."""
    assert JavaRandom(42).next_double() == 0.7275636800328681
    generator = JavaRandom(42)
    assert [generator.next_int(10) for _ in range(5)] == [0, 3, 8, 4, 0]


def test_a_bound_near_the_largest_integer_still_gives_even_numbers() -> None:
    bound = 2**30 + 1
    generator = JavaRandom(7)

    assert all(0 <= generator.next_int(bound) < bound for _ in range(50))


def test_the_size_of_a_result_is_bounded_where_the_function_bounds_it() -> None:
    bounded = compile_intrinsic("States.UUID()")
    open_ended = compile_intrinsic("States.Array($)")

    assert (bounded.constant_bytes, bounded.references) == (38, 0)
    assert open_ended.references is None


def test_nesting_without_end_is_a_syntax_error() -> None:
    with pytest.raises(IntrinsicSyntaxError):
        compile_intrinsic("States.Array(" * 3000)


PIECES = st.sampled_from(
    [f"{name}(" for name in FUNCTIONS]
    + ["$.a", "$$", "$order.id", "'x'", "'{}'", "'\\{'", "1", "-2.5", "true", "null", "$[?(@.a)]"]
    + [")", ",", " ", "'", "\\", "[", "]", "$", "States.", '"']
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=8).map("".join))
def test_any_text_is_a_call_or_refused_and_any_call_gives_or_fails(text: str) -> None:
    try:
        evaluator = compile_intrinsic(text)
    except (IntrinsicSyntaxError, UnsupportedError):
        return
    with suppress(StateError):
        json.dumps(evaluator.call({"a": [1, "x"]}, Scope()))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.sampled_from(sorted(FUNCTIONS)),
    st.lists(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=4)
        | st.lists(st.integers(), max_size=2)
        | st.dictionaries(st.text(max_size=1), st.integers(), max_size=1),
        max_size=3,
    ),
)
def test_any_values_give_a_result_or_fail_the_state(name: str, values: list[Any]) -> None:
    arguments = ", ".join(f"$[{index}]" for index in range(len(values)))
    try:
        result = call(f"{name}({arguments})", values)
    except (StateError, IntrinsicSyntaxError):
        return
    json.dumps(result)
