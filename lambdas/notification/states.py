"""What a notification can be, and what may become of it: states only ever follow these arrows.

Events of providers come late, twice and in any order (`delivered` may come before the workflow has
written `sent`). Each write of a state is conditional on the state it finds, so that none moves the
notification backwards; one that finds another state is no error, only too late.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

from collections.abc import Mapping

CREATED = "created"
PENDING = "pending"
DEFERRED = "deferred"
SENT = "sent"
DELIVERED = "delivered"
OPENED = "opened"
CLICKED = "clicked"
FAILED = "failed"
UNSUBSCRIBED = "unsubscribed"

# Each state, and those that it may follow.
MAY_FOLLOW: Mapping[str, tuple[str, ...]] = {
    PENDING: (CREATED, PENDING, DEFERRED),
    DEFERRED: (PENDING,),
    SENT: (PENDING,),
    DELIVERED: (PENDING, SENT),
    OPENED: (PENDING, SENT, DELIVERED),
    CLICKED: (PENDING, SENT, DELIVERED, OPENED),
    FAILED: (PENDING, SENT),
    UNSUBSCRIBED: (PENDING, SENT, DELIVERED, OPENED, CLICKED),
}

# What a provider may tell.
EVENTS = (DELIVERED, OPENED, CLICKED, FAILED, UNSUBSCRIBED)
