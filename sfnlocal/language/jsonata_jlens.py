"""The default JSONata engine: jlens (Rust, the package `jlens`).

It converts bindings whole but reads its input level by level, as far as the expression goes, so
variables travel as the input: `($x := `x`; {"r": EXPRESSION})`. The object around the expression
keeps undefined (no key) and null apart. References to a context are refused before, and the few
expressions that ask for it in another way (`$string()`) get their variables as bindings.
"""

from __future__ import annotations

import re
from functools import cached_property

from jlens import Expression, JlensError

from sfnlocal.language.jsonata_engine import (
    Bindings,
    EvaluationError,
    ExpressionSyntaxError,
    Nothing,
)
from sfnlocal.limits import JSONATA_STEPS_MAX
from sfnlocal.ports import Json

_NEWER_OPERATORS = ("??", "?:")
# Half of all expressions: no engine is needed to see what they read.
_SELECTION = re.compile(
    r"\$states(\.(?!(and|or|in|true|false|null|function)\b)[A-Za-z_]\w*)+", re.ASCII
)


class JlensExpression:
    """A compiled expression; see CompiledExpression."""

    def __init__(self, text: str, function_names: frozenset[str]) -> None:
        self._text = text
        if _SELECTION.fullmatch(text):
            self._has_context_input = False
            self.variables = frozenset({"states"})
            self.reads_context = text.split(".")[1] == "context"
            return
        # jlens inspects the signature of each function that it is given.
        named = [name for name in function_names if name in text]
        try:
            reads = Expression(text).reads(dict.fromkeys(named, _unused))
        except JlensError as error:
            raise ExpressionSyntaxError(str(error), error.code, error.position or 0) from None
        self._has_context_input = "input" in reads
        if self._has_context_input or any(newer in text for newer in _NEWER_OPERATORS):
            # jsonata-python takes 50 ms to import; only such expressions need its tree.
            from sfnlocal.language.jsonata_references import read_references, refuse_top_level

            refuse_top_level(read_references(text))
        bindings = reads["bindings"]
        states = bindings.get("states")
        self.variables = frozenset(bindings) - function_names
        self.reads_context = states is True or (states is not None and "context" in states)

    @cached_property
    def _expression(self) -> Expression:
        # Most expressions only select, and the engine is never asked for them.
        return self._wrapped(f'{{"r": {self._text}\n}}')

    def evaluate(self, values: dict[str, Json], bindings: Bindings, now_ms: int) -> Json | Nothing:
        found = self._run(self._expression, values, bindings, now_ms)
        if "r" in found:
            return found["r"]
        kind = self._wrapped(f"$type({self._text}\n)")
        if self._run(kind, values, bindings, now_ms) == "function":
            return Nothing.FUNCTION
        return Nothing.UNDEFINED

    def _wrapped(self, source: str) -> Expression:
        if self._has_context_input:
            return Expression(source)
        assigned = "".join(f"${name} := `{name}`; " for name in sorted(self.variables))
        return Expression(f"({assigned}{source})")

    def _run(
        self,
        expression: Expression,
        values: dict[str, Json],
        bindings: Bindings,
        now_ms: int,
    ) -> Json:
        document: Json = values
        if self._has_context_input:
            document, bindings = None, {**values, **bindings}
        try:
            return expression.evaluate(
                document, dict(bindings), now=now_ms, max_steps=JSONATA_STEPS_MAX
            )
        except JlensError as error:
            raise EvaluationError(error.code, str(error)) from None


def _unused() -> None:
    """Stands for a bound function while an expression's references are read."""
