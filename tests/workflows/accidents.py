"""Accidents of AWS: calls of functions that are refused, or done without an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sfnlocal.errors import LostAnswerError, SfnLocalError
from sfnlocal.ports import ServiceCall


@dataclass
class Accidents:
    """Answers the calls that `hits` picks with an error: before they do their work, or after."""

    hits: Callable[[ServiceCall], bool] = lambda call: False
    error: SfnLocalError | LostAnswerError | None = None
    lost: bool = False
    calls: list[ServiceCall] = field(default_factory=list)

    def before(self, call: ServiceCall) -> None:
        self.calls.append(call)
        if self.error and not self.lost and self.hits(call):
            raise self.error

    def after(self, call: ServiceCall) -> None:
        if self.error and self.lost and self.hits(call):
            raise self.error

    def end(self) -> None:
        self.error = None

    def happen(
        self, operation: str, error: SfnLocalError | LostAnswerError, *, text: str = ""
    ) -> None:
        """Whenever a function calls the operation with something that has the text in it."""
        self.hits = lambda call: (
            call.operation == operation
            and call.caller is not None
            and call.caller.service == "lambda.amazonaws.com"
            and text in str(call.params)
        )
        self.error, self.lost = error, isinstance(error, LostAnswerError)
