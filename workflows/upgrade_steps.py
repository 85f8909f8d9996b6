"""The steps of an upgrade: shift a share of the calls, let it bake, and then the next one, the last
one, or all the way back.

Each shift is audited before and after it. Whatever fails is taken back first; only what cannot be
taken back either is left to a person.
"""

from __future__ import annotations

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.audit import Audit
from workflows.function_upgrade import FunctionUpgrade
from workflows.jsonata import is_true, jsonata
from workflows.lease import LEASE_LOST, Lease
from workflows.letter import failure_where
from workflows.live_alias import way_back
from workflows.machine_upgrade import MachineUpgrade
from workflows.upgrade_bake import UpgradeBake
from workflows.upgrade_judgement import WHY_BACK
from workflows.upgrade_target import IS_FUNCTION

UPGRADED = "UPGRADED"
ROLLED_BACK = "ROLLED_BACK"

STEP = "STEP"
COMPLETE = "COMPLETE"
ROLL_BACK = "ROLL_BACK"


class UpgradeSteps(Construct):
    """Goes on to `ended` with an `$outcome`; to `abandoned` where somebody else works on the
    target, with a `$problem` where it is not the alias; to `failed` with a `$failure`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: FunctionUpgrade,
        machine: MachineUpgrade,
        lease: Lease,
        audit: Audit,
        ended: sfn.State,
        abandoned: sfn.State,
        failed: sfn.State,
    ) -> None:
        super().__init__(scope, construct_id)
        self.start = plan_step = sfn.Pass.jsonata(
            self,
            "PlanStep",
            assign={
                "phase": STEP,
                "left": jsonata("$alias"),
                "since": jsonata("$now()"),
                "bakedAt": jsonata("$millis() + 1000 * $request.bakeSeconds"),
                "wanted": jsonata(
                    """{
                    'version': $liveVersion,
                    'weights': {$newVersion: $steps[$step] / 100}
                    }"""
                ),
            },
        )
        renew_lease = lease.renew(self, "RenewLease")
        write_shift = audit.before(
            self,
            "WriteShift",
            action="'shift'",
            saw="{'phase': $phase, 'alias': $alias, 'wanted': $wanted}",
            undo=way_back("$left"),
        )
        which_alias = sfn.Choice.jsonata(self, "WhichAlias")
        write_shifted = audit.after(
            self, "WriteShifted", action="'shift'", result="{'phase': $phase, 'alias': $alias}"
        )
        what_was_shifted = sfn.Choice.jsonata(self, "WhatWasShifted")
        complete = sfn.Pass.jsonata(
            self,
            "Complete",
            assign={
                "phase": COMPLETE,
                "left": jsonata("$alias"),
                "outcome": UPGRADED,
                "wanted": {"version": jsonata("$newVersion"), "weights": {}},
            },
        )
        roll_back = sfn.Pass.jsonata(
            self,
            "RollBack",
            assign={
                "phase": ROLL_BACK,
                "left": jsonata("$alias"),
                "outcome": ROLLED_BACK,
                "wanted": {"version": jsonata("$liveVersion"), "weights": {}},
                "reason": jsonata(WHY_BACK),
                # What a letter tells if this fails too.
                "failure": jsonata(
                    f"""$failed ? $failure : {{
                    'state': 'Judge', 'error': 'Unhealthy', 'cause': {WHY_BACK},
                    'attempts': 1, 'failedAt': $now()
                    }}"""
                ),
            },
        )
        after_failure = sfn.Choice.jsonata(self, "AfterFailure")
        bake = UpgradeBake(
            self,
            "Baking",
            machine=machine,
            worse=roll_back,
            next_step=plan_step,
            complete=complete,
        )
        of_function = function.move(moved=write_shifted, abandoned=abandoned)
        of_machine = machine.move(moved=write_shifted, abandoned=abandoned)

        renew_lease.add_catch(
            abandoned,
            errors=[LEASE_LOST],
            assign={"problem": "another run has taken the target since its lease ended"},
        )
        for task in (
            renew_lease,
            write_shift,
            *of_function.tasks,
            *of_machine.tasks,
            write_shifted,
            *bake.tasks,
        ):
            task.add_catch(
                after_failure,
                assign={"failed": True, "failure": failure_where(f"$phase = '{ROLL_BACK}'")},
            )
        after_failure.when(is_true(f"$phase != '{ROLL_BACK}'"), roll_back).when(
            is_true("$failure.compensationFailure.state = 'WriteShift'"), which_alias
        ).otherwise(failed)

        plan_step.next(renew_lease).next(write_shift)
        for change in (complete, roll_back):
            change.next(write_shift)
        write_shift.next(which_alias)
        which_alias.when(IS_FUNCTION, of_function.start).otherwise(of_machine.start)
        write_shifted.next(
            what_was_shifted.when(is_true(f"$phase = '{STEP}'"), bake.start).otherwise(ended)
        )
