"""What an upgrade brings: what is live of its target, what is latest, and what is different."""

from __future__ import annotations

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.function_upgrade import FunctionUpgrade
from workflows.machine_upgrade import MachineUpgrade
from workflows.upgrade_target import IS_FUNCTION


class UpgradeFind(Construct):
    """Goes on to `found` with `$liveVersion` and `$changes`; to `refused` with a `$problem` where
    somebody has deleted the alias. `tasks` have no last Catch."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: FunctionUpgrade,
        machine: MachineUpgrade,
        found: sfn.State,
        refused: sfn.State,
    ) -> None:
        super().__init__(scope, construct_id)
        self.start = what_is_upgraded = sfn.Choice.jsonata(self, "WhatIsUpgraded")
        alias = function.know_alias("ReadAlias", refused=refused)
        read_latest = function.read_latest("ReadLatest")
        read_live = function.read_live("ReadLive")
        machine_alias = machine.know_alias("ReadMachineAlias", refused=refused)
        read_latest_machine = machine.read_latest("ReadLatestMachine")
        read_live_machine = machine.read_live("ReadLiveMachine")
        self.tasks = (
            *(*alias.tasks, read_latest, read_live),
            *(*machine_alias.tasks, read_latest_machine, read_live_machine),
        )

        what_is_upgraded.when(
            IS_FUNCTION, alias.start.next(read_latest).next(read_live).next(found)
        ).otherwise(
            machine_alias.start.next(read_latest_machine).next(read_live_machine).next(found)
        )
