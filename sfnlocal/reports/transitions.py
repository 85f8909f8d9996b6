"""How many state transitions a Standard execution is billed for, from its history.

"Step Functions counts a state transition each time a step of your workflow is executed [...],
including retries": each visit is one, and each further attempt is one more; so is each redrive.
Express executions are billed by requests and duration instead.
Sources: https://aws.amazon.com/step-functions/pricing/ and
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from sfnlocal.interpreter import Execution
from sfnlocal.reports.path import path_taken
from sfnlocal.reports.visits import all_visits


def state_transitions(execution: Execution) -> int:
    """Of this execution alone; the executions that it started have their own."""
    visits = all_visits(path_taken(execution))
    return sum(max(1, len(visit.attempts)) for visit in visits) + execution.redrive_count
