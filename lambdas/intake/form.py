"""The form, said once: the page's inputs, the workflow's checks and the stored item come from here.

To ask for something else, change FIELDS and Submission; a test holds them to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypedDict


class Submission(TypedDict):
    """What a visitor has filled in."""

    name: str
    email: str
    topic: str
    message: str
    consent: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A text of 1 to `characters_max`, not only of spaces. `pattern` is a regular expression that
    JavaScript, JSONata and Python read alike; `lines` the height of its input."""

    name: str
    label: str
    problem: str
    characters_max: int
    hint: str = ""
    autocomplete: str = "off"
    kind: str = "text"
    pattern: str = r"\S"
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `options`: what is stored, and what is shown."""

    name: str
    label: str
    problem: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Consent:
    """A box that has to be ticked."""

    name: str
    label: str
    problem: str


FIELDS: tuple[Text | Choice | Consent, ...] = (
    Text(
        name="name",
        label="Your name",
        problem="Enter your name, 100 characters at the most.",
        characters_max=100,
        autocomplete="name",
    ),
    Text(
        name="email",
        label="E-mail address",
        problem="Enter an e-mail address such as name@example.com.",
        characters_max=254,
        hint="We answer there, and use it for nothing else.",
        autocomplete="email",
        kind="email",
        pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$",
    ),
    Choice(
        name="topic",
        label="What is it about?",
        problem="Choose what it is about.",
        options=MappingProxyType(
            {
                "order": "An order",
                "invoice": "An invoice",
                "product": "A product",
                "other": "Something else",
            }
        ),
    ),
    Text(
        name="message",
        label="Your message",
        problem="Enter a message, 2000 characters at the most.",
        characters_max=2000,
        hint="No passwords or card numbers, please.",
        lines=6,
    ),
    Consent(
        name="consent",
        label="You may store what I have entered, to answer me.",
        problem="We can only answer if we may store what you have entered.",
    ),
)
UNKNOWN_FIELD = "The form has no such field."
