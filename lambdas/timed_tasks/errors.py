"""The error of timed tasks. Lambda reports a Python exception by its class name, so this is what
the state machine's Catcher matches.

    RequestRefused   the request cannot be met as it is   no retry, an answer
"""

# Named as AWS names the errors of a state machine (States.Timeout), without a suffix.
# ruff: noqa: N818

from __future__ import annotations


class RequestRefused(Exception):
    """Says which field is wrong, and why."""
