"""What is wrong with a definition: collected while it is compiled, reported all at once.

A place is a tuple of keys and indexes. AWS writes it `/States/Call/Catch[0]/Next`, in the
message and in ValidateStateMachineDefinition's `location`; a JSON pointer writes the same place
`/States/Call/Catch/0/Next`. Codes:
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
"""

from __future__ import annotations

from typing import TypeAlias

from sfnlocal.errors import DefinitionError, Diagnostic, UnsupportedError

Place: TypeAlias = tuple[str | int, ...]

SCHEMA = "SCHEMA_VALIDATION_FAILED"
MISSING_TARGET = "MISSING_TRANSITION_TARGET"
MISSING_END = "MISSING_END_STATE"
# Not AWS's: what AWS takes and sfnlocal does not run.
NOT_SIMULATED = "NOT_SIMULATED"


def location(place: Place) -> str:
    """As AWS writes it; `/` is the definition itself."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in place)
    return text or "/"


def pointer(place: Place) -> str:
    """RFC 6901."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)


class Diagnostics:
    """One definition's errors, in the order they were found."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []
        self._unsupported: list[Diagnostic] = []

    def error(
        self,
        message: str,
        place: Place | None,
        *,
        code: str = SCHEMA,
        hint: str = "",
        at: Place | None = None,
    ) -> None:
        """`place` is what AWS names, None where it names none; `at` is the text that is wrong,
        where that is another place."""
        where = "" if place is None else location(place)
        wrong = (place or ()) if at is None else at
        self._found.append(Diagnostic(code, where, message, hint=hint, place=wrong))

    def unsupported(self, what: str, place: Place, hint: str) -> None:
        self._unsupported.append(
            Diagnostic(NOT_SIMULATED, location(place), what, "NOTE", hint, place)
        )

    def refused(self, error: UnsupportedError, place: Place) -> None:
        """An expression that is refused; `error.where` is its text."""
        self.unsupported(error.message, place, error.hint or f"write {error.where} without it")

    def all(self) -> tuple[Diagnostic, ...]:
        return (*self._found, *self._unsupported)

    def check(self) -> None:
        """Raises DefinitionError for all errors, else UnsupportedError for the first thing that
        AWS would accept and sfnlocal does not do."""
        if not self._found:
            for other in self._unsupported:
                raise UnsupportedError(other.message, where=pointer(other.place), hint=other.hint)
            return
        told = ", ".join(
            f"{found.code}: {found.message}" + _told_location(found) for found in self._found
        )
        first = self._found[0]
        raise DefinitionError(
            f"Invalid State Machine Definition: '{told}'",
            where=pointer(first.place),
            hint=next((found.hint for found in self._found if found.hint), ""),
            diagnostics=tuple(self._found),
        )


def _told_location(found: Diagnostic) -> str:
    """A missing end has no place, and CreateStateMachine says so."""
    if found.location:
        return f" at {found.location}"
    return " at null" if found.code == MISSING_END else ""
