"""JSONata expressions: compiled once, evaluated with `$states`, the workflow's variables and the
functions that Step Functions adds, failing in AWS's words.

Only the variables that an expression names are given to the engine. Time and chance come from the
scope, so an evaluation can be repeated to the byte.
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sfnlocal.errors import InputError, StateError
from sfnlocal.language.intrinsic_functions import FunctionError
from sfnlocal.language.jsonata_engine import (
    CompiledExpression,
    EvaluationError,
    ExpressionSyntaxError,
    Nothing,
    UnsupportedExpressionError,
)
from sfnlocal.language.jsonata_functions import FUNCTIONS, bound_functions
from sfnlocal.language.jsonata_jlens import JlensExpression
from sfnlocal.language.program import Scope
from sfnlocal.ports import Json

__all__ = [
    "ENGINES",
    "ExpressionSyntaxError",
    "JsonataExpression",
    "UnsupportedExpressionError",
    "check_references",
    "compile_jsonata",
]

QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"
_FUNCTION_NAMES = frozenset(FUNCTIONS)
_FUNCTION = re.compile(rf"\$({'|'.join(sorted(FUNCTIONS))})\b")


@dataclass(frozen=True, slots=True, eq=False)
class JsonataExpression:
    """`text` stands in the state's field `field` (`Output/total`). `uses_context` tells whether
    it may read `$states.context`."""

    text: str
    field: str
    uses_context: bool
    _compiled: CompiledExpression
    variables: tuple[str, ...]
    _functions: tuple[str, ...]
    _selection: tuple[str, ...]

    def evaluate(self, states: Json, scope: Scope) -> Json:
        """`states` is `$states`; its `context` is added where it is read. Raises StateError."""
        if self.uses_context and "context" not in states:
            states = {"input": states.get("input"), "context": scope.context(), **states}
        if self._selection:
            value = _selected(self._selection, states, scope)
            if value is not _ASK_ENGINE:
                return self._defined(value)
        return self._defined(self._evaluated(states, scope))

    def _evaluated(self, states: Json, scope: Scope) -> Json | Nothing:
        variables = scope.variables
        values = {name: variables[name] for name in self.variables if name in variables}
        values["states"] = states
        bindings = bound_functions(self._functions, scope.rng) if self._functions else {}
        for name in self._functions:
            if name in variables:
                bindings[name] = variables[name]
        try:
            return self._compiled.evaluate(values, bindings, scope.now_ms)
        except EvaluationError as error:
            raise self._failed(
                f"threw an error during evaluation. {error.code}: {error.message}"
                if error.code
                else f"threw an internal error during evaluation. {error.message}"
            ) from None
        except FunctionError as error:
            raise self._failed(f"threw an error during evaluation: {error}") from None

    def _defined(self, result: Json | Nothing) -> Json:
        if isinstance(result, Nothing):
            raise self._failed(_NOTHING[result])
        return result

    def _failed(self, what: str) -> StateError:
        return StateError(
            QUERY_EVALUATION_ERROR,
            f"The JSONata expression '{self.text}' specified for the field '{self.field}' {what}",
            self.field,
        )


_ASK_ENGINE = object()
# Most expressions only select: `$states.input.order.id`. They need no engine, and no copy.
_SELECTION = re.compile(r"\$[^\W\d]\w*(\.[^\W\d]\w*)*")
_NOTHING = {
    Nothing.UNDEFINED: "returned nothing (undefined).",
    Nothing.FUNCTION: "returned an unsupported result type.",
}


def _selected(names: tuple[str, ...], states: Json, scope: Scope) -> Json:
    """What names select through objects. A list on the way maps and flattens: the engine's task,
    as is a name that is none of the workflow's variables (a function)."""
    root = names[0]
    if root == "states":
        value = states
    elif root in scope.variables:
        value = scope.variables[root]
    else:
        return _ASK_ENGINE
    for name in names[1:]:
        if type(value) is dict:
            if name not in value:
                return Nothing.UNDEFINED
            value = value[name]
        elif type(value) is list:
            return _ASK_ENGINE
        else:
            return Nothing.UNDEFINED
    return value


def _jsonata_python(text: str, function_names: frozenset[str]) -> CompiledExpression:
    # 50 ms to import, for whoever asks for this engine.
    from sfnlocal.language.jsonata_python import JsonataPythonExpression

    return JsonataPythonExpression(text, function_names)


ENGINES: dict[str, Callable[[str, frozenset[str]], CompiledExpression]] = {
    "jlens": JlensExpression,
    "jsonata-python": _jsonata_python,
}


def compile_jsonata(expression: str, *, field: str, engine: str = "jlens") -> JsonataExpression:
    """`expression` is what stands between `{%` and `%}`. Raises ExpressionSyntaxError, also for
    references that AWS refuses at creation; InputError for an unknown engine."""
    if engine not in ENGINES:
        raise InputError(
            f"there is no JSONata engine {engine!r}", hint=f"one of {', '.join(ENGINES)}"
        )
    compiled = ENGINES[engine](expression, _FUNCTION_NAMES)
    return JsonataExpression(
        expression,
        field,
        compiled.reads_context,
        compiled,
        tuple(sorted(compiled.variables - {"states"})),
        tuple(sorted(set(_FUNCTION.findall(expression)))),
        tuple(expression[1:].split(".")) if _SELECTION.fullmatch(expression) else (),
    )


def check_references(expression: str) -> list[str]:
    """The references of an expression that AWS refuses at creation: `$`, `$$`, wildcards and
    bare names at the top level. Raises ExpressionSyntaxError."""
    from sfnlocal.language.jsonata_references import check_references as read

    return read(expression)
