"""The decision on a request: allowed, denied by a statement, or allowed by none.

In one account a role may do what its own policies or the resource's policy allow, and no policy
denies. A service (events, scheduler through a resource policy) has no policies of its own. A KMS
key's policy must allow too. A permissions boundary must allow besides.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sfnlocal.proof.iam.matching import UnknownKeyError
from sfnlocal.proof.iam.policies import Request, Statement, names_account_only

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
    """`by` are the statements that decided: those that allow, or the one that denies. `unknown` are
    statements and keys that could not be evaluated here, and would have mattered."""

    allowed: bool
    by: tuple[Statement, ...] = ()
    denied_by: Statement | None = None
    unknown: tuple[tuple[Statement, str], ...] = ()


@dataclass(slots=True)
class _Matched:
    allow: list[Statement] = field(default_factory=list)
    deny: list[Statement] = field(default_factory=list)
    unknown: list[tuple[Statement, str]] = field(default_factory=list)


def decide(request: Request, policies: Policies) -> Decision:
    identity = _match(request, policies.identity)
    resource = _match(request, policies.resource or ())
    boundary = _match(request, policies.boundary or ())
    unknown = (*identity.unknown, *resource.unknown, *boundary.unknown)
    for deny in (*identity.deny, *resource.deny, *boundary.deny):
        return Decision(False, denied_by=deny)
    # A deny that nobody here can evaluate might apply.
    undecided = tuple(one for one in unknown if one[0].effect == "Deny")
    by = _allowing(request, policies, identity.allow, resource.allow)
    if policies.boundary is not None and not boundary.allow:
        by = []
    if by and not undecided:
        return Decision(True, tuple(by))
    return Decision(False, unknown=undecided if by else unknown)


def _allowing(
    request: Request, policies: Policies, identity: list[Statement], resource: list[Statement]
) -> list[Statement]:
    """The statements that allow it together; none: nobody does."""
    if not policies.both_must_allow:
        return [*identity, *resource]
    named = [one for one in resource if not names_account_only(one, request.principal)]
    if named:
        return named
    return [*identity, *resource] if identity and resource else []


def _match(request: Request, statements: Iterable[Statement]) -> _Matched:
    matched = _Matched()
    for statement in statements:
        try:
            if not statement.applies(request):
                continue
        except UnknownKeyError as error:
            matched.unknown.append((statement, error.key))
            continue
        (matched.allow if statement.effect == "Allow" else matched.deny).append(statement)
    return matched
