"""Identity sources: where a request says who sends it."""

from __future__ import annotations

from sfnlocal.triggers.http_authorizer_resources import Authorizer
from sfnlocal.triggers.http_calls import Call
from sfnlocal.triggers.http_parameters import Unresolved


def identity_values(authorizer: Authorizer, call: Call) -> tuple[str, ...] | None:
    """What the identity sources find; None where one finds nothing."""
    scope = call.scope()
    try:
        values = tuple(scope.value(source) for source in authorizer.identity_sources)
    except Unresolved:
        return None
    return values if all(values) else None


def no_identity(authorizer: Authorizer) -> str:
    return f"the request does not have {', '.join(authorizer.identity_sources)}"
