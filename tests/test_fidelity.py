"""docs/fidelity.md names tests and cases that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "fidelity.md").read_text("utf-8")
TESTS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)
CASES = re.findall(r"`(tests/[\w/]+\.json)`: ([^|;,\n]+?) \|", TEXT)


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_a_test_that_holds_a_difference_is_there(file: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / file).read_text("utf-8")


@pytest.mark.parametrize(("file", "name"), CASES)
def test_a_case_that_holds_a_difference_is_there(file: str, name: str) -> None:
    document: Any = json.loads((ROOT / file).read_text("utf-8"))
    cases = document["cases"] if isinstance(document, dict) else document
    assert name in {case["name"] for case in cases}


def test_every_difference_says_what_holds_it() -> None:
    rows = [
        line.split("|")[1:-1]
        for line in TEXT.splitlines()
        if line.startswith("|") and not line.startswith(("|---", "| AWS |"))
    ]
    assert len(rows) > 30
    assert all(len(row) == 3 and row[2].strip() for row in rows)
    assert all("`" in row[2] or row[2].strip().startswith("no test: ") for row in rows)
