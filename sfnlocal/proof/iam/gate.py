"""The gate that checks permissions: every call of a role or a service, before it happens.

Strategy: who calls (the caller's role, if its trust policy lets the service assume it), what the
call needs (accesses), which policies speak (the role's, the resource's), and the decision. These
are remembered by caller, action, resource and the values of those condition keys that were read
and may differ: a run makes the same few requests over and over.

Calls of tests are not checked. Roles that are not the app's cannot be: they are reported.
https://docs.aws.amazon.com/IAM/latest/UserGuide/intro-structure.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfnlocal.errors import ApiError, InputError
from sfnlocal.ports import Caller, ServiceCall
from sfnlocal.proof.iam.access import Access
from sfnlocal.proof.iam.accesses import accesses
from sfnlocal.proof.iam.callers import Callers
from sfnlocal.proof.iam.condition_keys import RequestContext
from sfnlocal.proof.iam.decision import Decision, Policies, decide
from sfnlocal.proof.iam.grants import missing_grant
from sfnlocal.proof.iam.implied import implied_accesses
from sfnlocal.proof.iam.policies import Principal, Request, Statement
from sfnlocal.proof.iam.records import Identity, Records, Refused
from sfnlocal.proof.iam.refusals import refusal, refusal_text
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.proof.iam.resource_policies import LOG_GROUPS, ResourcePolicies
from sfnlocal.proof.iam.roles import Role, load_roles
from sfnlocal.proof.iam.triggered import triggered_calls

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session
    from sfnlocal.services.aws import Aws

_DECISIONS_MAX = 50_000


def session_gate(session: Session, known: Mapping[str, Iterable[str]] | None = None) -> IamGate:
    """Check permissions in this session from here on; `known` as for IamGate."""
    gate = IamGate(session.aws, known=known)
    stand_before(gate, session)
    return gate


def stand_before(gate: IamGate, session: Session) -> None:
    """Let a gate that has stood before another session of the same app stand before this one: what
    it has read and decided stays, and its records go on."""
    gate.watch(session.aws, session.tokens.owner)
    session.aws.add_gate(gate)


@dataclass(slots=True)
class _Remembered:
    """`volatile` are the keys that the decisions depend on, `decisions` by their values."""

    volatile: tuple[str, ...] = ()
    decisions: dict[tuple[object, ...], Decision] = field(default_factory=dict)


class IamGate:
    """Implements ports.Gate. `known` are condition keys that only AWS knows, with their values."""

    def __init__(self, aws: Aws, *, known: Mapping[str, Iterable[str]] | None = None) -> None:
        self.home = Home(aws.app)
        self.records = Records(self.home)
        self.roles = load_roles(aws.app)
        self.resource_policies = ResourcePolicies(self.home)
        self._aws = aws
        self._known = {key.lower(): tuple(values) for key, values in (known or {}).items()}
        self._callers = Callers(self.home, self.roles, self._decided_trust)
        self._remembered: dict[tuple[Identity, str, str], _Remembered] = {}
        self._version = 0
        self._deployed: dict[str, Refused | None] = {}

    def watch(self, aws: Aws, token_owner: Callable[[str], str]) -> None:
        """`token_owner` is the ARN of the state machine that waits for a task token."""
        self._aws = aws
        self.home.token_owner = token_owner
        self.resource_policies.watch(aws)

    @property
    def refusals(self) -> list[Refused]:
        """What was refused, in the order in which it happened."""
        return self.records.refused

    # Implements ports.Gate

    def before(self, call: ServiceCall) -> None:
        """Raises ApiError, as the service would, where the caller may not."""
        caller = call.caller
        if caller is None:
            return
        identity = self._callers.identity(caller)
        if identity.problem:
            self.records.not_evaluable(identity.problem)
            return
        if identity.refused is not None:
            raise self._refused(call.service, identity.refused)
        deployed = self._refused_at_deployment(caller, identity)
        if deployed is not None:
            raise self._refused(call.service, deployed)
        for access in accesses(call, self.home):
            refused = self._checked(identity, access)
            if refused is not None:
                raise self._refused(call.service, refused)

    def after(self, call: ServiceCall) -> None:
        pass

    def check_targets(self) -> None:
        """Raises InputError for the first schedule, rule, pipe or subscription that may not call
        its target."""
        for resource, call in triggered_calls(self._aws.app):
            seen = len(self.refusals)
            try:
                self.before(call)
            except ApiError as error:
                refused = self.refusals[seen:] or self.refusals[-1:]
                raise InputError(
                    f"it may not call its target: {error.message}",
                    where=resource.where,
                    hint=", ".join(
                        missing_grant(one.principal, one.action, one.resource, self.home)
                        for one in refused
                    ),
                ) from None

    def check_implied(self) -> None:
        """What the app's functions and state machines need besides their calls (logs, traces, what
        Step Functions does for them): for the report, whether they ran or not."""
        for caller, access, need in implied_accesses(self.home):
            identity = self._callers.identity(caller)
            if identity.problem:
                self.records.not_evaluable(identity.problem)
            elif identity.refused is not None:
                self.records.add_refused(identity.refused)
            else:
                refused = self._checked(identity, access)
                if refused is not None and need != "perhaps":
                    self.records.add_refused(refused)

    # Decisions

    def _refused_at_deployment(self, caller: Caller, identity: Identity) -> Refused | None:
        """A state machine that AWS would not deploy, since its role lacks what it implies."""
        if caller.service != "states.amazonaws.com":
            return None
        arn = identity.source_arn
        if arn not in self._deployed:
            self._deployed[arn] = next(self._implied_refusals(arn, identity), None)
        return self._deployed[arn]

    def _implied_refusals(self, machine_arn: str, identity: Identity) -> Iterator[Refused]:
        for caller, access, need in implied_accesses(self.home, machine_arn):
            if need == "deployed" and caller.role_arn == identity.principal.arn:
                refused = self._checked(identity, access)
                if refused is not None:
                    yield refused

    def _refused(self, service: str, refused: Refused) -> ApiError:
        self.records.add_refused(refused)
        return refusal(service, refused.message)

    def _checked(self, identity: Identity, access: Access) -> Refused | None:
        decision = self._decision(identity, access)
        role, principal = identity.role, identity.principal
        if not decision.allowed and role is not None and not decision.denied_by:
            for problem in role.not_evaluable:
                self.records.not_evaluable(f"{role.path}: {problem}")
            if role.not_evaluable:
                return None
        self.records.add(identity, access, decision)
        if decision.allowed:
            return None
        user = principal.session_arn or principal.service
        message = refusal_text(user, access.action, access.resource, decision.reason)
        return Refused.of(identity, access, decision, message)

    def _decision(self, identity: Identity, access: Access) -> Decision:
        if self._version != self.resource_policies.version or (
            len(self._remembered) > _DECISIONS_MAX
        ):
            self._remembered.clear()
            self._version = self.resource_policies.version
        key = identity, access.action, access.resource
        remembered = self._remembered.get(key)
        if remembered is not None and not remembered.volatile:
            return remembered.decisions[()]
        context = self._context(identity.caller, identity.principal, identity.role, access)
        if remembered is None:
            remembered = self._remembered[key] = _Remembered()
        else:
            values = tuple(map(context.volatile_values, remembered.volatile))
            decision = remembered.decisions.get(values)
            if decision is not None:
                return decision
        decision = self._decide(identity, access, context)
        if not context.volatile <= set(remembered.volatile):
            remembered.volatile = tuple(sorted({*remembered.volatile, *context.volatile}))
            remembered.decisions.clear()
        values = tuple(map(context.volatile_values, remembered.volatile))
        remembered.decisions[values] = decision
        return decision

    def _decide(self, identity: Identity, access: Access, context: RequestContext) -> Decision:
        role = identity.role
        is_key = access.action.startswith("kms:")
        resource = self.resource_policies.of(access.resource)
        if access.action.startswith("logs:"):
            resource = self.resource_policies.of(LOG_GROUPS)
        if is_key and resource is None:
            # A key that is not the app's: most leave the word to the account's own policies.
            self.records.not_evaluable(f"the policy of the key {access.resource} is not in the app")
            is_key = False
        policies = Policies(
            identity=role.identity if role else (),
            resource=resource,
            boundary=role.boundary if role else None,
            both_must_allow=is_key,
        )
        request = Request(identity.principal, access.action, access.resource, context)
        return decide(request, policies)

    def _decided_trust(
        self, caller: Caller, principal: Principal, role: Role | None, assumed: Role
    ) -> Decision:
        """May this principal assume the role?"""
        access = Access("sts:AssumeRole", assumed.arn)
        context = self._context(caller, principal, role, access)
        identity: Iterable[Statement] = role.identity if role else ()
        policies = Policies(tuple(identity), assumed.trust, both_must_allow=True)
        return decide(Request(principal, access.action, assumed.arn, context), policies)

    def _context(
        self, caller: Caller, principal: Principal, role: Role | None, access: Access
    ) -> RequestContext:
        now_ms = self._aws.now_ms
        return RequestContext(self.home, caller, principal, role, access, now_ms, self._known)
