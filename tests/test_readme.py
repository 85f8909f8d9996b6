"""The README shows what its commands print."""

from __future__ import annotations

from pathlib import Path

from tools.readme import README, written


def test_the_examples_in_the_readme_are_what_the_commands_print(assembly: Path) -> None:
    text = README.read_text()
    assert "<!-- example: " in text
    assert written(text, assembly) == text, "run `make docs`"
