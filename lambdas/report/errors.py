"""The errors of the report workflow. Lambda reports a Python exception by its class name, so these
names are what the state machine's Retriers and Catchers match.

    ReportEmpty                 there is nothing to send                    no retry, an outcome
    ReportInvalid               the report is not what the contract says    no retry
    ReportTooLarge              more batches than a run's history can hold  no retry
    MessageTooLarge             a message does not even fit a batch alone   no retry
    ReportProviderUnavailable   the provider gave no answer                 retry
"""

# Named as AWS names the errors of a state machine (States.Timeout), without a suffix.
# ruff: noqa: N818

from __future__ import annotations


class ReportEmpty(Exception):
    """A report without a message."""


class ReportInvalid(Exception):
    """Says what is wrong with it."""


class ReportTooLarge(Exception):
    """Says how many batches it would take."""


class MessageTooLarge(Exception):
    """Names the message by its number."""


class ReportProviderUnavailable(Exception):
    """Part of the contract with the provider: whoever asks it again later may get an answer."""
