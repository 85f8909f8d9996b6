"""Says what a message is about, by its words: the first topic of which it has one."""

from __future__ import annotations

import re

from lambdas.filters.payloads import Item

TOPICS = {
    "billing": ("invoice", "charge", "charged", "refund", "card"),
    "delivery": ("delivery", "parcel", "shipping", "arrived"),
    "account": ("password", "login", "account"),
}
OTHER = "other"


def classify(item: Item) -> Item:
    words = set(re.findall(r"[a-z]+", item["text"].lower()))
    found = (topic for topic, signs in TOPICS.items() if not words.isdisjoint(signs))
    return {**item, "topic": next(found, OTHER)}
