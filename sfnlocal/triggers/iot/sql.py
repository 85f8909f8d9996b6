"""IoT SQL, as far as rules that filter and forward need it: SELECT of the message's fields FROM a
topic filter WHERE comparisons hold. Everything else of the language is refused by name.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-reference.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from sfnlocal.errors import UnsupportedError
from sfnlocal.ports import Json

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<sign><>|<=|>=|[=<>(),.*]))"
)
_COMPARISONS: Mapping[str, Callable[[Json, Json], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_LITERALS: Mapping[str, Json] = {"true": True, "false": False, "null": None}
# What is not there; it equals nothing.
UNDEFINED = object()


@dataclass(frozen=True, slots=True)
class Message:
    """`value` is the payload as JSON, or UNDEFINED where it is none."""

    topic: str
    value: Json
    at_ms: int


Expression: TypeAlias = Callable[[Message], Json]


@dataclass(frozen=True, slots=True)
class Statement:
    """`fields` are alias and expression; an empty alias stands for `*`."""

    fields: tuple[tuple[str, Expression], ...]
    topic_filter: str
    where: Expression | None

    def wants(self, message: Message) -> bool:
        if not topic_matches(self.topic_filter, message.topic):
            return False
        return self.where is None or self.where(message) is True

    def selected(self, message: Message) -> Json:
        """What the actions get; UNDEFINED: the payload as it came."""
        if [alias for alias, _ in self.fields] == [""]:
            return message.value
        selected: dict[str, Json] = {}
        for alias, expression in self.fields:
            value = expression(message)
            if alias:
                if value is not UNDEFINED:
                    selected[alias] = value
            elif isinstance(value, dict):
                selected |= value
        return selected


def topic_matches(topic_filter: str, topic: str) -> bool:
    """`+` is one level, `#` at the end all that follow."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    return len(wanted) == len(levels) and all(
        one in ("+", level) for one, level in zip(wanted, levels, strict=True)
    )


def parse_sql(text: str, where: str) -> Statement:
    """Raises UnsupportedError with what of it is not run here."""
    return _Parser(text, where).statement()


class _Parser:
    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._where = where
        self._tokens = self._split(text)
        self._at = 0

    def statement(self) -> Statement:
        self._word("SELECT")
        fields = [self._field()]
        while self._take(","):
            fields.append(self._field())
        self._word("FROM")
        kind, topic_filter = self._next()
        if kind != "text":
            raise self._refused(f"FROM {topic_filter}")
        condition = self._either() if self._take("WHERE") else None
        if self._at < len(self._tokens):
            raise self._refused(self._tokens[self._at][1])
        return Statement(tuple(fields), _unquoted(topic_filter), condition)

    def _field(self) -> tuple[str, Expression]:
        if self._take("*"):
            return "", lambda message: message.value
        name = self._peek()
        expression = self._operand()
        if self._take("AS"):
            name = self._next()[1]
        else:
            name = self._tokens[self._at - 1][1] if name != ")" else name
        if not re.fullmatch(r"\w+", name):
            raise self._refused("a selected expression without AS")
        return name, expression

    def _either(self) -> Expression:
        left = self._both()
        while self._take("OR"):
            left = _or(left, self._both())
        return left

    def _both(self) -> Expression:
        left = self._negated()
        while self._take("AND"):
            left = _and(left, self._negated())
        return left

    def _negated(self) -> Expression:
        if self._take("NOT"):
            negated = self._negated()
            return lambda message: negated(message) is not True
        if self._take("("):
            inner = self._either()
            self._word(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._operand()
        sign = self._peek()
        if sign not in _COMPARISONS:
            return left
        self._at += 1
        return _compared(_COMPARISONS[sign], left, self._operand())

    def _operand(self) -> Expression:
        kind, token = self._next()
        if kind == "text":
            text = _unquoted(token)
            return lambda message: text
        if kind == "number":
            number = float(token) if "." in token else int(token)
            return lambda message: number
        if kind != "word":
            raise self._refused(token)
        if token.lower() in _LITERALS:
            literal = _LITERALS[token.lower()]
            return lambda message: literal
        return self._call(token) if self._take("(") else self._path(token)

    def _call(self, name: str) -> Expression:
        if name == "topic":
            if self._take(")"):
                return lambda message: message.topic
            kind, token = self._next()
            self._word(")")
            if kind == "number" and token.isdigit() and int(token) > 0:
                return _level(int(token))
        if name == "timestamp" and self._take(")"):
            return lambda message: message.at_ms
        raise self._refused(f"{name}()")

    def _path(self, first: str) -> Expression:
        keys = [first]
        while self._take("."):
            keys.append(self._next()[1])

        def read(message: Message) -> Json:
            value = message.value
            for key in keys:
                value = value.get(key, UNDEFINED) if isinstance(value, dict) else UNDEFINED
            return value

        return read

    # Tokens

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        end = len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._refused(text[at:].strip())
            kind = str(match.lastgroup)
            tokens.append((kind, match[kind]))
            at = match.end()
        return tokens

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise self._refused("its end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, wanted: str) -> bool:
        found = self._peek().upper() == wanted
        self._at += found
        return found

    def _word(self, wanted: str) -> None:
        if not self._take(wanted):
            raise self._refused(f"{self._peek() or 'its end'}, where {wanted} is expected")

    def _refused(self, what: str) -> UnsupportedError:
        return UnsupportedError(
            f"IoT SQL is not run here with {what}: {self._text}",
            where=self._where,
            hint="SELECT of *, fields, topic(n) and timestamp(), FROM a topic filter, WHERE with "
            "comparisons, AND, OR and NOT is",
        )


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def _level(number: int) -> Expression:
    def read(message: Message) -> Json:
        levels = message.topic.split("/")
        return levels[number - 1] if number <= len(levels) else UNDEFINED

    return read


def _and(left: Expression, right: Expression) -> Expression:
    return lambda message: left(message) is True and right(message) is True


def _or(left: Expression, right: Expression) -> Expression:
    return lambda message: left(message) is True or right(message) is True


def _compared(
    compare: Callable[[Json, Json], bool], left: Expression, right: Expression
) -> Expression:
    """Values of different kinds have no order, and what is undefined compares with nothing."""

    def test(message: Message) -> Json:
        one, other = left(message), right(message)
        if one is UNDEFINED or other is UNDEFINED:
            return False
        if compare in (operator.eq, operator.ne):
            return compare(one, other)
        if _is_number(one) and _is_number(other):
            return compare(one, other)
        return isinstance(one, str) and isinstance(other, str) and compare(one, other)

    return test


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
