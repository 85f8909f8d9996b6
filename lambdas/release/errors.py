"""The errors of the release build. Lambda reports a Python exception by its class name, so these
names are what the state machine's Retriers match.

    SourceHostUnavailable   the host gave no answer, or asks for a pause        retry
    SourceHostRefused       our token, the repository or the tag are not good   no retry
"""

# Named as AWS names the errors of a state machine (States.Timeout), without a suffix.
# ruff: noqa: N818

from __future__ import annotations


class SourceHostUnavailable(Exception):
    """Whoever asks again later may get an answer."""


class SourceHostRefused(Exception):
    """Asking again changes nothing."""
