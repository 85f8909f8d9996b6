"""What AWS chose for an execution that its history does not always tell: names, account, region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sfnlocal.arns import Arn, execution_arn, parse_arn
from sfnlocal.driver.exported import Event, details


class Names(NamedTuple):
    """What AWS chose and a history need not tell; where it is not known it is learnt."""

    execution: str = "name-of-the-execution"
    state_machine: str = "name-of-the-state-machine"
    account: str = "000000000000"
    region: str = "us-east-1"
    partition: str = "aws"

    @property
    def state_machine_arn(self) -> str:
        resource = f"stateMachine:{self.state_machine}"
        return str(Arn(self.partition, "states", self.region, self.account, resource))

    @property
    def execution_arn(self) -> str:
        return execution_arn(self.state_machine_arn, self.execution)


def names_in(arn: str) -> Names:
    """Those that an execution's ARN has. Raises ValueError where it is none."""
    partition, service, region, account, resource = parse_arn(arn)
    kind, *names = resource.split(":")
    if service != "states" or kind != "execution" or len(names) != 2:
        raise ValueError(f"not an execution's ARN: {arn!r}")
    return Names(names[1], names[0], account, region, partition)


def names_told(events: Sequence[Event], state_machine_arn: str = "") -> Names:
    """What the history says by itself, or the ARN of the state machine that ran or of one of its
    versions."""
    names = Names()
    told = details(events[0])
    versions = (told.get("stateMachineAliasArn"), told.get("stateMachineVersionArn"))
    role = _arn(told.get("roleArn"))
    if role is not None and role.account:
        names = names._replace(account=role.account, partition=role.partition)
    for event in events:
        run = _arn(details(event).get("mapRunArn"))
        if run is not None:
            name = run.resource.removeprefix("mapRun:").partition("/")[0]
            names = names._replace(state_machine=name, region=run.region)
        if event["type"] == "TaskScheduled":
            names = names._replace(region=details(event).get("region", names.region))
    for text in (*versions, state_machine_arn):
        if (arn := _arn(text)) is not None and arn.resource.startswith("stateMachine:"):
            machine = arn.resource.split(":")[1]
            names = Names(names.execution, machine, arn.account, arn.region, arn.partition)
    return names


def _arn(text: object) -> Arn | None:
    try:
        return parse_arn(str(text))
    except ValueError:
        return None
