"""Check `sfnlocal serve` against a corpus of recorded AWS behaviours, and keep what it meets.

    python -m tools.conformance FOLDER [--update]

The corpus is no part of this repository: its folder holds `check.py` and `cases/`. What is kept
here are the ids of the cases that pass and the grade they pass in; a case that passes less well
than that fails the command, one that passes better asks for --update.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PASSING = ROOT / "tests" / "conformance" / "passing.txt"
REPORT = ROOT / ".build" / "conformance.json"
LOG = ROOT / ".build" / "conformance.log"
# Of an account that the server has, so that nobody is refused as a stranger.
_ROLE_ARN = "arn:aws:iam::123456789012:role/conformance"
_CHECK_SECONDS_MAX = 600
_RANKS = {"none": 0, "outcome": 1, "history": 2}


class Result(NamedTuple):
    """`grade` is the best that the case passes in: history, outcome or none."""

    id: str
    kind: str
    area: str
    grade: str
    first: str


def main(arguments: list[str]) -> int:
    """Exit code 1 where a case is worse than it was."""
    parser = argparse.ArgumentParser(prog="python -m tools.conformance", description=__doc__)
    parser.add_argument("folder", type=Path, help="the corpus: check.py and cases/")
    parser.add_argument("--update", action="store_true", help="keep what passes now")
    options = parser.parse_args(arguments)
    checker = options.folder.resolve() / "check.py"
    if not checker.is_file():
        print(f"conformance: skipped, since there is no corpus at {options.folder}")
        return 0
    results = _check(checker)
    print(table(results))
    if options.update:
        PASSING.parent.mkdir(exist_ok=True)
        PASSING.write_text(written(results), "utf-8")
        return 0
    worse, better = compared(read(PASSING.read_text("utf-8")), results)
    for line in worse:
        print(f"worse: {line}")
    if better:
        print(f"{len(better)} cases are better than kept: `make conformance UPDATE=1` keeps that")
    return 1 if worse else 0


def _check(checker: Path) -> list[Result]:
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as empty, _served(empty) as url:
        checked = subprocess.run(
            [
                sys.executable,
                str(checker),
                *("--endpoint", url, "--services-endpoint", url, "--role-arn", _ROLE_ARN),
                *("--report", str(REPORT), "--quiet"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_CHECK_SECONDS_MAX,
        )
    # It exits with 1 as long as one case fails.
    if not REPORT.is_file():
        raise SystemExit(f"conformance: the checker gave no report\n{checked.stdout[-4000:]}")
    kinds = {
        case["id"]: case["kind"]
        for file in sorted((checker.parent / "cases").glob("*.json"))
        for case in json.loads(file.read_bytes())
    }
    report = json.loads(REPORT.read_bytes())
    return [
        Result(
            found["id"],
            kinds[found["id"]],
            found["area"],
            "history" if found.get("history") else "outcome" if found.get("outcome") else "none",
            str(found.get("first") or found.get("skip") or ""),
        )
        for found in report["results"]
    ]


@contextmanager
def _served(folder: str) -> Iterator[str]:
    """The URL of a server without an app, started in an empty folder. What it complains about
    goes to a log."""
    with LOG.open("w") as log:
        server = subprocess.Popen(
            [
                sys.executable,
                *("-m", "sfnlocal", "serve", "--port", "0", "--virtual-time", "--auto-jump"),
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
    assert server.stdout is not None
    try:
        line = server.stdout.readline()
        urls = [word for word in line.split() if word.startswith("http://")]
        if not urls:
            raise SystemExit(f"conformance: the server did not start: {LOG.read_text()[-2000:]}")
        yield urls[0]
    finally:
        server.terminate()
        server.wait()


def read(text: str) -> dict[str, str]:
    """Grades by case id, from lines of grade and id."""
    lines = (line.partition(" ") for line in text.splitlines() if line)
    return {case_id: grade for grade, _, case_id in lines}


def written(results: Iterable[Result]) -> str:
    """The text that `read` reads: cases that pass, by id."""
    passing = sorted((result.id, result.grade) for result in results if result.grade != "none")
    return "".join(f"{grade} {case_id}\n" for case_id, grade in passing)


def compared(kept: dict[str, str], results: Iterable[Result]) -> tuple[list[str], list[str]]:
    """What is worse than kept, a line each, and the ids that are better. A case that the corpus
    has no more is neither."""
    worse, better = [], []
    for result in results:
        before = kept.get(result.id, "none")
        if _RANKS[result.grade] < _RANKS[before]:
            worse.append(f"{result.id}: {before} before, {result.grade} now: {result.first}")
        elif _RANKS[result.grade] > _RANKS[before]:
            better.append(result.id)
    return worse, better


def table(results: Iterable[Result]) -> str:
    """Cases, passed in outcome and passed in history: by kind, by area, and in all."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for result in results:
        for row in (("kind", result.kind), ("area", result.area), ("", "all")):
            count = counts.setdefault(row, Counter())
            count["cases"] += 1
            count["outcome"] += _RANKS[result.grade] >= 1
            count["history"] += _RANKS[result.grade] == 2
    lines = []
    for group in ("kind", "area", ""):
        lines.append(f"{group or 'total':28} {'cases':>6} {'outcome':>8} {'history':>8}")
        for (of, name), count in sorted(counts.items()):
            if of == group:
                numbers = f"{count['cases']:6} {count['outcome']:8} {count['history']:8}"
                lines.append(f"  {name:26} {numbers}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
