"""Brings what people type into one form, so that later filters find what they look for."""

from __future__ import annotations

import unicodedata

from lambdas.filters.payloads import Item


def normalize(item: Item) -> Item:
    """Compatible characters become one (NFKC), white space one blank, addresses lower case."""
    text = " ".join(unicodedata.normalize("NFKC", item["text"]).split())
    found: Item = {**item, "text": text}
    if "email" in item:
        found["email"] = item["email"].strip().lower()
    return found
