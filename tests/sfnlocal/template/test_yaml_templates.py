from __future__ import annotations

import sys

import pytest

from sfnlocal.errors import AssemblyError, UnsupportedError
from sfnlocal.template.yaml_templates import parse_yaml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!Ref Queue", {"Ref": "Queue"}),
        ("!Condition IsDev", {"Condition": "IsDev"}),
        ("!GetAtt Queue.Arn", {"Fn::GetAtt": ["Queue", "Arn"]}),
        ("!GetAtt Nested.Outputs.Url", {"Fn::GetAtt": ["Nested", "Outputs.Url"]}),
        ("!GetAtt [Queue, Arn]", {"Fn::GetAtt": ["Queue", "Arn"]}),
        ("!Sub '${A}-b'", {"Fn::Sub": "${A}-b"}),
        ("!Join ['', [a, !Ref B]]", {"Fn::Join": ["", ["a", {"Ref": "B"}]]}),
        ("!GetStackOutput {StackName: s}", {"Fn::GetStackOutput": {"StackName": "s"}}),
        ("{Version: 2012-10-17}", {"Version": "2012-10-17"}),
        ("{123456789012: {2: x}}", {"123456789012": {"2": "x"}}),
        ("[1, true, ~, 1.5]", [1, True, None, 1.5]),
    ],
)
def test_yaml_is_read_as_cloudformation_reads_it(text: str, expected: object) -> None:
    assert parse_yaml(text, "t.yaml") == expected


def test_what_is_no_yaml_is_refused_with_line_and_column() -> None:
    with pytest.raises(AssemblyError) as caught:
        parse_yaml("a: 1\nb: [1,", "t.yaml")
    assert caught.value.where == "t.yaml"
    assert "(line 2, column 7)" in caught.value.message


def test_without_pyyaml_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(UnsupportedError) as caught:
        parse_yaml("a: 1", "t.yaml")
    assert caught.value.hint == "pip install pyyaml"
