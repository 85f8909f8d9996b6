"""Intrinsic function calls of JSONPath states: `States.Format('{}-{}', $.a, States.UUID())`.

A call is parsed once into a closure over the closures of its arguments. What is wrong in the text
is an IntrinsicSyntaxError at creation; what is wrong in the data fails the state in AWS's words.
https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import NoReturn, TypeAlias

from sfnlocal.errors import StateError
from sfnlocal.jsontext import json_text
from sfnlocal.language.intrinsic_functions import (
    FUNCTIONS,
    FunctionError,
    IntrinsicFunction,
    format_parts,
)
from sfnlocal.language.jsonpath import (
    PathMissing,
    PathSyntaxError,
    RootKind,
    compile_path,
    split_root,
)
from sfnlocal.language.program import Evaluator, Scope
from sfnlocal.limits import INTRINSIC_CALLS_MAX
from sfnlocal.ports import Json

_Call: TypeAlias = Callable[[Json, Scope], Json]

# States.IntrinsicFailure is reserved: AWS reports these failures as States.Runtime.
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
INTRINSIC_FAILURE = "States.Runtime"

_CALL = re.compile(r"\s*(States\.\w+)\s*\(")
_NUMBER = re.compile(r"-?\d{1,18}(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_WORD = re.compile(r"true|false|null")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}
_SPACE = re.compile(r"\s*")
# A path argument ends at a comma or parenthesis that stands in no bracket and no quotes.
_PATH = re.compile(
    r"""\$(?:[^\s,()\[\]'"] | \(\) | \[(?:[^\[\]'"] | '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*"
        | \[(?:[^\[\]'"] | '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*")*\])*\])*""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = frozenset("'{}\\")


class IntrinsicSyntaxError(ValueError):
    """Not an intrinsic function call that AWS accepts; `position` is an offset into its text."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class _PathNotFound(Exception):  # noqa: N818  never leaves this module
    """The text of a path argument that found nothing, and what it was looked for in."""

    def __init__(self, path: str, root: Json) -> None:
        self.path = path
        self.root = root


def is_intrinsic(text: str) -> bool:
    return _CALL.match(text) is not None


def compile_intrinsic(text: str) -> Evaluator:
    """Raises IntrinsicSyntaxError. The Evaluator raises StateError."""
    call, function = _Parser(text).whole()

    def evaluate(data: Json, scope: Scope) -> Json:
        try:
            return call(data, scope)
        except _PathNotFound as missing:
            why = (
                f"The JsonPath argument for the field '{missing.path}' could not be found in the "
                f"input '{json_text(missing.root)}'"
            )
        except FunctionError as error:
            why = str(error)
        raise StateError(INTRINSIC_FAILURE, f"The function '{text}' had the following error: {why}")

    if function.result_bytes is None:
        return Evaluator(evaluate, 0, None)
    return Evaluator(evaluate, function.result_bytes, 0)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._calls = 0

    def whole(self) -> tuple[_Call, IntrinsicFunction]:
        call, function = self._call()
        self._skip_space()
        if self._position != len(self._text):
            self._fail(f"unexpected {self._peek()!r}")
        return call, function

    def _call(self) -> tuple[_Call, IntrinsicFunction]:
        match = _CALL.match(self._text, self._position)
        if match is None:
            self._fail("expected a call such as States.Format(...)")
        name = match[1]
        function = FUNCTIONS.get(name)
        if function is None:
            self._fail(f"there is no intrinsic function {name}")
        self._calls += 1
        if self._calls > INTRINSIC_CALLS_MAX:
            self._fail(f"more than {INTRINSIC_CALLS_MAX} intrinsic functions in one field")
        self._position = match.end()
        self._skip_space()
        if name == "States.Format" and self._peek() == "'":
            template = self._string()
            return self._formatted(template), function
        arguments = self._arguments()
        self._check_count(name, function, len(arguments))
        return _applied(function.call, tuple(arguments)), function

    def _formatted(self, template: list[str]) -> _Call:
        """A literal template is cut at its `{}` now; `\\{\\}` stays text."""
        arguments = tuple(self._arguments(first=False))
        return _applied(lambda _scope, *values: format_parts(template, values), arguments)

    def _check_count(self, name: str, function: IntrinsicFunction, count: int) -> None:
        most = function.arguments_max
        if count < function.arguments_min or (most is not None and count > most):
            self._fail(f"{name} does not take {count} arguments")

    def _arguments(self, *, first: bool = True) -> list[_Call]:
        """The arguments from here to the closing parenthesis."""
        arguments: list[_Call] = []
        while True:
            self._skip_space()
            if self._take(")"):
                return arguments
            if (arguments or not first) and not self._take(","):
                self._fail("expected a comma or a closing parenthesis")
            arguments.append(self._argument())

    def _argument(self) -> _Call:
        self._skip_space()
        if self._peek() == "'":
            text = "{}".join(self._string())
            return lambda _data, _scope: text
        if self._peek() == "$":
            return self._path()
        if is_intrinsic(self._text[self._position :]):
            return self._call()[0]
        if number := self._matched(_NUMBER):
            value: Json = float(number) if set(number) & set(".eE") else int(number)
            return lambda _data, _scope: value
        word = self._matched(_WORD)
        if word is None:
            self._fail("expected a path, a string, a number, true, false, null or a call")
        constant = _WORDS[word]
        return lambda _data, _scope: constant

    def _string(self) -> list[str]:
        """The texts around each `{}` that is not escaped. Raises on an escape that AWS refuses
        (recorded: `\\"`)."""
        parts: list[str] = []
        read: list[str] = []
        self._position += 1
        while not self._take("'"):
            if self._take("{}"):
                parts.append("".join(read))
                read = []
                continue
            character = self._peek()
            if character == "\\":
                self._position += 1
                character = self._peek()
                if character not in _ESCAPED:
                    self._fail(f"\\{character} is no escape of an intrinsic function")
            if not character:
                self._fail("a string that is not closed")
            read.append(character)
            self._position += 1
        return [*parts, "".join(read)]

    def _path(self) -> _Call:
        start = self._position
        text = self._matched(_PATH) or "$"
        try:
            root_kind, variable, rest = split_root(text)
            find = compile_path(rest).get
        except PathSyntaxError as error:
            self._position = start
            self._fail(f"{text} is not a path: {error}")
        read_root = partial(_ROOTS[root_kind], variable)

        def value(data: Json, scope: Scope) -> Json:
            try:
                return find(read_root(data, scope))
            except (PathMissing, LookupError):
                raise _PathNotFound(text, data) from None

        return value

    def _matched(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self._text, self._position)
        if match is None:
            return None
        self._position = match.end()
        return match[0]

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _take(self, expected: str) -> bool:
        if not self._text.startswith(expected, self._position):
            return False
        self._position += len(expected)
        return True

    def _skip_space(self) -> None:
        self._matched(_SPACE)

    def _fail(self, message: str) -> NoReturn:
        raise IntrinsicSyntaxError(f"{message} at character {self._position}", self._position)


def _applied(function: Callable[..., Json], arguments: tuple[_Call, ...]) -> _Call:
    return lambda data, scope: function(scope, *[argument(data, scope) for argument in arguments])


_ROOTS: dict[RootKind, Callable[[str, Json, Scope], Json]] = {
    "input": lambda _variable, data, _scope: data,
    "context": lambda _variable, _data, scope: scope.context(),
    "variable": lambda variable, _data, scope: scope.variables[variable],
}
