"""Amazon Resource Names: made and taken apart in one place.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

from typing import NamedTuple


class Arn(NamedTuple):
    """`arn:partition:service:region:account:resource`; `resource` keeps its own colons."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))


def parse_arn(text: str) -> Arn:
    """Raises ValueError where `text` is no ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise ValueError(f"not an ARN: {text!r}")
    return Arn(*parts[1:])


def execution_arn(state_machine_arn: str, name: str) -> str:
    arn = parse_arn(state_machine_arn)
    machine = arn.resource.removeprefix("stateMachine:")
    return str(arn._replace(resource=f"execution:{machine}:{name}"))


def express_execution_arn(state_machine_arn: str, name: str, unique: str) -> str:
    """Express executions may share a name: `unique` tells them apart."""
    arn = parse_arn(state_machine_arn)
    machine = arn.resource.removeprefix("stateMachine:")
    return str(arn._replace(resource=f"express:{machine}:{name}:{unique}"))


def state_machine_arn(execution_arn: str) -> str:
    """That of an execution, Standard or Express."""
    arn = parse_arn(execution_arn)
    return str(arn._replace(resource=f"stateMachine:{arn.resource.split(':')[1]}"))


def map_run_arn(state_machine_arn: str, label: str, unique: str) -> str:
    arn = parse_arn(state_machine_arn)
    machine = arn.resource.removeprefix("stateMachine:").partition("/")[0]
    return str(arn._replace(resource=f"mapRun:{machine}/{label}:{unique}"))


def map_state_machine_arn(state_machine_arn: str, label: str) -> str:
    """What the child executions of a Map Run name as their state machine."""
    arn = parse_arn(state_machine_arn)
    machine = arn.resource.partition("/")[0]
    return str(arn._replace(resource=f"{machine}/{label}"))
