"""The errors of the notification workflow. Lambda reports a Python exception by its class name, so
these names are what the state machine's Retriers and Catchers match.

    RecipientRefused      this address will never take this message   no retry, the next channel
    ProviderUnavailable   the provider gave no answer                 retry, then the next channel
"""

# Named as AWS names the errors of a state machine (States.Timeout), without a suffix.
# ruff: noqa: N818

from __future__ import annotations


class RecipientRefused(Exception):
    """Carries the provider's reason."""


class ProviderUnavailable(Exception):
    """The provider failed, was throttled or could not be reached: whoever asks it again later may
    get an answer."""
