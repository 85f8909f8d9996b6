"""What a JSONata engine gives to this package: a thin Protocol, so that one can be replaced by
another, and what engines may raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Protocol, TypeAlias

from sfnlocal.ports import Json

# Functions by name, or the workflow variable that took a function's name. None binds the name to
# nothing: calling it fails with T1006.
Bindings: TypeAlias = Mapping[str, "Callable[..., Json] | Json"]


class Nothing(Enum):
    """Results that are no JSON value."""

    UNDEFINED = "undefined"
    FUNCTION = "function"


class ExpressionSyntaxError(ValueError):
    """An expression that AWS refuses at creation. The message is AWS's, without JSONata's `code`
    (`S0207`); `position` is an offset into the expression. `aws_code` is the diagnostic's."""

    aws_code = "INVALID_JSONATA_EXPRESSION"

    def __init__(self, message: str, code: str = "", position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.position = position


class UnsupportedExpressionError(ExpressionSyntaxError):
    """JSONata, but not in Step Functions: a reference to a context that is not there."""

    aws_code = "UNSUPPORTED_JSONATA_EXPRESSION"


class EvaluationError(Exception):
    """An evaluation failed; `code` is JSONata's (`T1006`), empty for an engine's own fault."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class CompiledExpression(Protocol):
    """`variables` are the names without `$` that the expression reads, `states` among them;
    `reads_context` tells whether it may read `$states.context`."""

    variables: frozenset[str]
    reads_context: bool

    def evaluate(self, values: dict[str, Json], bindings: Bindings, now_ms: int) -> Json | Nothing:
        """`values` are those of `variables`. Results are plain JSON, or Nothing. Raises
        EvaluationError; what a bound function raises comes through."""
