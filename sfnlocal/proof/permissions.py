"""Permissions in proofs: one gate stands before every session, and what all runs asked of each role
is put together.

A call that is refused breaks the invariant `permitted` of its run. What no run used is told of the
roles that worked in it: several proofs may need the same role, so that only all of them together
say what is too much.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict

from sfnlocal.driver.session import Session
from sfnlocal.ports import Json
from sfnlocal.proof.iam.findings import Finding, findings
from sfnlocal.proof.iam.gate import IamGate, stand_before
from sfnlocal.proof.iam.grants import missing_grant, shown_path
from sfnlocal.proof.iam.records import Refused, merged_data, records_data
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.proof.iam.roles import Role
from sfnlocal.proof.results import ProofResult
from sfnlocal.services.aws import Aws
from sfnlocal.template import App


class Permissions:
    """Of all runs of a proof, whose sessions are of one app."""

    def __init__(self, *, checked: bool = True) -> None:
        self._checked = checked
        self._gate: IamGate | None = None
        self._told = 0
        self._others: list[Json] = []

    def watch(self, session: Session) -> None:
        """Check each call of this session from here on."""
        if not self._checked:
            return
        if self._gate is None:
            self._gate = IamGate(session.aws)
        stand_before(self._gate, session)

    def refused(self) -> list[str]:
        """What was refused since this was last asked, each once."""
        if self._gate is None:
            return []
        new = self._gate.refusals[self._told :]
        self._told = len(self._gate.refusals)
        return [self._told_of(one) for one in dict.fromkeys(new)]

    def _told_of(self, refused: Refused) -> str:
        assert self._gate is not None
        home = self._gate.home
        who = shown_path(refused.principal, home) or refused.principal
        target = shown_path(refused.resource, home) or refused.resource
        text = f"{who} may not {refused.action} on {target}"
        if refused.denied_by:
            return f"{text}: denied by {refused.denied_by}"
        if refused.unknown:
            return f"{text}: {refused.unknown[0][1]} is known on AWS only"
        grant = missing_grant(refused.principal, refused.action, refused.resource, home)
        return f"{text}; grant: {grant}"

    # What is known of all of them

    def records(self) -> Json:
        """For another process to merge; None where nothing was checked."""
        return records_data(self._gate.records) if self._gate is not None else None

    def merge(self, records: Json) -> None:
        if records is not None:
            self._others.append(records)

    def json(self) -> Json:
        """`records` as `sfnlocal iam --records` takes them, `findings`, and `roles` with how often
        each of their statements allowed something; None where nothing was checked."""
        if self._gate is None:
            return None
        working = _working([records_data(self._gate.records), *self._others])
        self._gate.check_implied()
        data = _of_these(merged_data([records_data(self._gate.records), *self._others]), working)
        roles = {arn: role for arn, role in self._gate.roles.items() if arn in working}
        return {
            "records": data,
            "findings": [
                {**asdict(one), "key": one.key} for one in findings(data, roles, self._gate.home)
            ],
            "roles": [_role(role, data, self._gate.home) for role in roles.values()],
        }


def judged(app: App, results: Iterable[ProofResult]) -> list[Finding]:
    """Of the roles that worked in the proofs, all of them together: what is missing, and what none
    of them used."""
    permissions = [one.more.get("iam") for one in results]
    records = [one["records"] for one in permissions if one is not None]
    gate = IamGate(Aws(app, now_ms=0))
    working = _working(records)
    roles = {arn: role for arn, role in gate.roles.items() if arn in working}
    return findings(merged_data(records), roles, gate.home)


def _working(records: Iterable[Json]) -> set[str]:
    return {one["principal"] for data in records for one in (*data["records"], *data["refused"])}


def _of_these(data: Json, principals: Collection[str]) -> Json:
    """Without what only others ask for."""
    kept = {
        name: [one for one in data[name] if one["principal"] in principals]
        for name in ("records", "refused")
    }
    return {**data, **kept}


def _role(role: Role, data: Json, home: Home) -> Json:
    used: Counter[str] = Counter()
    for one in data["records"]:
        if one["principal"] == role.arn and one["allowed"]:
            for where in one["by"]:
                used[where] += one["count"]
    return {
        "arn": role.arn,
        "name": shown_path(role.arn, home) or role.name,
        "statements": [
            {
                "where": statement.where,
                "effect": statement.effect,
                "actions": [*statement.actions, *(f"not {one}" for one in statement.not_actions)],
                "resources": [shown_path(one, home) or one for one in statement.resources]
                + [f"not {shown_path(one, home) or one}" for one in statement.not_resources],
                "used": used[statement.where],
            }
            for statement in role.identity
        ],
    }
