"""Condition blocks: operators over a request's condition keys.

Strategy: one table of operators, each a test of one value against one wanted. What stands around it
is the same for all: several wanted values (any of them; for a negated operator none), several
values of the key (ForAllValues, ForAnyValue), keys that are not there (IfExists, Null).
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sfnlocal.proof.iam.matching import Context, arn_matches, filled_in, text_matches

# Does the request's value meet the wanted one?
Test: TypeAlias = Callable[[str, str, Context], bool]


class OperatorError(ValueError):
    """A condition that IAM does not take."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator. `quantifier` is "", ForAllValues or ForAnyValue."""

    operator: str
    quantifier: str
    if_exists: bool
    key: str
    wanted: tuple[str, ...]

    def holds(self, context: Context) -> bool:
        """Raises UnknownKeyError, NoValueError."""
        values = context.values(self.key)
        if self.operator == "Null":
            return any(_is_true(one) is (values is None) for one in self.wanted)
        test, negated = _OPERATORS[self.operator]
        if not values:
            return (
                self.if_exists
                or self.quantifier == "ForAllValues"
                or (negated and self.quantifier != "ForAnyValue")
            )

        def one_holds(value: str) -> bool:
            return any(test(value, wanted, context) for wanted in self.wanted) is not negated

        if self.quantifier == "ForAllValues":
            return all(map(one_holds, values))
        if self.quantifier == "ForAnyValue" or not negated:
            return any(map(one_holds, values))
        return all(map(one_holds, values))


def parse_conditions(block: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Raises OperatorError for an operator that IAM does not have."""
    conditions = []
    for name, keys in block.items():
        quantifier, _, plain = name.rpartition(":")
        if_exists = plain.endswith("IfExists")
        plain = _CASES.get(plain.removesuffix("IfExists").lower(), "")
        if not plain or quantifier not in ("", "ForAllValues", "ForAnyValue"):
            raise OperatorError(f"there is no condition operator {name}")
        if plain == "Null" and if_exists:
            raise OperatorError("Null tests whether a key is there: it takes no IfExists")
        if not isinstance(keys, Mapping):
            raise OperatorError(f"{name} needs keys")
        for key, wanted in keys.items():
            texts = tuple(map(_text, wanted if isinstance(wanted, list) else [wanted]))
            conditions.append(Condition(plain, quantifier, if_exists, key, texts))
    return tuple(conditions)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_true(text: str) -> bool:
    return text.lower() == "true"


def _equals(value: str, wanted: str, context: Context) -> bool:
    return value == filled_in(wanted, context)


def _equals_ignoring_case(value: str, wanted: str, context: Context) -> bool:
    return value.lower() == filled_in(wanted, context).lower()


def _like(value: str, wanted: str, context: Context) -> bool:
    return text_matches(wanted, value, context)


def _arn(value: str, wanted: str, context: Context) -> bool:
    return arn_matches(wanted, value, context)


def _bool(value: str, wanted: str, context: Context) -> bool:
    return value.lower() == wanted.lower()


def _ip(value: str, wanted: str, context: Context) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _number(compare: Callable[[float, float], bool]) -> Test:
    def test(value: str, wanted: str, context: Context) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return test


def _date(compare: Callable[[datetime, datetime], bool]) -> Test:
    def test(value: str, wanted: str, context: Context) -> bool:
        one, other = _moment(value), _moment(wanted)
        return one is not None and other is not None and compare(one, other)

    return test


def _moment(text: str) -> datetime | None:
    """ISO 8601, or seconds since the epoch."""
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _compared(kind: str, test: Callable[[Callable[[Any, Any], bool]], Test]) -> dict[str, Any]:
    return {
        f"{kind}Equals": (test(operator.eq), False),
        f"{kind}NotEquals": (test(operator.eq), True),
        f"{kind}LessThan": (test(operator.lt), False),
        f"{kind}LessThanEquals": (test(operator.le), False),
        f"{kind}GreaterThan": (test(operator.gt), False),
        f"{kind}GreaterThanEquals": (test(operator.ge), False),
    }


# The test, and whether the operator is its negation.
_OPERATORS: Mapping[str, tuple[Test, bool]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringEqualsIgnoreCase": (_equals_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_equals_ignoring_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnEquals": (_arn, False),
    "ArnLike": (_arn, False),
    "ArnNotEquals": (_arn, True),
    "ArnNotLike": (_arn, True),
    "Bool": (_bool, False),
    "BinaryEquals": (_equals, False),
    "IpAddress": (_ip, False),
    "NotIpAddress": (_ip, True),
    **_compared("Numeric", _number),
    **_compared("Date", _date),
}
_CASES = {name.lower(): name for name in (*_OPERATORS, "Null")}
