"""Which variables each state refers to, as data: cases/variable_references.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.language import compile_definition, variable_references

_CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "variable_references.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["name"])
def test_each_state_lists_the_variables_it_refers_to(case: dict[str, Any]) -> None:
    compile_definition(case["definition"])
    assert variable_references(case["definition"]) == case["references"]
