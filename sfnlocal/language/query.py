"""JSONata strings: found, compiled, and held to the kind of value that their field wants.

A string that starts with `{%` and ends with `%}` is an expression, without spaces around it:
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from sfnlocal.errors import StateError, UnsupportedError
from sfnlocal.jsontext import json_text
from sfnlocal.language.diagnostics import Diagnostics, Place, location
from sfnlocal.language.jsonata import ExpressionSyntaxError, compile_jsonata
from sfnlocal.language.program import Evaluator, Scope
from sfnlocal.language.wording import kind_of
from sfnlocal.ports import Json

QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"

# What selects a part of one known value: its size is at most that value's.
_SELECTION = re.compile(
    r"(\$states\.(input|result|errorOutput|context)|\$(?!states\b)[^\W\d]\w*)(\.[^\W\d]\w*)*"
)


class QueryField(NamedTuple):
    """A field that may hold JSONata. `name` is where it stands in its state, as events name it
    (`Catch[0]/Output`), `place` where it stands in the definition."""

    name: str
    place: Place
    engine: str
    diagnostics: Diagnostics

    def inside(self, steps: Place) -> QueryField:
        """A value inside this field's value."""
        if not steps:
            return self
        name = self.name + location(steps)
        return QueryField(name, self.place + steps, self.engine, self.diagnostics)


def is_query(text: str) -> bool:
    """Whether it starts or ends as an expression does."""
    return text.startswith("{%") or text.endswith("%}")


def read_query(text: str, field: QueryField) -> Evaluator | None:
    """The Evaluator of an expression. What is wrong with it goes to the diagnostics."""
    try:
        if not (text.startswith("{%") and text.endswith("%}") and len(text) >= 4):
            raise ExpressionSyntaxError("A JSONata expression starts with '{%' and ends with '%}'")
        expression = text[2:-2].strip()
        compiled = compile_jsonata(expression, field=field.name, engine=field.engine)
    except ExpressionSyntaxError as error:
        field.diagnostics.error(error.message, field.place, code=error.aws_code, hint=text)
        return None
    except UnsupportedError as error:
        field.diagnostics.refused(error, field.place)
        return None
    references = 1 if _SELECTION.fullmatch(expression) else None
    return Evaluator(compiled.evaluate, 0, references)


def read_typed_query(
    text: str, field: QueryField, kind: str, fits: Callable[[Json], bool]
) -> Evaluator | None:
    """As `read_query`, for a field that wants one kind of value (`array`, `number`, ...)."""
    evaluator = read_query(text, field)
    if evaluator is None:
        return None
    evaluate, name, expression = evaluator.call, field.name, text[2:-2].strip()

    def call(data: Json, scope: Scope) -> Json:
        value = evaluate(data, scope)
        if fits(value):
            return value
        raise StateError(
            QUERY_EVALUATION_ERROR,
            f"The JSONata expression '{expression}' specified for the field '{name}' returned an "
            f"unexpected result type. Expected '{kind}', but was '{kind_of(value)}' for value: "
            f"{json_text(value)}",
            name,
        )

    return Evaluator(call, evaluator.constant_bytes, evaluator.references)
