"""Who a caller is to IAM: a session of the role that its service assumes, or the service itself.

The role's trust policy must let the service assume it, with the conditions that it names; a Task
state with Credentials assumes their role from that of its state machine.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-service.html
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-access-cross-acct-resources.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from sfnlocal.arns import parse_arn
from sfnlocal.ports import Caller
from sfnlocal.proof.iam.access import Access
from sfnlocal.proof.iam.condition_keys import source_arn
from sfnlocal.proof.iam.decision import Decision
from sfnlocal.proof.iam.policies import Principal
from sfnlocal.proof.iam.records import Identity, Refused
from sfnlocal.proof.iam.refusals import refusal_text
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.proof.iam.roles import Role

# May the principal (with its role, if it has one) assume the role?
Trust: TypeAlias = Callable[[Caller, Principal, Role | None, Role], Decision]

_SESSION_NAME_CHARS_MAX = 64


class Callers:
    def __init__(self, home: Home, roles: Mapping[str, Role], trust: Trust) -> None:
        self._home = home
        self._roles = roles
        self._trust = trust
        self._identities: dict[Caller, Identity] = {}

    def identity(self, caller: Caller) -> Identity:
        """It has a problem where nobody here knows its role, and is refused where the role does not
        trust it."""
        found = self._identities.get(caller)
        if found is None:
            found = self._identities[caller] = self._identify(caller)
        return found

    def _identify(self, caller: Caller) -> Identity:
        service = Principal(self._home.account, service=caller.service)
        source = source_arn(caller)
        if caller.role_arn is None:
            return Identity(caller, service, source)
        role = self._roles.get(caller.role_arn)
        if role is None:
            problem = f"the role {caller.role_arn} is not in the app: its calls are not checked"
            return Identity(caller, service, source, problem=problem)
        by = self._assumed_by(caller, service, source, role)
        if by.problem or by.refused:
            return by
        decision = self._trust(caller, by.principal, by.role, role)
        identity = Identity(caller, self._session(role, source), source, role)
        if not decision.allowed and not role.not_evaluable:
            identity = replace(identity, refused=_not_assumed(by, role, decision))
        return identity

    def _assumed_by(self, caller: Caller, service: Principal, source: str, role: Role) -> Identity:
        """The service, or the session of the state machine whose state has Credentials."""
        machine = self._home.resource(source)
        own_arn = machine.properties.get("RoleArn") if machine is not None else None
        is_machine = caller.service == "states.amazonaws.com"
        if not is_machine or own_arn is None or own_arn == role.arn:
            return Identity(caller, service, source)
        return self.identity(replace(caller, role_arn=own_arn))

    def _session(self, role: Role, source: str) -> Principal:
        """Its name is chance on AWS, and what it works for here."""
        name = parse_arn(source).resource.replace(":", "/").rpartition("/")[2]
        session = f"{role.name}/{name[:_SESSION_NAME_CHARS_MAX] or 'session'}"
        partition, account = self._home.partition, self._home.account
        session_arn = f"arn:{partition}:sts::{account}:assumed-role/{session}"
        return Principal(account, role.arn, session_arn)


def _not_assumed(by: Identity, role: Role, decision: Decision) -> Refused:
    access = Access("sts:AssumeRole", role.arn)
    user = by.principal.session_arn or by.principal.service
    message = refusal_text(user, access.action, role.arn, decision.reason)
    return Refused.of(by, access, decision, message)
