"""Takes out what nobody further on may read: card numbers and e-mail addresses in the text."""

from __future__ import annotations

import re

from lambdas.filters.payloads import Item

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# 13 to 19 digits, as people group them. https://www.iso.org/standard/70484.html
_CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")


def redact(item: Item) -> Item:
    text = _EMAIL.sub("[e-mail]", item["text"])
    return {**item, "text": _CARD.sub(_hidden, text)}


def _hidden(match: re.Match[str]) -> str:
    digits = [int(digit) for digit in match[0] if digit.isdigit()]
    return "[card]" if _luhn(digits) else match[0]


def _luhn(digits: list[int]) -> bool:
    """The check digit of card numbers (ISO/IEC 7812-1, annex B)."""
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
