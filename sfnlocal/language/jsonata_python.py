"""The second JSONata engine: jsonata-python, a port of the reference implementation. Slower; kept
to compare with (the package `jsonata-python`).
"""

from __future__ import annotations

from typing import Any

from jsonata.functions import Functions  # type: ignore[import-untyped]
from jsonata.jexception import JException  # type: ignore[import-untyped]
from jsonata.jsonata import Jsonata  # type: ignore[import-untyped]
from jsonata.utils import Utils  # type: ignore[import-untyped]

from sfnlocal.language.intrinsic_functions import FunctionError
from sfnlocal.language.jsonata_engine import Bindings, EvaluationError, Nothing
from sfnlocal.language.jsonata_python_errors import message_of
from sfnlocal.language.jsonata_references import read_references, refuse_top_level
from sfnlocal.ports import Json


class JsonataPythonExpression:
    """A compiled expression; see CompiledExpression."""

    def __init__(self, text: str, function_names: frozenset[str]) -> None:
        references = read_references(text)
        refuse_top_level(references)
        self.variables = references.variables - function_names
        self.reads_context = references.reads_context
        self._expression = Jsonata(text)
        self._expression.set_output_convert_nulls(False)

    def evaluate(self, values: dict[str, Json], bindings: Bindings, now_ms: int) -> Json | Nothing:
        bound = {"now": _now(now_ms), "millis": lambda: now_ms, **values, **bindings}
        try:
            result = self._expression.evaluate(
                None, {name: _bound(value) for name, value in bound.items()}
            )
        except FunctionError:
            raise
        except JException as error:
            raise EvaluationError(error.error, message_of(error)) from None
        except ZeroDivisionError:
            raise EvaluationError("D1001", "Number out of range: null") from None
        except RecursionError:
            raise EvaluationError(
                "D1011",
                "Stack overflow. Check for non-terminating recursive function.  "
                "Consider rewriting as tail-recursive",
            ) from None
        except Exception as error:
            raise EvaluationError("", f"{type(error).__name__}: {error}") from error
        if result is None:
            return Nothing.UNDEFINED
        if result is Utils.NULL_VALUE or isinstance(result, dict | list | bool | int | float | str):
            return _plain(result)
        return Nothing.FUNCTION


def _now(now_ms: int) -> Any:
    return lambda picture=None, timezone=None: Functions.datetime_from_millis(
        now_ms, picture, timezone
    )


def _bound(value: Any) -> Any:
    """A value in the engine's terms. A null in a variable is not undefined; as a function it is."""
    if callable(value):
        return Jsonata.JLambda(lambda *arguments: value(*map(_plain, arguments)))
    return value


def _plain(value: Any) -> Json:
    """Without the engine's own lists and null; a whole float is an integer, as in JSONata."""
    if value is Utils.NULL_VALUE or value is None:
        return None
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, bool | int | float | str) else None
