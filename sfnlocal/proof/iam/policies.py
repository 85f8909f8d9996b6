"""Policies: documents parsed once, and what their statements say of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sfnlocal.errors import InputError
from sfnlocal.proof.iam.conditions import Condition, OperatorError, parse_conditions
from sfnlocal.proof.iam.matching import (
    Context,
    NoValueError,
    UnknownKeyError,
    action_matches,
    arn_matches,
    text_matches,
)

Effect: TypeAlias = Literal["Allow", "Deny"]
# Of an identity (also its boundary), of a resource, or of a role: who may assume it.
Kind: TypeAlias = Literal["identity", "resource", "trust"]
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

    def applies(self, request: Request) -> bool:
        """Raises UnknownKeyError where that depends on a key that cannot be evaluated here."""
        try:
            return (
                self._covers_action(request.action)
                and self._covers_principal(request.principal)
                and self._covers_resource(request.resource, request.context)
                and self._conditions_hold(request.context)
            )
        except NoValueError:
            return False

    def _conditions_hold(self, context: Context) -> bool:
        """What is unknown does not matter where another condition does not hold."""
        unknown = None
        for condition in self.conditions:
            try:
                if not condition.holds(context):
                    return False
            except UnknownKeyError as error:
                unknown = error
        if unknown is not None:
            raise unknown
        return True

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
            return not _is_left_out(self.not_principals, principal)
        return self.principals is None or any(_is(one, principal) for one in self.principals)


def parse_policy(
    document: Mapping[str, Any], where: str, kind: Kind = "identity"
) -> tuple[Statement, ...]:
    """Raises InputError for what IAM would refuse."""
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    # Older documents know no variables: `${aws:username}` is plain text in them.
    has_variables = document.get("Version") == "2012-10-17"
    return tuple(
        _statement(one, f"{where}/Statement/{number}", kind, has_variables)
        for number, one in enumerate(listed)
    )


def _statement(given: Mapping[str, Any], where: str, kind: Kind, has_variables: bool) -> Statement:
    unknown = sorted(given.keys() - _ELEMENTS)
    if unknown:
        raise InputError(f"a policy statement has no element {unknown[0]}", where=where)
    effect = given.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise InputError(f"Effect is Allow or Deny, not {effect!r}", where=where)
    _check_elements(given, kind, where)
    conditions = given.get("Condition", {})
    try:
        parsed = parse_conditions(conditions if has_variables else _without_variables(conditions))
    except OperatorError as error:
        raise InputError(str(error), where=f"{where}/Condition") from None
    resources, not_resources = _texts(given.get("Resource")), _texts(given.get("NotResource"))
    if not has_variables:
        resources = tuple(map(_without_variables, resources))
        not_resources = tuple(map(_without_variables, not_resources))
    return Statement(
        where=where,
        effect=effect,
        actions=_texts(given.get("Action")),
        not_actions=_texts(given.get("NotAction")),
        resources=resources,
        not_resources=not_resources,
        principals=tuple(_principals(given["Principal"])) if "Principal" in given else None,
        not_principals=tuple(_principals(given.get("NotPrincipal", {}))),
        conditions=parsed,
    )


def _check_elements(given: Mapping[str, Any], kind: Kind, where: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"""
    for name in ("Action", "Resource", "Principal"):
        if name in given and f"Not{name}" in given:
            raise InputError(f"a policy statement has {name} or Not{name}", where=where)
    if not given.keys() & {"Action", "NotAction"}:
        raise InputError("a policy statement needs Action or NotAction", where=where)
    has_resource = bool(given.keys() & {"Resource", "NotResource"})
    has_principal = bool(given.keys() & {"Principal", "NotPrincipal"})
    if has_principal is (kind == "identity"):
        must = "has no" if kind == "identity" else "needs a"
        raise InputError(f"a statement of a policy of this kind {must} Principal", where=where)
    if kind == "identity" and not has_resource:
        raise InputError("a policy statement needs Resource or NotResource", where=where)
    if kind == "trust" and has_resource:
        raise InputError("a statement of a trust policy has no Resource", where=where)


def _without_variables(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("${", "${$}{")
    if isinstance(value, list):
        return list(map(_without_variables, value))
    if isinstance(value, Mapping):
        return {key: _without_variables(one) for key, one in value.items()}
    return value


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
    return value in ("*", principal.arn, principal.session_arn) or _is_account(value, principal)


def _is_account(value: str, principal: Principal) -> bool:
    """The account as a whole: it leaves the word to its identities' own policies."""
    if value == principal.account:
        return True
    return value.endswith(":root") and value.split(":")[4:5] == [principal.account]


def _is_left_out(listed: Iterable[tuple[str, str]], principal: Principal) -> bool:
    """NotPrincipal leaves a session out where it names the session, its role and its account."""
    values = [value for kind, value in listed if kind == "AWS"]
    if principal.service:
        return any(_is(one, principal) for one in listed)
    return {principal.arn, principal.session_arn} <= set(values) and any(
        _is_account(value, principal) for value in values
    )


def names_account_only(statement: Statement, principal: Principal) -> bool:
    """Does the statement allow the account as a whole, and not this principal by name? Then the
    principal's own policies must allow too."""
    principals = statement.principals or ()
    return bool(principals) and not any(
        _is(one, principal) and not (one[0] == "AWS" and _is_account(one[1], principal))
        for one in principals
    )


def names_session(statement: Statement, principal: Principal) -> bool:
    return ("AWS", principal.session_arn) in (statement.principals or ())


def _resource(pattern: str, resource: str, context: Context) -> bool:
    if pattern == "*":
        return True
    if resource.startswith("arn:"):
        return arn_matches(pattern, resource, context)
    return text_matches(pattern, resource, context)
