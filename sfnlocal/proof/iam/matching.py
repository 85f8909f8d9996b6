"""Patterns of policies: actions, ARNs and texts with `*` and `?`, and policy variables.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Protocol

_VARIABLE = re.compile(r"\$\{([^},]+)(?:,\s*'([^']*)')?\}")
# `${*}` stands for the character itself.
_SPECIAL = frozenset("*?$")
_ARN_PARTS = 6


class Context(Protocol):
    """Condition keys of a request; upper and lower case do not count."""

    def values(self, key: str) -> Sequence[str] | None:
        """None: the request has no such key. Raises UnknownKeyError where nobody here knows."""


class UnknownKeyError(Exception):
    """A condition key whose value is known only on AWS."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class NoValueError(Exception):
    """A policy variable without a value and without a default: its statement does not apply."""


def action_matches(pattern: str, action: str) -> bool:
    """`sqs:Send*` of `sqs:SendMessage`; case does not count."""
    return _glob(pattern.lower()).fullmatch(action.lower()) is not None


def text_matches(pattern: str, text: str, context: Context | None = None) -> bool:
    """StringLike's. With a context, variables are filled in: NoValueError, UnknownKeyError."""
    compiled = _glob(pattern) if context is None else _filled(pattern, context)
    return compiled.fullmatch(text) is not None


def arn_matches(pattern: str, arn: str, context: Context | None = None) -> bool:
    """Part by part, so that `*` in one does not reach into the next; the last part is the rest."""
    wanted, found = pattern.split(":", _ARN_PARTS - 1), arn.split(":", _ARN_PARTS - 1)
    if len(wanted) < _ARN_PARTS:
        # `*`, or an ARN that ends in one.
        return wanted[-1].endswith("*") and text_matches(pattern, arn, context)
    return len(found) == _ARN_PARTS and all(
        text_matches(one, other, context) for one, other in zip(wanted, found, strict=True)
    )


def filled_in(text: str, context: Context) -> str:
    """With its variables' values, for operators without wildcards. Raises NoValueError."""
    if "${" not in text:
        return text
    return _VARIABLE.sub(lambda found: _value(found, context), text)


def _filled(pattern: str, context: Context) -> re.Pattern[str]:
    if "${" not in pattern:
        return _glob(pattern)
    parts, at = [], 0
    for found in _VARIABLE.finditer(pattern):
        # A value's own wildcards are plain characters.
        parts += [_glob_text(pattern[at : found.start()]), re.escape(_value(found, context))]
        at = found.end()
    parts.append(_glob_text(pattern[at:]))
    return re.compile("".join(parts), re.DOTALL)


def _value(found: re.Match[str], context: Context) -> str:
    name, default = found[1].strip(), found[2]
    if name in _SPECIAL:
        return name
    values = context.values(name)
    if values is not None and len(values) == 1:
        return values[0]
    if default is None:
        raise NoValueError(name)
    return str(default)


@functools.lru_cache(maxsize=10_000)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(_glob_text(pattern), re.DOTALL)


def _glob_text(pattern: str) -> str:
    wildcards = {"*": ".*", "?": "."}
    return "".join(wildcards.get(one) or re.escape(one) for one in pattern)
