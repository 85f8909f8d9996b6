"""State machines compiled for the commands, with mistakes told one a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sfnlocal.errors import DefinitionError, UnsupportedError

if TYPE_CHECKING:
    from sfnlocal.language.program import Program
    from sfnlocal.template import StateMachine

_SHOWN = 5


def compiled(machine: StateMachine) -> Program:
    """Raises DefinitionError and UnsupportedError that name the state machine."""
    from sfnlocal.language import compile_definition

    with named_errors(machine):
        return compile_definition(machine.definition, type=machine.type)


@contextmanager
def named_errors(machine: StateMachine) -> Iterator[None]:
    """Errors of the definition that is compiled inside come out with the state machine's name."""
    with errors_at(f"{machine.resource.path} ({machine.resource.where})"):
        yield


@contextmanager
def errors_at(where: str) -> Iterator[None]:
    """The same with the name of whatever holds the definition."""
    try:
        yield
    except DefinitionError as error:
        message = f"CreateStateMachine would reject the definition\n{rejection(error, '  ')}"
        raise DefinitionError(
            message, where=where, hint=error.hint, diagnostics=error.diagnostics
        ) from None
    except UnsupportedError as error:
        message = f"{error.where}: {error.message}"
        raise UnsupportedError(message, where=where, hint=error.hint) from None


def rejection(error: DefinitionError, indent: str = "") -> str:
    """The first errors of a definition."""
    lines = [f"{one.location or '/'}: {one.message}" for one in error.diagnostics[:_SHOWN]]
    more = len(error.diagnostics) - _SHOWN
    if more > 0:
        lines.append(f"and {more} more error{'s' if more > 1 else ''}")
    return "\n".join(indent + line for line in lines or [error.message])
