"""Writes what the examples print into the README: `python -m tools.readme` (part of `make docs`).

An example stands in a console block after `<!-- example: NAME -->`; it shows the first execution.
"""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

from examples.__main__ import main as run_examples

README = Path(__file__).resolve().parent.parent / "README.md"
_EXAMPLE = re.compile(r"(<!-- example: (\S+) -->\n```console\n)(.*?)(```\n)", re.DOTALL)


def shown(name: str, assembly: Path = Path("cdk.out")) -> str:
    """The command and the head and path of the first execution that it prints."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        if run_examples([name], assembly) != 0:
            raise SystemExit(f"the example {name} failed")
    title, execution, path, *_ = printed.getvalue().split("\n\n")
    return "\n\n".join([f"$ make run ARGS={name}\n{title}", execution, f"{path}\n"])


def written(text: str, assembly: Path = Path("cdk.out")) -> str:
    """The README's text with its examples as they are now."""
    return _EXAMPLE.sub(
        lambda found: f"{found[1]}{shown(found[2], assembly)}{found[4]}",
        text,
    )


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
