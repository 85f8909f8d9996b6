"""A Choice rule as people say it: `$.total > 100 and not $.paid is present`.

https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

import re

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json

_QUERY = re.compile(r"\s*\{%(.*)%\}\s*", re.DOTALL)
# Longest first: GreaterThanEquals ends in Equals too.
_COMPARISONS = (
    ("GreaterThanEquals", ">="),
    ("LessThanEquals", "<="),
    ("GreaterThan", ">"),
    ("LessThan", "<"),
    ("Equals", "="),
    ("Matches", "matches"),
)
_NOT_OPERATORS = ("Variable", "Next", "Comment", "Assign", "Output")


def condition_text(rule: dict[str, Json]) -> str:
    """Of a rule of either query language, on one line."""
    if "Condition" in rule:
        return query_text(rule["Condition"])
    for joined, word in (("And", " and "), ("Or", " or ")):
        if joined in rule:
            return word.join(_operand(inner) for inner in rule[joined])
    if "Not" in rule:
        return f"not {_operand(rule['Not'])}"
    operator = next(key for key in rule if key not in _NOT_OPERATORS)
    return _comparison(rule["Variable"], operator, rule[operator])


def query_text(value: Json) -> str:
    """An expression without its `{% %}`; other texts as they are, anything else as JSON."""
    if not isinstance(value, str):
        return json_text(value)
    found = _QUERY.fullmatch(value)
    return " ".join(found.group(1).split()) if found else value


def _operand(rule: dict[str, Json]) -> str:
    text = condition_text(rule)
    return f"({text})" if "And" in rule or "Or" in rule else text


def _comparison(variable: str, operator: str, operand: Json) -> str:
    if operator.startswith("Is"):
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", operator).lower()
        return f"{variable} {words if operand else words.replace('is', 'is not', 1)}"
    by_path = operator.endswith("Path")
    value = operand if by_path else json_text(operand)
    plain = operator.removesuffix("Path")
    for ending, sign in _COMPARISONS:
        if plain.endswith(ending):
            return f"{variable} {sign} {value}"
    return f"{variable} {operator} {value}"
