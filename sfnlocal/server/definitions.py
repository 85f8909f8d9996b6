"""ValidateStateMachineDefinition: what CreateStateMachine would say of a definition.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

from typing import Any

from sfnlocal.errors import DefinitionError, Diagnostic, UnsupportedError
from sfnlocal.language import compile_definition

Params = dict[str, Any]

_RESULTS_MAX = 100


def validate_definition(params: Params) -> Params:
    """All that is found are errors, so `severity` leaves none out."""
    found: tuple[Diagnostic, ...] = ()
    try:
        compile_definition(params["definition"], type=params.get("type", "STANDARD"))
    except DefinitionError as error:
        found = error.diagnostics
    except UnsupportedError:
        # AWS takes it; that it does not run here is said when it is created.
        found = ()
    results_max = params.get("maxResults") or _RESULTS_MAX
    return {
        "result": "FAIL" if found else "OK",
        "diagnostics": [_shown(diagnostic) for diagnostic in found[:results_max]],
        "truncated": len(found) > results_max,
    }


def _shown(diagnostic: Diagnostic) -> Params:
    shown = {"severity": "ERROR", "code": diagnostic.code, "message": diagnostic.message}
    if diagnostic.location:
        shown["location"] = diagnostic.location
    return shown
