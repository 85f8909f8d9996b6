"""The errors of the filter chain's tasks.

HopInvalid     what came is no hop; its queue's dead letters keep it    no retry helps
EventRefused   the bus did not take the event                           the queue tries again
"""

# Named as AWS names the errors of a state machine (States.Timeout), without a suffix.
# ruff: noqa: N818

from __future__ import annotations


class HopInvalid(Exception):
    """Says which field is wrong, and why."""


class EventRefused(Exception):
    """Carries the bus's code and message."""
