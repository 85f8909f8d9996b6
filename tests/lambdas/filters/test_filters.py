"""What each filter does with an item. A filter that runs twice has done nothing more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.filters.logic.classify import classify
from lambdas.filters.logic.normalize import normalize
from lambdas.filters.logic.redact import redact
from lambdas.filters.payloads import Item


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"text": " a \n\t b "}, {"text": "a b"}),
        ({"text": "\uff21\u00a0\ufb01ne"}, {"text": "A fine"}),
        ({"text": "a", "email": " Ann@B.Org "}, {"text": "a", "email": "ann@b.org"}),
    ],
)
def test_normalize(item: Item, expected: Item) -> None:
    assert normalize(item) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("card 4111111111111111.", "card [card]."),
        ("4111-1111-1111-1111 and 378282246310005", "[card] and [card]"),
        ("order 4111111111111112", "order 4111111111111112"),
        ("call 555 123 4567", "call 555 123 4567"),
        ("mail ann.b+c@mail.example.org!", "mail [e-mail]!"),
        ("5 @ 3.50 each", "5 @ 3.50 each"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact({"text": text}) == {"text": expected}


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Refund me", "billing"),
        ("where is my parcel?", "delivery"),
        ("I forgot my PASSWORD", "account"),
        ("my card, and the parcel", "billing"),
        ("discharged", "other"),
        ("hello", "other"),
    ],
)
def test_classify(text: str, topic: str) -> None:
    assert classify({"text": text}) == {"text": text, "topic": topic}


@pytest.mark.parametrize("apply", [normalize, redact, classify])
@given(text=st.text(max_size=60))
def test_filtering_twice_is_filtering_once(apply: Callable[[Item], Item], text: str) -> None:
    once = apply({"text": text})
    assert apply(once) == once
