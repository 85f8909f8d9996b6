"""The index of patterns finds what asking each of them finds."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sfnlocal.triggers.patterns import compile_pattern
from sfnlocal.triggers.rule_index import RuleIndex

_LEAVES: list[list[Any]] = [["a"], ["b", "c"], ["a", 1], [{"prefix": "b"}], [{"exists": False}]]
_VALUES: list[Any] = ["a", "b", "c", "bb", 1, None, ["a", "c"], [], {"x": "a"}]


def _pattern(draw: random.Random) -> dict[str, Any]:
    fields = draw.sample(["source", "detail-type", "id"], k=draw.randint(0, 2))
    pattern: dict[str, Any] = {name: draw.choice(_LEAVES) for name in fields}
    if draw.random() < 0.6 or not pattern:
        pattern["detail"] = {name: draw.choice(_LEAVES) for name in draw.sample("xyz", k=2)}
    if draw.random() < 0.2:
        pattern["$or"] = [{"source": draw.choice(_LEAVES)}, {"id": draw.choice(_LEAVES)}]
    return pattern


def _event(draw: random.Random) -> dict[str, Any]:
    detail: Any = {name: draw.choice(_VALUES) for name in "xyz" if draw.random() < 0.8}
    if draw.random() < 0.2:
        detail = [detail, {"x": "b", "y": "a"}]
    top = {name: draw.choice(_VALUES) for name in ("source", "detail-type", "id")}
    return {**top, "detail": detail}


@pytest.mark.parametrize("seed", range(25))
def test_an_index_finds_what_asking_each_pattern_finds(seed: int) -> None:
    draw = random.Random(seed)
    patterns = [compile_pattern(_pattern(draw)) for _ in range(40)]
    index: RuleIndex[int] = RuleIndex()
    for number, pattern in enumerate(patterns):
        index.add(number, pattern)
    for _ in range(40):
        event = _event(draw)
        expected = [number for number, one in enumerate(patterns) if one.matches(event)]
        assert index.matching(event) == expected, event


def test_an_index_asks_few_of_many_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Asked:
        def __init__(self, number: int) -> None:
            self.number = number

        def exact_strings(self) -> dict[tuple[str, ...], frozenset[str]]:
            return {
                ("source",): frozenset({"shop"}),
                ("detail", "id"): frozenset({str(self.number)}),
            }

        def matches(self, event: Any) -> bool:
            asked.append(self.number)
            return True

    index: RuleIndex[int] = RuleIndex()
    for number in range(1_000):
        index.add(number, Asked(number))  # type: ignore[arg-type]
    index.matching({"source": "shop", "detail": {"id": "700"}})
    assert 700 in asked
    assert len(asked) <= 2
