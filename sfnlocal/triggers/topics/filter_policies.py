"""Subscription filter policies: event patterns over a message's attributes or its body.

https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.triggers.patterns import Dialect, Pattern, compile_pattern

_DIALECT = Dialect(
    aws_code="InvalidParameter", opening="Invalid parameter: FilterPolicy: ", equal_numbers=True
)
# https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
_KEYS_MAX = 5


@dataclass(frozen=True, slots=True)
class FilterPolicy:
    pattern: Pattern
    of_body: bool

    def accepts(self, text: str, attributes: Mapping[str, Mapping[str, Json]]) -> bool:
        if not self.of_body:
            return self.pattern.matches(_values(attributes))
        try:
            body = json.loads(text)
        except ValueError:
            return False
        return isinstance(body, dict) and self.pattern.matches(body)


def compile_filter_policy(attributes: Mapping[str, str]) -> FilterPolicy | None:
    """Of a subscription's attributes. Raises ApiError for a policy that SNS refuses."""
    text = attributes.get("FilterPolicy")
    if not text or text.strip() == "{}":
        return None
    of_body = attributes.get("FilterPolicyScope") == "MessageBody"
    pattern = compile_pattern(text, _DIALECT)
    policy = json.loads(text)
    if not of_body:
        for name, wanted in policy.items():
            if isinstance(wanted, dict):
                raise ApiError(
                    "InvalidParameter",
                    "Invalid parameter: Filter policy scope MessageAttributes does not support "
                    f"nested filter policy: {name}",
                )
    if _leaf_keys(policy) > _KEYS_MAX:
        raise ApiError(
            "InvalidParameter",
            f"Invalid parameter: FilterPolicy: Filter policy can not have more than {_KEYS_MAX} "
            "keys",
        )
    return FilterPolicy(pattern, of_body)


def _leaf_keys(policy: Json) -> int:
    """Keys that have values; those of `$or` count each."""
    count = 0
    for name, wanted in policy.items():
        if name == "$or":
            count += sum(_leaf_keys(one) for one in wanted)
        else:
            count += _leaf_keys(wanted) if isinstance(wanted, dict) else 1
    return count


def _values(attributes: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    """A message's attributes as a pattern sees them; binary ones are not looked at."""
    values: dict[str, Json] = {}
    for name, attribute in attributes.items():
        data_type, text = attribute["DataType"], attribute.get("StringValue")
        if text is None:
            continue
        if data_type == "String.Array" or data_type.startswith("Number"):
            try:
                values[name] = json.loads(text)
            except ValueError:
                continue
        else:
            values[name] = text
    return values
