"""An expression's text as tokens, and the mistakes in it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
EXPRESSION_BYTES_MAX = 4096
OPERATORS_MAX = 300

_TOKEN = re.compile(
    r"\s*(?:(?P<word>[A-Za-z][A-Za-z0-9_]*)|(?P<name>\#[A-Za-z0-9_]+)|(?P<value>:[A-Za-z0-9_]+)"
    r"|(?P<number>[0-9]+)|(?P<symbol><>|<=|>=|[=<>()\[\],.+-])|(?P<end>$)|(?P<other>.))",
    re.DOTALL,
)
_OPERATORS = frozenset({"=", "<>", "<", "<=", ">", ">=", "+", "-"})
_WORDS = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN"})


class ExpressionError(Exception):
    """What is wrong with an expression; whoever knows which it is says so."""


class Token(NamedTuple):
    """`kind` is word, name (#a), value (:a), number, symbol or end."""

    kind: str
    text: str
    start: int
    end: int


class Tokens:
    """Read from left to right."""

    def __init__(self, text: str) -> None:
        size = len(text.encode())
        if not text:
            raise ExpressionError("The expression can not be empty;")
        if size > EXPRESSION_BYTES_MAX:
            raise ExpressionError(
                f"Expression size has exceeded the maximum allowed size; expression size: {size}"
            )
        self._text = text
        self._at = 0
        self._tokens = [
            Token(kind, match[kind], *match.span(kind))
            for match in _TOKEN.finditer(text)
            if (kind := match.lastgroup) is not None
        ]
        for index, token in enumerate(self._tokens):
            if token.kind == "other":
                self._at = index
                self.refuse()
        self._count_operators()

    def _count_operators(self) -> None:
        count = sum(
            one.text in _OPERATORS or (one.kind == "word" and one.text.upper() in _WORDS)
            for one in self._tokens
        )
        if count > OPERATORS_MAX:
            raise ExpressionError(
                "The expression has exceeded the maximum allowed number of operators; "
                f"operator count: {count}"
            )

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    @property
    def after_next(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def take_if(self, *symbols: str) -> Token | None:
        token = self._tokens[self._at]
        return self.take() if token.kind == "symbol" and token.text in symbols else None

    def take_word(self, word: str) -> bool:
        """A keyword, in any case."""
        token = self._tokens[self._at]
        if token.kind == "word" and token.text.upper() == word:
            self._at += 1
            return True
        return False

    def expect(self, symbol: str) -> None:
        if self.take_if(symbol) is None:
            self.refuse()

    def expect_end(self) -> None:
        if self.next.kind != "end":
            self.refuse()

    def refuse(self) -> NoReturn:
        """The next token should not be there."""
        token = self._tokens[self._at]
        before = self._tokens[max(self._at - 1, 0)]
        after = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        near = self._text[before.start : after.end]
        shown = "<EOF>" if token.kind == "end" else token.text
        raise ExpressionError(f'Syntax error; token: "{shown}", near: "{near}"')
