"""The errors of the micro-process batch. Lambda reports a Python exception by its class name, so
these names are what the state machines' Retriers match.

    ScoreServiceUnavailable   the service gave no answer, or asks for a pause   retry
    ScoreServiceRefused       the service does not take our requests at all     no retry
    CompanyUnknown            the service has no such company                   an outcome
    MessagesRefused           the queue did not take some of the messages       retry
"""

# Named as AWS names the errors of a state machine (States.Timeout), without a suffix.
# ruff: noqa: N818

from __future__ import annotations


class ScoreServiceUnavailable(Exception):
    """Whoever asks again later may get an answer."""


class ScoreServiceRefused(Exception):
    """Not the service's state but our configuration: its address, our permission."""


class CompanyUnknown(Exception):
    """Asking again changes nothing."""


class MessagesRefused(Exception):
    """A call of SendMessageBatch succeeds also where SQS takes none of its messages."""
