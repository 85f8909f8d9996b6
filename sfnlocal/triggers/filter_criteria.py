"""Filter criteria of event source mappings and pipes: which messages of a queue are wanted.

A message passes where any pattern matches its record. Patterns look into a body that is JSON, and
at any other body as a text: where pattern and body are not of one kind, the message is dropped.
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.triggers.patterns import Dialect, Pattern, compile_pattern

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
FILTERS_MAX = 5
_PATTERN_CHARS_MAX = 4096
_OPENING = "Invalid filter pattern definition. "

LAMBDA_FILTERS = Dialect(
    "InvalidParameterValueException",
    _OPENING,
    _PATTERN_CHARS_MAX,
    without=frozenset({"cidr", "wildcard"}),
)
PIPE_FILTERS = Dialect("ValidationException", _OPENING, _PATTERN_CHARS_MAX)


@dataclass(frozen=True, slots=True)
class FilterCriteria:
    """Without patterns every record passes."""

    patterns: tuple[Pattern, ...] = ()

    def matches(self, record: Json) -> bool:
        if not self.patterns:
            return True
        seen = {**record, "body": implied_body(record["body"])}
        return any(pattern.matches(seen) for pattern in self.patterns)


ALL_RECORDS = FilterCriteria()


def implied_body(text: str) -> Json:
    """A body that is a JSON object or array, parsed; else the text itself."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def filter_criteria(
    given: Json, dialect: Dialect, *, keys: frozenset[str] | None = None
) -> FilterCriteria:
    """`given` is FilterCriteria as the API has it, or None. `keys` are those of a record that
    patterns may name. Raises ApiError."""
    filters = (given or {}).get("Filters") or []
    if len(filters) > FILTERS_MAX:
        message = f"FilterCriteria has {len(filters)} filters, of {FILTERS_MAX} at most."
        raise ApiError(dialect.aws_code, message)
    texts = [one["Pattern"] for one in filters if one.get("Pattern")]
    return FilterCriteria(tuple(_compiled(text, dialect, keys) for text in texts))


def _compiled(text: str, dialect: Dialect, keys: frozenset[str] | None) -> Pattern:
    pattern = compile_pattern(text, dialect)
    others = sorted(json.loads(text).keys() - keys - {"$or"}) if keys is not None else []
    if others:
        shown = f"{', '.join(others)} cannot be filtered, only {', '.join(sorted(keys or ()))}"
        raise ApiError(dialect.aws_code, _OPENING + shown)
    return pattern
