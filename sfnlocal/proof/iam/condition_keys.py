"""Condition keys of a request: what this process knows of who asks, for what, when.

Strategy: three kinds. Keys that are the same for the same caller, action and resource; keys of this
one request (its parameters, the time), which decisions are remembered by; and keys that only AWS
knows (an organization, an address): UnknownKeyError, so that nothing is allowed by them in silence.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sfnlocal.ports import Caller
from sfnlocal.proof.iam.access import Access
from sfnlocal.proof.iam.matching import UnknownKeyError
from sfnlocal.proof.iam.policies import Principal
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.proof.iam.roles import Role
from sfnlocal.timestamps import iso_time

Values = Sequence[str] | None


@dataclass(slots=True)
class RequestContext:
    """Implements matching.Context. `given` are keys whose values the user knows (an organization's
    id). `volatile` collects the keys that were read and may differ from request to request."""

    home: Home
    caller: Caller
    principal: Principal
    role: Role | None
    access: Access
    now_ms: int
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    volatile: set[str] = field(default_factory=set)

    def values(self, key: str) -> Values:
        key = key.lower()
        if key in self.given:
            return self.given[key]
        if key in self.access.keys or key in _TIMES or key in _OF_REQUESTS:
            self.volatile.add(key)
            return self.volatile_values(key)
        known = _KNOWN.get(key)
        if known is not None:
            return known(self)
        family, _, name = key.partition("/")
        of_family = _FAMILIES.get(family)
        if of_family is None:
            raise UnknownKeyError(key)
        return of_family(self, name)

    def volatile_values(self, key: str) -> Values:
        time = _TIMES.get(key)
        return (time(self.now_ms),) if time else self.access.keys.get(key)


_TIMES: Mapping[str, Callable[[int], str]] = {
    "aws:currenttime": lambda now_ms: iso_time(now_ms),
    "aws:epochtime": lambda now_ms: str(now_ms // 1000),
}
# What accesses() gives wherever a request has it: one that is not there is not in the request.
_OF_REQUESTS = frozenset(
    {
        "dynamodb:enclosingoperation",
        "dynamodb:returnvalues",
        "dynamodb:select",
        "events:detail-type",
        "events:source",
        "iam:passedtoservice",
        "kms:viaservice",
        "lambda:functionarn",
        "s3:delimiter",
        "s3:max-keys",
        "s3:prefix",
        "s3:versionid",
        "s3:x-amz-acl",
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:x-amz-storage-class",
        "states:statemachinequalifier",
    }
)


def _absent(context: RequestContext) -> Values:
    return None


def _source_arn(context: RequestContext) -> Values:
    """Of calls that a service makes itself; calls of a role's session have none."""
    return (source_arn(context.caller),) if context.principal.service else None


def source_arn(caller: Caller) -> str:
    """What the service says it calls for. A schedule's group stands for it, a state machine for
    its Map Runs' children and its versions.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html"""
    start, _, resource = caller.source_arn.rpartition(":schedule/")
    if start and caller.service == "scheduler.amazonaws.com":
        return f"{start}:schedule-group/{resource.partition('/')[0]}"
    start, _, resource = caller.source_arn.rpartition(":stateMachine:")
    if start:
        return f"{start}:stateMachine:{resource.partition(':')[0].partition('/')[0]}"
    return caller.source_arn


def _source_account(context: RequestContext) -> Values:
    return (context.home.account,) if context.principal.service else None


def _principal_arn(context: RequestContext) -> Values:
    return (context.principal.arn,) if context.principal.arn else None


def _principal_account(context: RequestContext) -> Values:
    return None if context.principal.service else (context.home.account,)


def _principal_type(context: RequestContext) -> Values:
    return None if context.principal.service else ("AssumedRole",)


def _service_name(context: RequestContext) -> Values:
    return (context.principal.service,) if context.principal.service else None


def _is_service(context: RequestContext) -> Values:
    return ("true" if context.principal.service else "false",)


def _source_function(context: RequestContext) -> Values:
    is_function = context.caller.service == "lambda.amazonaws.com"
    return (context.caller.source_arn,) if is_function and context.role else None


def _principal_tag(context: RequestContext, name: str) -> Values:
    tags = context.role.tags if context.role else {}
    return next(((value,) for key, value in tags.items() if key.lower() == name), None)


def _resource_tag(context: RequestContext, name: str) -> Values:
    """Of the template; what is tagged while it runs is known to its service alone."""
    arn = context.access.resource
    resource = context.home.resource(arn)
    if resource is None:
        raise UnknownKeyError(f"aws:resourcetag/{name}")
    tags = resource.properties.get("Tags", [])
    pairs = tags.items() if isinstance(tags, dict) else ((one["Key"], one["Value"]) for one in tags)
    return next(((str(value),) for key, value in pairs if str(key).lower() == name), None)


_KNOWN: Mapping[str, Callable[[RequestContext], Values]] = {
    "aws:calledvia": _absent,
    "aws:calledviafirst": _absent,
    "aws:calledvialast": _absent,
    "aws:federatedprovider": _absent,
    "aws:multifactorauthage": _absent,
    "aws:multifactorauthpresent": _absent,
    "aws:principalaccount": _principal_account,
    "aws:principalarn": _principal_arn,
    "aws:principalisawsservice": _is_service,
    "aws:principalservicename": _service_name,
    "aws:principaltype": _principal_type,
    "aws:referer": _absent,
    "aws:requestedregion": lambda context: (context.home.region,),
    "aws:resourceaccount": lambda context: (context.home.account,),
    "aws:securetransport": lambda context: ("true",),
    "aws:sourceaccount": _source_account,
    "aws:sourcearn": _source_arn,
    "aws:sourceidentity": _absent,
    "aws:username": _absent,
    "aws:viaawsservice": lambda context: ("false",),
    "kms:calleraccount": _principal_account,
    "lambda:sourcefunctionarn": _source_function,
    "s3:authtype": lambda context: ("REST-HEADER",),
    "s3:resourceaccount": lambda context: (context.home.account,),
    "s3:signatureversion": lambda context: ("AWS4-HMAC-SHA256",),
    "s3:tlsversion": lambda context: ("1.3",),
}
_FAMILIES: Mapping[str, Callable[[RequestContext, str], Values]] = {
    "aws:principaltag": _principal_tag,
    "aws:resourcetag": _resource_tag,
}
