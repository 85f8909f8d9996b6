"""What can be upgraded: functions and state machines that are called through their alias `live`.

The version and the alias look the same in every template, so CloudFormation makes them once and
leaves them alone: a deployment changes what is latest, and Upgrade brings that to the alias.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.function import LIVE, ThinFunction
from workflows.jsonata import is_true
from workflows.machine import Machine

FUNCTION = "FUNCTION"
STATE_MACHINE = "STATE_MACHINE"
IS_FUNCTION = is_true(f"$target.kind = '{FUNCTION}'")


class LiveMachine(Construct):
    """The alias `live` of a machine; at first it leads to the version that is made with it."""

    def __init__(self, scope: Construct, construct_id: str, *, machine: Machine) -> None:
        super().__init__(scope, construct_id)
        self.machine = machine
        first = sfn.CfnStateMachineVersion(self, "FirstVersion", state_machine_arn=machine.arn)
        first.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        self.alias = sfn.CfnStateMachineAlias(
            self,
            "Live",
            name=LIVE,
            routing_configuration=[
                sfn.CfnStateMachineAlias.RoutingConfigurationVersionProperty(
                    state_machine_version_arn=first.attr_arn, weight=100
                )
            ],
        )

    @property
    def alias_arn(self) -> str:
        return self.alias.attr_arn


def function_target(function: ThinFunction) -> Mapping[str, str]:
    """`name` is how leases, the audit and people call it."""
    name = function.aws_name
    return {"kind": FUNCTION, "name": f"function {name}", "function": name, "alias": LIVE}


def machine_target(live: LiveMachine) -> Mapping[str, str]:
    return {
        "kind": STATE_MACHINE,
        "name": f"state machine {live.machine.state_machine_name}",
        "stateMachineArn": live.machine.arn,
        "aliasArn": live.alias_arn,
    }


def alias_of(function: ThinFunction) -> lambda_.Alias:
    """Of a function that has one."""
    assert function.live is not None, f"{function.node.path} has no alias"
    return function.live


@dataclass(frozen=True, slots=True)
class Targets:
    """By the construct ids that the input names."""

    functions: tuple[ThinFunction, ...]
    machines: tuple[LiveMachine, ...] = ()

    def described(self) -> dict[str, Mapping[str, str]]:
        functions = {thin.name: function_target(thin) for thin in self.functions}
        machines = {live.machine.name: machine_target(live) for live in self.machines}
        return {**functions, **machines}

    @property
    def function_arns(self) -> list[str]:
        return [thin.arn for thin in self.functions]

    @property
    def alias_arns(self) -> list[str]:
        return [alias_of(thin).function_arn for thin in self.functions]

    @property
    def machine_arns(self) -> list[str]:
        return [live.machine.arn for live in self.machines]
