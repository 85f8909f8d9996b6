"""Roles that a call hands to a service: its caller needs iam:PassRole for each.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sfnlocal.ports import Json
from sfnlocal.proof.iam.access import Access, Params

# Where the role stands in the parameters (`[]`: in each element), and who gets it.
_PASSED: Mapping[tuple[str, str], tuple[str, str]] = {
    ("scheduler", "CreateSchedule"): ("Target.RoleArn", "scheduler.amazonaws.com"),
    ("scheduler", "UpdateSchedule"): ("Target.RoleArn", "scheduler.amazonaws.com"),
    ("stepfunctions", "CreateStateMachine"): ("RoleArn", "states.amazonaws.com"),
    ("stepfunctions", "UpdateStateMachine"): ("RoleArn", "states.amazonaws.com"),
    ("lambda", "CreateFunction"): ("Role", "lambda.amazonaws.com"),
    ("lambda", "UpdateFunctionConfiguration"): ("Role", "lambda.amazonaws.com"),
    ("pipes", "CreatePipe"): ("RoleArn", "pipes.amazonaws.com"),
    ("pipes", "UpdatePipe"): ("RoleArn", "pipes.amazonaws.com"),
    ("events", "PutRule"): ("RoleArn", "events.amazonaws.com"),
    ("events", "PutTargets"): ("Targets.[].RoleArn", "events.amazonaws.com"),
    ("iot", "CreateTopicRule"): ("TopicRulePayload.Actions.[].*.RoleArn", "iot.amazonaws.com"),
}


def passed_roles(service: str, operation: str, params: Params) -> Iterable[Access]:
    found = _PASSED.get((service, operation))
    if found is None:
        return
    path, receiver = found
    for role_arn in _values(params, path.split(".")):
        yield Access("iam:PassRole", role_arn, {"iam:passedtoservice": (receiver,)})


def _values(value: Json, path: list[str]) -> Iterable[str]:
    if not path:
        yield str(value)
        return
    name, *rest = path
    if name == "[]":
        inside = value if isinstance(value, list) else []
    elif not isinstance(value, Mapping):
        inside = []
    elif name == "*":
        inside = list(value.values())
    else:
        # Some services begin their members in lower case.
        lower = name[:1].lower() + name[1:]
        inside = [value[one] for one in (name, lower) if value.get(one)]
    for one in inside:
        yield from _values(one, rest)
