"""The arrows between a notification's states: none leads back."""

from __future__ import annotations

from lambdas.notification.states import CREATED, DEFERRED, EVENTS, MAY_FOLLOW, PENDING


def reachable(state: str) -> set[str]:
    """What may still become of it."""
    found: set[str] = set()
    following = {state}
    while following:
        following = {one for one, before in MAY_FOLLOW.items() if following & {*before}} - found
        found |= following
    return found


def test_only_what_was_not_sent_yet_may_be_pending_again() -> None:
    again = {state for state in MAY_FOLLOW if state in reachable(state)}
    assert again == {PENDING, DEFERRED}


def test_every_state_can_be_reached() -> None:
    assert reachable(CREATED) == {*MAY_FOLLOW}


def test_what_providers_tell_is_known() -> None:
    assert {*EVENTS} <= {*MAY_FOLLOW}
