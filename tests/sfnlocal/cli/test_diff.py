"""`sfnlocal diff`: histories of two runs, told apart by what counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.cli import main

APP = Path(__file__).parent / "app" / "template.yaml"


def recorded(
    path: Path, capsys: pytest.CaptureFixture[str], grams: int, *options: str
) -> dict[str, Any]:
    """What `sfnlocal run` reports, written to a file."""
    input_text = json.dumps({"grams": grams})
    arguments = ["run", "Sorter", "--app", str(APP), "--input", input_text, *options]
    main([*arguments, "--format", "json", "--history"])
    text = capsys.readouterr().out
    path.write_text(text)
    report: dict[str, Any] = json.loads(text)
    return report


def test_runs_of_other_seeds_and_times_tell_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    recorded(one, capsys, 5)
    recorded(two, capsys, 5, "--seed", "7", "--start-at", "2027-02-03T00:00:00Z")
    assert one.read_text() != two.read_text()
    assert main(["diff", str(one), str(two)]) == 0
    assert capsys.readouterr().out == "the histories tell the same: 10 events\n"


def test_both_sides_are_shown_at_the_event_where_they_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    first, second = recorded(one, capsys, 5), recorded(two, capsys, 6)
    assert main(["diff", str(one), str(two)]) == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "/executionStartedEventDetails/input/grams: 5, 6 in the second history\n\n"
        f"{one}: event 1, ExecutionStarted\n"
    )
    assert f"\n\n{two}: event 1, ExecutionStarted\n" in out
    assert main(["diff", "--format", "json", str(one), str(two)]) == 1
    assert json.loads(capsys.readouterr().out)["difference"] == {
        "left": first["events"][0],
        "right": second["events"][0],
        "path": "/executionStartedEventDetails/input/grams",
        "why": "5, 6 in the second history",
    }
    assert main(["diff", "--same", "5=6", str(one), str(two)]) == 1


def test_a_history_may_stand_alone_the_last_event_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, three = (tmp_path / name for name in ("one.json", "two.json", "three.json"))
    events = recorded(one, capsys, 5)["events"]
    two.write_text(json.dumps(events[::-1]))
    three.write_text(json.dumps({"events": events[:-1]}))
    assert main(["diff", str(one), str(two)]) == 0
    capsys.readouterr()
    assert main(["diff", str(one), str(three)]) == 1
    assert capsys.readouterr().out.endswith(f"{three}: ends before\n")


@pytest.mark.parametrize("text", ["{}", '{"events": [{}]}', '{"events": [1]}', "not JSON"])
def test_what_is_no_history_is_wrong_use(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.json"
    file.write_text(text)
    assert main(["diff", str(file), str(file)]) == 2
    assert str(file) in capsys.readouterr().err


@pytest.mark.parametrize("same", ["a", "a=", "=b"])
def test_names_that_are_the_same_are_given_in_pairs(
    same: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.json"
    file.write_text('{"events": []}')
    assert main(["diff", "--same", same, str(file), str(file)]) == 2
    assert "FIRST=SECOND" in capsys.readouterr().err
