"""ValidateStateMachineDefinition: what CreateStateMachine would say of a definition.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

from typing import Any

from sfnlocal.errors import Diagnostic
from sfnlocal.language import diagnose

Params = dict[str, Any]

_RESULTS_MAX = 100


def validate_definition(params: Params) -> Params:
    """Errors, and warnings too where `severity` asks for them. What AWS takes and sfnlocal does
    not run is said when it is created."""
    found = diagnose(params["definition"], type=params.get("type", "STANDARD"))
    shown = ("ERROR", params.get("severity", "ERROR"))
    listed = [_shown(diagnostic) for diagnostic in found if diagnostic.severity in shown]
    results_max = params.get("maxResults") or _RESULTS_MAX
    return {
        "result": "FAIL" if any(one.severity == "ERROR" for one in found) else "OK",
        "diagnostics": listed[:results_max],
        "truncated": len(listed) > results_max,
    }


def _shown(diagnostic: Diagnostic) -> Params:
    shown = {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
    }
    if diagnostic.location:
        shown["location"] = diagnostic.location
    return shown
