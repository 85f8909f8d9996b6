"""Policies: documents parsed once, and what their statements say of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sfnlocal.errors import InputError
from sfnlocal.proof.iam.conditions import Condition, OperatorError, parse_conditions
from sfnlocal.proof.iam.matching import Context, action_matches, arn_matches, text_matches

Effect: TypeAlias = Literal["Allow", "Deny"]
_ELEMENTS = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a role's session (`arn` is the role's, `session_arn` the assumed role's), or a
    service (`service` is `events.amazonaws.com`)."""

    account: str
    arn: str = ""
    session_arn: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    principal: Principal
    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True)
class Statement:
    """`where` says which one it is: the policy's resource and the statement's pointer. `principals`
    are (kind, value) pairs, None in a policy of an identity."""

    where: str
    effect: Effect
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...] | None
    not_principals: tuple[tuple[str, str], ...]
    conditions: tuple[Condition, ...]

    def covers(self, request: Request) -> bool:
        """Principal, action and resource, without the conditions."""
        return (
            self._covers_action(request.action)
            and self._covers_resource(request.resource, request.context)
            and self._covers_principal(request.principal)
        )

    def applies(self, request: Request) -> bool:
        """Raises UnknownKeyError where a condition cannot be evaluated here."""
        return self.covers(request) and all(
            condition.holds(request.context) for condition in self.conditions
        )

    def _covers_action(self, action: str) -> bool:
        if self.not_actions:
            return not any(action_matches(one, action) for one in self.not_actions)
        return any(action_matches(one, action) for one in self.actions)

    def _covers_resource(self, resource: str, context: Context) -> bool:
        if self.not_resources:
            return not any(_resource(one, resource, context) for one in self.not_resources)
        # A trust policy has no Resource.
        return not self.resources or any(
            _resource(one, resource, context) for one in self.resources
        )

    def _covers_principal(self, principal: Principal) -> bool:
        if self.not_principals:
            return not any(_is(one, principal) for one in self.not_principals)
        return self.principals is None or any(_is(one, principal) for one in self.principals)


def parse_policy(document: Mapping[str, Any], where: str) -> tuple[Statement, ...]:
    """Raises InputError for what IAM would refuse."""
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return tuple(
        _statement(one, f"{where}/Statement/{number}") for number, one in enumerate(listed)
    )


def _statement(given: Mapping[str, Any], where: str) -> Statement:
    unknown = sorted(given.keys() - _ELEMENTS)
    if unknown:
        raise InputError(f"a policy statement has no element {unknown[0]}", where=where)
    effect = given.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise InputError(f"Effect is Allow or Deny, not {effect!r}", where=where)
    try:
        conditions = parse_conditions(given.get("Condition", {}))
    except OperatorError as error:
        raise InputError(str(error), where=f"{where}/Condition") from None
    return Statement(
        where=where,
        effect=effect,
        actions=_texts(given.get("Action")),
        not_actions=_texts(given.get("NotAction")),
        resources=_texts(given.get("Resource")),
        not_resources=_texts(given.get("NotResource")),
        principals=tuple(_principals(given["Principal"])) if "Principal" in given else None,
        not_principals=tuple(_principals(given.get("NotPrincipal", {}))),
        conditions=conditions,
    )


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def _principals(given: Any) -> Iterable[tuple[str, str]]:
    if given == "*":
        yield "AWS", "*"
        return
    for kind, values in given.items():
        for value in _texts(values):
            yield kind, value


def _is(one: tuple[str, str], principal: Principal) -> bool:
    kind, value = one
    if kind == "Service":
        return bool(principal.service) and value in ("*", principal.service)
    if kind != "AWS" or principal.service:
        return value == "*" and kind == "AWS"
    if value in ("*", principal.account, principal.arn, principal.session_arn):
        return True
    # The account: it gives its own identities' policies the say.
    return value.endswith(":root") and value.split(":")[4:5] == [principal.account]


def names_account_only(statement: Statement, principal: Principal) -> bool:
    """Does the statement allow the account as a whole, and not this principal by name? Then the
    principal's own policies must allow too (key policies, trust policies)."""
    named = {principal.arn, principal.session_arn, "*"}
    return not any(value in named for _, value in statement.principals or ())


def _resource(pattern: str, resource: str, context: Context) -> bool:
    if pattern == "*":
        return True
    if resource.startswith("arn:"):
        return arn_matches(pattern, resource, context)
    return text_matches(pattern, resource, context)
