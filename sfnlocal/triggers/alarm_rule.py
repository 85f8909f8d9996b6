"""A composite alarm's rule: AND, OR and NOT over the states of other alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from sfnlocal.errors import UnsupportedError
from sfnlocal.services.cloudwatch.queries import invalid

# Gives an alarm's state by its name.
States: TypeAlias = Callable[[str], str]
_Node: TypeAlias = Callable[[States], bool]

_TOKEN = re.compile(r'\s*(?:"([^"]*)"|([()])|([^\s()"]+))')
_STATES = frozenset({"ALARM", "OK", "INSUFFICIENT_DATA"})
_CONSTANTS = {"TRUE": True, "FALSE": False}
_LENGTH_MAX = 10_240


class AlarmRule:
    """`names` are the alarms that it looks at. ApiError for a rule that CloudWatch refuses."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        if len(text) > _LENGTH_MAX:
            raise invalid(f"AlarmRule must not exceed {_LENGTH_MAX} characters")
        self._tokens = [match for match in _TOKEN.finditer(text) if match[0].strip()]
        self._at = 0
        self._node = self._either()
        if self._at != len(self._tokens):
            raise self._mistake()

    def holds(self, states: States) -> bool:
        return self._node(states)

    def _either(self) -> _Node:
        node = self._both()
        while self._take("OR"):
            node = _either(node, self._both())
        return node

    def _both(self) -> _Node:
        node = self._operand()
        while self._take("AND"):
            node = _both(node, self._operand())
        return node

    def _operand(self) -> _Node:
        if self._take("NOT"):
            negated = self._operand()
            return lambda states: not negated(states)
        if self._take("("):
            inside = self._either()
            self._expect(")")
            return inside
        word = self._word()
        if word in _CONSTANTS:
            constant = _CONSTANTS[word]
            return lambda states: constant
        if word == "AT_LEAST":
            raise UnsupportedError("AT_LEAST in an AlarmRule is not simulated")
        if word not in _STATES:
            self._at -= 1
            raise self._mistake()
        self._expect("(")
        name = self._name()
        self._expect(")")
        return lambda states: states(name) == word

    def _name(self) -> str:
        """An ARN ends in the name."""
        quoted = self._tokens[self._at][1] if self._at < len(self._tokens) else None
        name = quoted if quoted is not None else self._word()
        if quoted is not None:
            self._at += 1
        if name.startswith("arn:"):
            name = name.split(":alarm:", 1)[-1]
        if name not in self.names:
            self.names.append(name)
        return name

    def _word(self) -> str:
        if self._at == len(self._tokens) or self._tokens[self._at][3] is None:
            raise self._mistake()
        self._at += 1
        word: str = self._tokens[self._at - 1][3]
        return word

    def _take(self, token: str) -> bool:
        if self._at < len(self._tokens) and token in self._tokens[self._at].groups()[1:]:
            self._at += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise self._mistake()

    def _mistake(self) -> Exception:
        if self._at == len(self._tokens):
            return invalid("AlarmRule must not end where an expression is missing")
        place = self._tokens[self._at].start() + 1
        return invalid(f"AlarmRule has an error at '{self._tokens[self._at][0]}' (column {place})")


def _either(left: _Node, right: _Node) -> _Node:
    return lambda states: left(states) or right(states)


def _both(left: _Node, right: _Node) -> _Node:
    return lambda states: left(states) and right(states)
