"""What is wrong with an app's permissions, from the decisions of its runs: missing, unused, wider
than needed, not evaluable.

Strategy: a statement that allowed nothing in any run is unused; in one that did, an action that was
never asked for, or a wildcard resource of which only resources of the template were used, is wider
than needed. Statements that deny are not counted: that they never had to is what they are for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sfnlocal.ports import Json
from sfnlocal.proof.iam.grants import missing_grant, shown_path
from sfnlocal.proof.iam.matching import action_matches, arn_matches, text_matches
from sfnlocal.proof.iam.policies import Statement
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.proof.iam.roles import Role


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is missing, unused, wider or not-evaluable; `key` names it in a file of accepted ones.
    `who` is the role's construct path or the service, `where` the statement."""

    kind: str
    who: str
    text: str
    where: str = ""
    hint: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}: {self.who}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Use:
    principal: str
    action: str
    resource: str


def findings(data: Json, roles: Mapping[str, Role], home: Home) -> list[Finding]:
    """`data` is that of records_data or merged_data."""
    used: dict[str, list[_Use]] = {}
    for one in data["records"]:
        for where in one["by"]:
            use = _Use(one["principal"], one["action"], one["resource"])
            used.setdefault(where, []).append(use)
    found = [*_missing(data, home), *_not_evaluable(data)]
    for role in roles.values():
        who = _shown(role.arn, home)
        for statement in role.identity:
            if statement.effect == "Allow":
                uses = [use for use in used.get(statement.where, []) if use.principal == role.arn]
                found += _of_statement(statement, who, uses, home)
    return found


def _missing(data: Json, home: Home) -> Iterator[Finding]:
    for one in data["refused"]:
        principal, action, arn = one["principal"], one["action"], one["resource"]
        target = shown_path(arn, home)
        text = f"{action} on {f'{target} ({arn})' if target else arn}"
        if one["unknown"]:
            where, key = one["unknown"][0]
            yield Finding(
                "not-evaluable",
                _shown(principal, home),
                text,
                where,
                f"{key} is known on AWS only: give its value (iam_keys, --iam-key)",
            )
        elif one["denied_by"]:
            hint = "a statement denies it: change what it covers"
            yield Finding("missing", _shown(principal, home), text, one["denied_by"], hint)
        else:
            hint = missing_grant(principal, action, arn, home)
            yield Finding("missing", _shown(principal, home), text, hint=hint)


def _not_evaluable(data: Json) -> Iterator[Finding]:
    for problem in data["not_evaluable"]:
        yield Finding("not-evaluable", "the app", problem)


def _of_statement(
    statement: Statement, who: str, uses: list[_Use], home: Home
) -> Iterator[Finding]:
    where = statement.where
    shown = ", ".join(statement.actions or [f"all but {one}" for one in statement.not_actions])
    targets = [shown_path(one, home) or one for one in statement.resources]
    if not uses:
        yield Finding("unused", who, f"{shown} on {', '.join(dict.fromkeys(targets))}", where)
        return
    for action in statement.actions:
        actions = {use.action for use in uses if action_matches(action, use.action)}
        if not actions:
            yield Finding(
                "wider", who, f"{action} on {', '.join(dict.fromkeys(targets))}: never used", where
            )
        elif "*" in action:
            hint = f"used: {', '.join(sorted(actions))}"
            yield Finding("wider", who, f"{action}: a wildcard", where, hint)
    for pattern, target in zip(statement.resources, targets, strict=True):
        if pattern.removesuffix(":*") in statement.resources and pattern.endswith(":*"):
            # CDK grants a function and its versions together.
            continue
        resources = {use.resource for use in uses if _covers(pattern, use.resource)}
        if not resources:
            text = f"{shown} on {target}: never used on it"
            yield Finding("wider", who, text, where)
        elif "*" in pattern and home.resource(pattern) is None and _could_be_named(resources, home):
            hint = f"used: {', '.join(sorted(resources))}"
            yield Finding("wider", who, f"{shown} on {pattern}: a wildcard", where, hint)


def _covers(pattern: str, resource: str) -> bool:
    if pattern == "*" or resource == pattern:
        return True
    if resource.startswith("arn:"):
        return arn_matches(pattern, resource)
    return text_matches(pattern, resource)


def _could_be_named(resources: Collection[str], home: Home) -> bool:
    """All of them are the template's own."""
    return all(home.resource(one) is not None for one in resources)


def _shown(principal: str, home: Home) -> str:
    return shown_path(principal, home) or principal
