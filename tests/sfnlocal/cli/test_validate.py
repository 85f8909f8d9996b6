"""`sfnlocal validate`: each finding at its line and column, in every kind of file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfnlocal.cli import main
from sfnlocal.cli.source_text import Node, SourceText, read_json, read_yaml
from sfnlocal.cli.validation import validate

_CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "validate.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["name"])
def test_findings_are_told_where_they_stand(
    case: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, lines in case["files"].items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(lines) if isinstance(lines, list) else json.dumps(lines, indent=1)
        Path(name).write_text(text, "utf-8")
    code = main(["validate", *case.get("arguments", []), *case["validated"]])
    out, err = capsys.readouterr()
    assert out.splitlines() == case.get("out", [])
    assert err.replace(str(tmp_path), "{folder}").splitlines() == case.get("err", [])
    assert code == case["code"]


def test_json_has_every_finding_with_its_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "order.asl.json"
    file.write_text('{"StartAt": "A",\n "States": {"A": {"Type": "Fail", "Cause": "$.cause"}}}')
    assert main(["validate", "--format", "json", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "definitions": 1,
        "findings": [
            {
                "file": str(file),
                "line": 2,
                "column": 35,
                "severity": "WARNING",
                "code": "NO_PATH",
                "message": "Field value looks like a path, but field name does not end with "
                "'Path'.",
                "pointer": "/States/A/Cause",
                "hint": "write CausePath: $.cause",
                "machine": "",
            }
        ],
    }


def test_the_assembly_of_the_application_is_clean(assembly: Path) -> None:
    validation = validate(assembly, "STANDARD")
    assert validation.definitions > 0
    assert validation.findings == []


def test_a_thousand_clean_states_take_less_than_a_blink(tmp_path: Path) -> None:
    parameters = {"a.$": "$.a", "b.$": "States.Format('{}', $.b)", "c": [1, {"d.$": "$$.Task"}]}
    states: dict[str, Any] = {
        f"S{number}": {"Type": "Pass", "Parameters": parameters, "Next": f"S{number + 1}"}
        for number in range(999)
    }
    file = tmp_path / "large.asl.json"
    file.write_text(json.dumps({"StartAt": "S0", "States": states | {"S999": {"Type": "Succeed"}}}))
    before = time.process_time()
    assert validate(file, "STANDARD").findings == []
    # 0.13 s where it was written; coverage makes it some times slower.
    assert time.process_time() - before < 2


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(derandomize=True, max_examples=100, deadline=None, database=None)
@given(_JSON, st.sampled_from([None, 1, 4]), st.booleans())
def test_every_value_of_a_json_text_is_found_where_it_stands(
    value: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    root = read_json(text)
    assert root.value == value
    for node, key in _nodes(root, None):
        shown = key if isinstance(key, str) else node.value
        if isinstance(shown, (dict, list)):
            assert text[node.at] in "[{"
        else:
            assert json.JSONDecoder().raw_decode(text, node.at)[0] == shown
        if isinstance(node.value, str) and node.content is not None:
            utf16 = node.value.encode("utf-16-le", "surrogatepass")
            assert len(node.content()) == (len(utf16) // 2 if ascii_only else len(node.value))


def _nodes(node: Node, key: str | int | None) -> list[tuple[Node, str | int | None]]:
    below = [pair for step, child in node.children.items() for pair in _nodes(child, step)]
    return [(node, key), *below]


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", '{"a" 1}', '{"a": 1,}', "{a: 1}", "[1 2]", "1 2", "NaN", '{"a": "}']
)
def test_what_is_no_json_is_not_read(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        read_json(text)


def test_a_short_form_is_a_long_one_in_yaml_too() -> None:
    source = SourceText("a:\n  b: !Sub\n    - x ${y}\n    - {y: !Ref Z}\nc: !GetAtt Q.Arn\n")
    root = read_yaml(source)
    assert root.value == {
        "a": {"b": {"Fn::Sub": ["x ${y}", {"y": {"Ref": "Z"}}]}},
        "c": {"Fn::GetAtt": "Q.Arn"},
    }
    *_, found = root.along(("a", "b", "Fn::Sub", 0))
    assert source.position(found.at) == (3, 7)
    assert found.is_open
