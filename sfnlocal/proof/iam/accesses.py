"""What an API call needs permission for: one or several actions on resources.

Strategy: a table of services, each with the resource that its operations name and the operations
whose action is called otherwise (a batch needs the permission of the single call). What has no
entry is derived: the service's prefix and the operation's name, on `*`; the report marks it.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sfnlocal.ports import ServiceCall
from sfnlocal.proof.iam import accesses_dynamodb, accesses_s3
from sfnlocal.proof.iam.access import ANY, Access, Params
from sfnlocal.proof.iam.encryption import key_accesses
from sfnlocal.proof.iam.passed_roles import passed_roles
from sfnlocal.proof.iam.resource_names import Home

# The resource's ARN; None: the operation names none.
ArnOf: TypeAlias = Callable[[Home, str, Params], str | None]
Read: TypeAlias = Callable[[Home, str, Params], Iterable[Access]]


@dataclass(frozen=True, slots=True)
class _Service:
    """`actions` are operations whose permission has another name; `` needs none."""

    prefix: str
    arn: ArnOf
    actions: Mapping[str, str] = field(default_factory=dict)

    def read(self, home: Home, operation: str, params: Params) -> Iterable[Access]:
        action = self.actions.get(operation, operation)
        if action:
            resource = self.arn(home, operation, params) or ANY
            yield Access(f"{self.prefix}:{action}", resource)


def accesses(call: ServiceCall, home: Home) -> tuple[Access, ...]:
    """Those of the call itself, of the roles that it passes, and of the keys that its resource is
    encrypted with."""
    params = call.params
    if call.service in _LOWER_CASE:
        params = {name[:1].upper() + name[1:]: value for name, value in params.items()}
    read = _READ.get(call.service)
    own = read(home, call.operation, params) if read else _derived(call)
    found = tuple(own)
    return (
        *found,
        *passed_roles(call.service, call.operation, params),
        *key_accesses(call.service, call.operation, params, found, home),
    )


def _derived(call: ServiceCall) -> Iterable[Access]:
    # Loaded here: it imports botocore, which most runs do without.
    from sfnlocal.services.service_models import service_model

    metadata = service_model(call.service).metadata
    prefix = metadata.get("signingName") or metadata["endpointPrefix"]
    yield Access(f"{prefix}:{call.operation}", ANY, derived=True)


# Services: how the resource is named


def _queue(home: Home, operation: str, params: Params) -> str | None:
    named = params.get("QueueUrl") or params.get("QueueName") or params.get("SourceArn")
    return home.queue_arn(named) if named else None


def _topic(home: Home, operation: str, params: Params) -> str | None:
    arn = params.get("TopicArn") or params.get("TargetArn")
    if arn is None and "SubscriptionArn" in params:
        return str(params["SubscriptionArn"]).rpartition(":")[0]
    if arn is None and operation == "CreateTopic":
        return home.arn("sns", params["Name"])
    return arn


def _secret(home: Home, operation: str, params: Params) -> str | None:
    named = params.get("SecretId") or (params.get("Name") if operation == "CreateSecret" else None)
    return home.secret_arn(named) if named else None


def _log_group(home: Home, operation: str, params: Params) -> str | None:
    named = params.get("LogGroupName") or params.get("LogGroupIdentifier")
    if not named:
        return params.get("ResourceArn")
    arn = named if named.startswith("arn:") else home.arn("logs", f"log-group:{named}")
    stream = params.get("LogStreamName")
    if operation in ("PutLogEvents", "GetLogEvents", "DeleteLogStream") and stream:
        return f"{arn.removesuffix(':*')}:log-stream:{stream}"
    return f"{arn.removesuffix(':*')}:*" if operation == "CreateLogStream" else arn


def _schedule(home: Home, operation: str, params: Params) -> str | None:
    if "ResourceArn" in params:
        return str(params["ResourceArn"])
    name = params.get("Name")
    if operation in _OF_GROUPS:
        return home.arn("scheduler", f"schedule-group/{name}")
    if operation.startswith("List"):
        return home.arn("scheduler", "*") if operation == "ListSchedules" else None
    return home.arn("scheduler", f"schedule/{params.get('GroupName', 'default')}/{name}")


_OF_GROUPS = frozenset({"CreateScheduleGroup", "DeleteScheduleGroup", "GetScheduleGroup"})


def _key(home: Home, operation: str, params: Params) -> str | None:
    named = params.get("KeyId")
    return home.key_arn(named) if named else None


def _none(home: Home, operation: str, params: Params) -> str | None:
    return None


def _role(home: Home, operation: str, params: Params) -> str | None:
    if "RoleArn" in params:
        return str(params["RoleArn"])
    named = params.get("RoleName")
    return f"arn:{home.partition}:iam::{home.account}:role/{named}" if named else None


def _pipe(home: Home, operation: str, params: Params) -> str | None:
    return home.arn("pipes", f"pipe/{params['Name']}") if "Name" in params else None


def _alarm(home: Home, operation: str, params: Params) -> str | None:
    names = params.get("AlarmNames") or [params.get("AlarmName")]
    return home.arn("cloudwatch", f"alarm:{names[0]}") if names[0] else None


# Services that need more than a table says


def _events(home: Home, operation: str, params: Params) -> Iterable[Access]:
    if operation == "PutEvents":
        for entry in params.get("Entries", []):
            keys = {
                "events:source": (str(entry.get("Source", "")),),
                "events:detail-type": (str(entry.get("DetailType", "")),),
            }
            yield Access("events:PutEvents", _bus(home, entry.get("EventBusName")), keys)
        return
    action = f"events:{operation}"
    if operation in _OF_BUSES:
        yield Access(action, _bus(home, params.get("Name") or params.get("EventBusName")))
        return
    name, bus = params.get("Name") or params.get("Rule"), params.get("EventBusName", "default")
    if not name:
        yield Access(action, ANY)
        return
    bus = bus.rpartition("/")[2]
    path = f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}"
    yield Access(action, home.arn("events", path))


_OF_BUSES = frozenset(
    {
        "CreateEventBus",
        "DeleteEventBus",
        "DescribeEventBus",
        "PutPermission",
        "RemovePermission",
        "UpdateEventBus",
    }
)


def _bus(home: Home, name: str | None) -> str:
    name = name or "default"
    return name if name.startswith("arn:") else home.arn("events", f"event-bus/{name}")


def _lambda(home: Home, operation: str, params: Params) -> Iterable[Access]:
    action = f"lambda:{_LAMBDA_ACTIONS.get(operation, operation)}"
    if operation.endswith("EventSourceMapping"):
        uuid = params.get("UUID")
        resource = home.arn("lambda", f"event-source-mapping:{uuid}") if uuid else ANY
        name = params.get("FunctionName")
        keys = {"lambda:functionarn": (home.function_arn(name),)} if name else {}
        yield Access(action, resource, keys)
    elif "FunctionName" in params:
        arn = home.function_arn(params["FunctionName"], params.get("Qualifier"))
        yield Access(action, arn.removesuffix(":$LATEST"))
    else:
        yield Access(action, str(params.get("Resource", ANY)))


_LAMBDA_ACTIONS = {
    "Invoke": "InvokeFunction",
    "InvokeAsync": "InvokeFunction",
    "InvokeWithResponseStream": "InvokeFunction",
}


def _states(home: Home, operation: str, params: Params) -> Iterable[Access]:
    """Versions and aliases need the permission of their state machine.
    https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html"""
    action = f"states:{operation}"
    arn = next((params[name] for name in _STATES_ARNS if params.get(name)), "")
    if operation.startswith("SendTask"):
        arn = home.token_owner(params.get("TaskToken", ""))
    if not arn and operation in ("CreateStateMachine", "CreateActivity"):
        kind = operation.removeprefix("Create")
        arn = home.arn("states", f"{kind[0].lower()}{kind[1:]}:{params.get('Name')}")
    if ":stateMachine:" not in arn:
        yield Access(action, arn or ANY)
        return
    machine, _, name = arn.rpartition(":stateMachine:")
    name, _, qualifier = name.partition(":")
    keys = {"states:statemachinequalifier": (qualifier,)} if qualifier else {}
    yield Access(action, f"{machine}:stateMachine:{name}", keys)


# Services whose parameters begin in lower case.
_LOWER_CASE = frozenset({"logs", "stepfunctions"})
_STATES_ARNS = (
    "StateMachineArn",
    "StateMachineVersionArn",
    "StateMachineAliasArn",
    "ExecutionArn",
    "MapRunArn",
    "ActivityArn",
    "ResourceArn",
)


def _parameters(home: Home, operation: str, params: Params) -> Iterable[Access]:
    if operation == "GetParametersByPath":
        names = [params["Path"]]
    else:
        names = params.get("Names") or [params.get("Name")]
    for name in names:
        yield Access(f"ssm:{operation}", home.parameter_arn(name) if name else ANY)


_SQS = _Service(
    "sqs",
    _queue,
    {
        "SendMessageBatch": "SendMessage",
        "DeleteMessageBatch": "DeleteMessage",
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    },
)
_READ: Mapping[str, Read] = {
    "cloudwatch": _Service("cloudwatch", _alarm).read,
    "dynamodb": accesses_dynamodb.read,
    "events": _events,
    "iam": _Service("iam", _role).read,
    "kms": _Service("kms", _key, {"ReEncrypt": "ReEncryptFrom"}).read,
    "lambda": _lambda,
    "logs": _Service("logs", _log_group).read,
    "pipes": _Service("pipes", _pipe).read,
    "s3": accesses_s3.read,
    "scheduler": _Service("scheduler", _schedule).read,
    "secretsmanager": _Service("secretsmanager", _secret).read,
    "sns": _Service("sns", _topic, {"PublishBatch": "Publish"}).read,
    "sqs": _SQS.read,
    "ssm": _parameters,
    "stepfunctions": _states,
    # Whoever has credentials may ask who he is.
    "sts": _Service("sts", _role, {"GetCallerIdentity": "", "GetSessionToken": ""}).read,
    "xray": _Service("xray", _none).read,
}
