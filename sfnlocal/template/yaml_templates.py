"""YAML templates: the short forms of the intrinsic functions (!Ref, !Sub, !GetAtt a.b) become the
long ones, and what YAML would make a date stays text, as CloudFormation reads it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

from __future__ import annotations

from typing import Any

from sfnlocal.errors import AssemblyError, UnsupportedError
from sfnlocal.ports import Json

YAML_SUFFIXES = (".yaml", ".yml")

_WITHOUT_PREFIX = ("Ref", "Condition")


def parse_yaml(text: str, where: str) -> Json:
    """The template as JSON would give it. Raises AssemblyError with line and column."""
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise UnsupportedError(
            "reading YAML needs PyYAML", where=where, hint="pip install pyyaml"
        ) from None

    class TemplateLoader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    def short_form(loader: Any, tag: str, node: Any) -> Json:
        if isinstance(node, yaml.ScalarNode):
            value = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)
        if tag == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {tag if tag in _WITHOUT_PREFIX else f"Fn::{tag}": value}

    TemplateLoader.yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    TemplateLoader.add_multi_constructor("!", short_form)
    try:
        return _with_text_keys(yaml.load(text, TemplateLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise AssemblyError(f"not YAML: {problem}{place}", where=where) from None


def _with_text_keys(value: Json) -> Json:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text_keys(item) for item in value]
    return value
