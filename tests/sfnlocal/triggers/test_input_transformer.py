"""Input transformers, case by case from input_transformer_cases.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.triggers.event_paths import event_path
from sfnlocal.triggers.input_transformer import Occasion, input_transformer

_FILE = json.loads(Path(__file__).with_name("input_transformer_cases.json").read_text())
_EVENT = _FILE["event"]
# A second and a half after the year began.
_OCCASION = Occasion("arn:aws:events:us-east-1:123456789012:rule/r", "r", 1_767_225_601_500)


def _cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["given"]) for case in _FILE[name]]


@pytest.mark.parametrize("case", _cases("cases"))
def test_a_template_is_filled_as_aws_fills_it(case: dict[str, str]) -> None:
    transformer = input_transformer(_FILE["paths"], case["template"])
    assert transformer(_EVENT, _OCCASION) == case["gives"]


@pytest.mark.parametrize("case", _cases("refused"))
def test_a_bad_transformer_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=re.escape(case["says"])):
        input_transformer(case["paths"], case["template"])


def test_a_template_can_have_the_event_with_or_without_its_detail() -> None:
    template = '{"event":<aws.events.event>,"whole":<aws.events.event.json>,"path":<all>}'
    filled = json.loads(input_transformer(_FILE["paths"], template)(_EVENT, _OCCASION))
    assert filled["whole"] == filled["path"] == _EVENT
    assert filled["event"] == {name: _EVENT[name] for name in _EVENT if name != "detail"}


def test_an_object_in_quotes_is_its_json_text() -> None:
    filled = input_transformer({"tag": "$.detail.tags[0]"}, '{"tag":"<tag>"}')(_EVENT, _OCCASION)
    assert json.loads(json.loads(filled)["tag"]) == {"key": "x", "n": 1}


def test_a_hundred_variables_are_taken_and_no_more() -> None:
    paths = {f"v{number}": "$.id" for number in range(101)}
    input_transformer(dict(list(paths.items())[:100]), '"x"')
    with pytest.raises(ValueError, match="InputPathsMap has 101 entries, of 100"):
        input_transformer(paths, '"x"')


def test_a_path_has_256_characters_at_most() -> None:
    event_path("$." + "x" * 254)
    with pytest.raises(ValueError, match="257 characters long, of 256"):
        event_path("$." + "x" * 255)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.a.*", [1, [2, 3]]),
        ("$.a.c[*]", [2, 3]),
        ("$.a.b[*]", []),
        ("$['a'].b", 1),
        ("$.a-b/c_1", 4),
    ],
)
def test_paths_find_names_indexes_and_wildcards(path: str, found: Any) -> None:
    assert event_path(path)({"a": {"b": 1, "c": [2, 3]}, "a-b/c_1": 4}) == found
