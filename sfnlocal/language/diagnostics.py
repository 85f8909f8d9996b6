"""What is wrong with a definition: collected while it is compiled, reported all at once.

A place is a tuple of keys and indexes. AWS writes it `/States/Call/Catch[0]/Next`, in the
message and in ValidateStateMachineDefinition's `location`; a JSON pointer writes the same place
`/States/Call/Catch/0/Next`. Codes:
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sfnlocal.errors import DefinitionError, Diagnostic, UnsupportedError

Place: TypeAlias = tuple[str | int, ...]

SCHEMA = "SCHEMA_VALIDATION_FAILED"
MISSING_TARGET = "MISSING_TRANSITION_TARGET"


def location(place: Place) -> str:
    """As AWS writes it; `/` is the definition itself."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in place)
    return text or "/"


def pointer(place: Place) -> str:
    """RFC 6901."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)


class _Found(NamedTuple):
    code: str
    place: Place | None
    message: str
    hint: str


class Diagnostics:
    """One definition's errors, in the order they were found."""

    def __init__(self) -> None:
        self._found: list[_Found] = []
        self._unsupported: list[UnsupportedError] = []

    def error(
        self, message: str, place: Place | None, *, code: str = SCHEMA, hint: str = ""
    ) -> None:
        self._found.append(_Found(code, place, message, hint))

    def unsupported(self, what: str, place: Place, hint: str) -> None:
        self._unsupported.append(UnsupportedError(what, where=pointer(place), hint=hint))

    def refused(self, error: UnsupportedError, place: Place) -> None:
        """An expression that is refused; `error.where` is its text."""
        self.unsupported(error.message, place, error.hint or f"write {error.where} without it")

    def check(self) -> None:
        """Raises DefinitionError for all errors, else UnsupportedError for the first thing that
        AWS would accept and sfnlocal does not do."""
        if not self._found:
            if self._unsupported:
                raise self._unsupported[0]
            return
        told = ", ".join(
            f"{found.code}: {found.message}"
            + ("" if found.place is None else f" at {location(found.place)}")
            for found in self._found
        )
        first = self._found[0]
        raise DefinitionError(
            f"Invalid State Machine Definition: '{told}'",
            where=pointer(first.place or ()),
            hint=next((found.hint for found in self._found if found.hint), ""),
            diagnostics=tuple(
                Diagnostic(
                    found.code,
                    "" if found.place is None else location(found.place),
                    found.message,
                )
                for found in self._found
            ),
        )
