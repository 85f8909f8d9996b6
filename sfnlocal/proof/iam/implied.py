"""What functions, state machines and mappings need without calling anything themselves: logs,
traces, polling, and what Step Functions does for a state machine.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html
https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from sfnlocal.arns import execution_arn, map_state_machine_arn
from sfnlocal.ports import Caller, Json
from sfnlocal.proof.iam.access import ANY, Access
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.services.function_registry import parse_name
from sfnlocal.template.properties import known_text
from sfnlocal.template.resources import Function, StateMachine

# `deployed`: AWS does not deploy without; `running`: something is missing without; `perhaps`: only
# for what may never be done (a redrive), so that it is no fault if it is missing.
Need: TypeAlias = Literal["deployed", "running", "perhaps"]
# Who needs it, what, and how much.
Implied: TypeAlias = tuple[Caller, Access, Need]

_SYNC_RULE = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
_DELIVERY = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)
_POLLING = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_TRACES = ("PutTraceSegments", "PutTelemetryRecords")
_SAMPLING = ("GetSamplingRules", "GetSamplingTargets")
_NETWORK = (
    "CreateNetworkInterface",
    "DescribeNetworkInterfaces",
    "DescribeSubnets",
    "DeleteNetworkInterface",
    "AssignPrivateIpAddresses",
    "UnassignPrivateIpAddresses",
)


def implied_accesses(home: Home, machine_arn: str | None = None) -> Iterator[Implied]:
    """Those of the whole app, or of one state machine."""
    for machine in home.app.state_machines:
        if machine_arn in (None, machine.arn) and not (machine.version_arn or machine.alias_arn):
            caller = Caller("states.amazonaws.com", machine.arn, machine.role_arn)
            for access, needed in _of_machine(machine, home):
                yield caller, access, needed
    if machine_arn is None:
        for function in home.app.functions:
            role_arn = known_text(function.resource.properties, "Role")
            caller = Caller("lambda.amazonaws.com", function.arn, role_arn)
            for access in _of_function(function, home):
                yield caller, access, "running"
        yield from _of_pollers(home)


def _of_pollers(home: Home) -> Iterator[Implied]:
    """Lambda and Pipes ask for these before they take a mapping or a pipe."""
    roles = {one.arn: known_text(one.resource.properties, "Role") for one in home.app.functions}
    for mapping in home.app.of_type("AWS::Lambda::EventSourceMapping"):
        queue_arn = known_text(mapping.properties, "EventSourceArn")
        name = known_text(mapping.properties, "FunctionName")
        function_arn = home.function_arn(parse_name(name).name)
        if ":sqs:" in queue_arn and function_arn in roles:
            caller = Caller("lambda.amazonaws.com", function_arn, roles[function_arn])
            for action in _POLLING:
                yield caller, Access(f"sqs:{action}", queue_arn), "running"
    for pipe in home.app.of_type("AWS::Pipes::Pipe"):
        queue_arn = known_text(pipe.properties, "Source")
        if ":sqs:" in queue_arn:
            role_arn = known_text(pipe.properties, "RoleArn")
            caller = Caller("pipes.amazonaws.com", pipe.arn, role_arn)
            for action in _POLLING:
                yield caller, Access(f"sqs:{action}", queue_arn), "running"


def _of_machine(machine: StateMachine, home: Home) -> Iterator[tuple[Access, Need]]:
    properties = machine.resource.properties
    logging = properties.get("LoggingConfiguration") or {}
    if logging.get("Level", "OFF") != "OFF":
        for action in _DELIVERY:
            yield Access(f"logs:{action}", ANY), "running"
    if (properties.get("TracingConfiguration") or {}).get("Enabled"):
        for action in (*_TRACES, *_SAMPLING):
            yield Access(f"xray:{action}", ANY), "running"
    for state in _states(machine.definition):
        if state.get("Type") == "Task":
            for access in _of_sync(state, home):
                yield access, "deployed"
        if _is_distributed(state):
            # As AWS documents it: the children's own ARNs name the state too.
            child = execution_arn(machine.arn, "child")
            yield Access("states:StartExecution", machine.arn), "deployed"
            yield Access("states:DescribeExecution", child), "running"
            yield Access("states:StopExecution", child), "running"
            map_arn = map_state_machine_arn(machine.arn, str(state.get("Label", "map")))
            redriven = execution_arn(map_arn, "child")
            yield Access("states:RedriveExecution", redriven), "perhaps"


def _of_sync(state: dict[str, Json], home: Home) -> Iterator[Access]:
    """The child that it starts, where the definition names it."""
    if "states:startExecution.sync" not in str(state.get("Resource")):
        return
    for action in ("PutTargets", "PutRule", "DescribeRule"):
        yield Access(f"events:{action}", home.arn("events", _SYNC_RULE))
    given = state.get("Arguments") or state.get("Parameters") or {}
    child = given.get("StateMachineArn", "") if isinstance(given, dict) else ""
    if ":stateMachine:" in child:
        machine, _, name = child.partition(":stateMachine:")
        execution = execution_arn(f"{machine}:stateMachine:{name.partition(':')[0]}", "child")
        yield Access("states:DescribeExecution", execution)
        yield Access("states:StopExecution", execution)


def _states(value: Json) -> Iterator[dict[str, Json]]:
    """All states, those of branches and item processors too."""
    if isinstance(value, list):
        for one in value:
            yield from _states(one)
    elif isinstance(value, dict):
        for state in (value.get("States") or {}).values():
            yield state
            for inner in ("Branches", "ItemProcessor", "Iterator"):
                yield from _states(state.get(inner))


def _is_distributed(state: dict[str, Json]) -> bool:
    processor = state.get("ItemProcessor") or {}
    return (processor.get("ProcessorConfig") or {}).get("Mode") == "DISTRIBUTED"


def _of_function(function: Function, home: Home) -> Iterator[Access]:
    properties = function.resource.properties
    group = (properties.get("LoggingConfig") or {}).get("LogGroup")
    log_group = home.arn("logs", f"log-group:{group or f'/aws/lambda/{function.name}'}")
    yield Access("logs:CreateLogStream", f"{log_group}:*")
    yield Access("logs:PutLogEvents", f"{log_group}:log-stream:any")
    if home.resource(f"{log_group}:*") is None:
        yield Access("logs:CreateLogGroup", log_group)
    if (properties.get("TracingConfig") or {}).get("Mode") == "Active":
        for action in _TRACES:
            yield Access(f"xray:{action}", ANY)
    if (properties.get("VpcConfig") or {}).get("SubnetIds"):
        for action in _NETWORK:
            yield Access(f"ec2:{action}", ANY)
    target = (properties.get("DeadLetterConfig") or {}).get("TargetArn", "")
    if target:
        action = "sqs:SendMessage" if ":sqs:" in target else "sns:Publish"
        yield Access(action, target)
