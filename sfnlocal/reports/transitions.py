"""How many state transitions a Standard execution is billed for, from its history.

"Step Functions counts a state transition each time a step of your workflow is executed [...],
including retries": each visit is one, and each further attempt is one more. Express executions
are billed by requests and duration instead.
Source: https://aws.amazon.com/step-functions/pricing/
"""

from __future__ import annotations

from sfnlocal.interpreter import Execution
from sfnlocal.reports.path import path_taken
from sfnlocal.reports.visits import all_visits


def state_transitions(execution: Execution) -> int:
    """Of this execution alone; the executions that it started have their own."""
    return sum(max(1, len(visit.attempts)) for visit in all_visits(path_taken(execution)))
