"""The errors of the order workflow. Lambda reports a Python exception by its class name, so these
names are what the state machine's Retriers and Catchers match.

    OrderInvalid                 the order cannot be processed as it is     no retry
    OutOfStock                   a sku has less than the order asks for     no retry, rejected
    OutOfStockAfterCharge        the same, but the card may be charged      no retry, a person
    CardDeclined                 the provider refuses the card              no retry, rejected
    PaymentProviderUnavailable   the provider gave no answer                retry
    TransactionConflict          other orders write these items right now   retry
"""

# Named as AWS names the errors of a state machine (States.Timeout), without a suffix.
# ruff: noqa: N818

from __future__ import annotations


class OrderInvalid(Exception):
    """Says which field is wrong, and why."""


class OutOfStock(Exception):
    """Names the skus that lack stock."""


class OutOfStockAfterCharge(Exception):
    """Names the skus that lack stock. An earlier run of the order ended without knowing whether
    the card was charged, so somebody has to ask the provider before the order is rejected."""


class CardDeclined(Exception):
    """Carries the provider's reason."""


class PaymentProviderUnavailable(Exception):
    """The provider failed, was throttled or gave no usable answer; whether it charged is open,
    so the next attempt asks again with the same idempotency key."""


class TransactionConflict(Exception):
    """A transaction was cancelled because of another transaction or of throttling, and has
    written nothing."""
