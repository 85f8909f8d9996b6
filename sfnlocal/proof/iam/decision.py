"""The decision on a request: allowed, denied by a statement, or allowed by none.

In one account a role may do what its own policies or the resource's policy allow, and no policy
denies. A service (events, scheduler through a resource policy) has no policies of its own. A KMS
key's policy and a role's trust policy must allow in any case. A permissions boundary must allow
besides, except what a resource's policy gives to the session itself.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sfnlocal.proof.iam.matching import UnknownKeyError
from sfnlocal.proof.iam.policies import Request, Statement, names_account_only, names_session

Statements = Sequence[Statement]


@dataclass(frozen=True, slots=True)
class Policies:
    """`identity` are those of the principal's role, `resource` that of what it calls (None: it has
    none), `boundary` the role's permissions boundary. `both_must_allow`: the resource's policy has
    the first word, as a key's has."""

    identity: Statements = ()
    resource: Statements | None = None
    boundary: Statements | None = None
    both_must_allow: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """`by` are the statements that allow it. Where it is refused, `denied_by` is the statement
    that denies, and `reason` what the error message says after "because" or "with". `unknown` are
    statements and keys that could not be evaluated here, and would have mattered."""

    allowed: bool
    by: tuple[Statement, ...] = ()
    denied_by: Statement | None = None
    reason: str = ""
    unknown: tuple[tuple[Statement, str], ...] = ()


@dataclass(slots=True)
class _Matched:
    kind: str
    allow: list[Statement] = field(default_factory=list)
    deny: list[Statement] = field(default_factory=list)
    unknown: list[tuple[Statement, str]] = field(default_factory=list)


def decide(request: Request, policies: Policies) -> Decision:
    identity = _match(request, policies.identity, "identity-based policy")
    resource = _match(request, policies.resource or (), "resource-based policy")
    boundary = _match(request, policies.boundary or (), "permissions boundary")
    all_matched = (identity, resource, boundary)
    for one in all_matched:
        if one.deny:
            reason = f"with an explicit deny in {_article(one.kind)} {one.kind}"
            return Decision(False, denied_by=one.deny[0], reason=reason)
    unknown = tuple(pair for one in all_matched for pair in one.unknown)
    by = _allowing(request, policies, identity.allow, resource.allow)
    missing = _first_word(request, policies)
    if by and policies.boundary is not None:
        by = _inside(by, boundary.allow, request)
        missing = missing if by else boundary.kind
    # A deny that nobody here can evaluate might apply.
    undecided = tuple(pair for pair in unknown if pair[0].effect == "Deny")
    if by and not undecided:
        return Decision(True, tuple(by))
    reason = f"because no {missing} allows the {request.action} action"
    return Decision(False, reason=reason, unknown=undecided if by else unknown)


def _article(kind: str) -> str:
    return "an" if kind[0] in "aeiou" else "a"


def _first_word(request: Request, policies: Policies) -> str:
    """Which policy is asked for where none allows."""
    if request.principal.service or policies.both_must_allow:
        return "resource-based policy"
    return "identity-based policy"


def _allowing(
    request: Request, policies: Policies, identity: list[Statement], resource: list[Statement]
) -> list[Statement]:
    """The statements that allow it together; none: nobody does."""
    named = [one for one in resource if not names_account_only(one, request.principal)]
    if named:
        return [*identity, *named]
    if not policies.both_must_allow:
        return identity
    return [*identity, *resource] if identity and resource else []


def _inside(by: list[Statement], boundary: list[Statement], request: Request) -> list[Statement]:
    """What of it the boundary lets through."""
    if boundary:
        return [*by, *boundary]
    return [one for one in by if names_session(one, request.principal)]


def _match(request: Request, statements: Iterable[Statement], kind: str) -> _Matched:
    matched = _Matched(kind)
    for statement in statements:
        try:
            if not statement.applies(request):
                continue
        except UnknownKeyError as error:
            matched.unknown.append((statement, error.key))
            continue
        (matched.allow if statement.effect == "Allow" else matched.deny).append(statement)
    return matched
