"""AWS's warnings, as data: cases/warnings.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.language import compile_definition, diagnose

_CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "warnings.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["name"])
def test_what_can_hardly_be_meant_is_warned_of(case: dict[str, Any]) -> None:
    compile_definition(case["definition"])
    found = diagnose(case["definition"])
    assert [[one.code, one.location] for one in found] == case["warnings"]
    assert all(one.severity == "WARNING" and one.message and one.hint for one in found)
