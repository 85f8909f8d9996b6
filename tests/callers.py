"""Callers of the HTTP APIs in tests: those of the examples, and those that no API may let in."""

from __future__ import annotations

from typing import Any

from examples.callers import ask, issuer, signing_key, token, trust_issuer
from sfnlocal.testing import LocalApp

__all__ = ["BAD_TOKENS", "ask", "bad_token", "issuer", "signing_key", "token", "trust_issuer"]

BAD_TOKENS: dict[str, dict[str, Any] | None] = {
    "expired": {"exp": 1},
    "foreign issuer": {"iss": "https://issuer.example"},
    "another audience": {"client_id": "another"},
    "wrong key": {"key": "a stranger"},
    "no token": None,
}


def bad_token(app: LocalApp, name: str) -> dict[str, str]:
    """The header that one of BAD_TOKENS makes."""
    changes = BAD_TOKENS[name]
    return {} if changes is None else {"authorization": f"Bearer {token(app, **changes)}"}
