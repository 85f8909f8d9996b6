"""The Upgrade machine: brings what is latest of a function or a state machine to its alias `live`,
step by step, and takes it back at once when alarms or the new version's errors say so.

What is live stays the alias's own version until the last step was well, with a share of the calls
for the new one: whatever becomes of a run, taking the share away takes the upgrade back. Every
answer but a technical failure is an outcome; a technical failure takes the upgrade back first.
https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.audit import Audit
from workflows.dead_letter import DeadLetterStore, Net
from workflows.findings import acknowledge_wildcard
from workflows.function_upgrade import FunctionUpgrade
from workflows.jsonata import is_true, jsonata
from workflows.lease import HELD_BY, Lease
from workflows.live_alias import way_back
from workflows.machine import standard_machine
from workflows.machine_upgrade import MachineUpgrade
from workflows.sole_run import SoleRun
from workflows.upgrade_find import UpgradeFind
from workflows.upgrade_judgement import ALARMS_PROBLEM, describe_alarms
from workflows.upgrade_request import (
    BAKE_SECONDS_MAX,
    DEFAULTS,
    PROBLEM,
    STEPS,
    STEPS_MAX,
)
from workflows.upgrade_steps import STEP, UpgradeSteps
from workflows.upgrade_target import IS_FUNCTION, Targets

MACHINE_TIME_OUT = cdk.Duration.seconds(STEPS_MAX * BAKE_SECONDS_MAX + 4 * 3600)
# Renewed before each step: a run that is ended from outside keeps others out no longer.
LEASE_TIME = cdk.Duration.seconds(2 * BAKE_SECONDS_MAX)

NOTHING_CHANGED = "NOTHING_CHANGED"
WOULD_UPGRADE = "WOULD_UPGRADE"
ABANDONED = "ABANDONED"
REFUSED = "REFUSED"


class Upgrade(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        targets: Targets,
        leases: dynamodb.ITable,
        audits: dynamodb.ITable,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        net = Net(self, "DeadLetter", store=dead_letters)
        lease = Lease(leases, "$target.name", LEASE_TIME)
        audit = Audit(audits, "$target.name")
        function = FunctionUpgrade(self, targets)
        machine = MachineUpgrade(self, targets)

        # What is asked, and whether it can be done

        begin = sfn.Pass.jsonata(
            self,
            "Begin",
            assign={
                "targets": targets.described(),
                "request": jsonata(f"$merge([{DEFAULTS}, $states.context.Execution.Input])"),
            },
        )
        read_request = sfn.Pass.jsonata(
            self,
            "ReadRequest",
            assign={
                "target": jsonata(
                    "$exists($lookup($targets, $string($request.target)))"
                    " ? $lookup($targets, $string($request.target)) : null"
                ),
                "known": jsonata("$keys($targets)"),
                "problem": jsonata(PROBLEM),
                "checks": [],
                "step": 0,
                "outcome": "",
                "reason": "",
                "newVersion": None,
                "liveVersion": None,
                "changes": [],
                "liveErrorPercent": 0,
                "failed": False,
                "failure": {},
                "phase": STEP,
                "ringing": [],
                "rang": [],
                "newErrorPercent": 0,
            },
        )
        is_request_valid = sfn.Choice.jsonata(self, "IsRequestValid")
        find_alarms = describe_alarms(
            self,
            "FindAlarms",
            {
                "steps": jsonata(STEPS),
                "quietSince": jsonata("$states.context.State.EnteredTime"),
                "problem": jsonata(ALARMS_PROBLEM),
            },
        )
        are_alarms_quiet = sfn.Choice.jsonata(self, "AreAlarmsQuiet")

        # What becomes of it

        ended = sfn.Succeed.jsonata(
            self,
            "Ended",
            outputs=jsonata(
                """{
                'outcome': $outcome,
                'reason': $reason,
                'target': $request.target,
                'from': $liveVersion,
                'to': $newVersion,
                'changes': $changes,
                'checks': $checks
                }"""
            ),
        )
        held = self._ends_as("HeldByAnother", REFUSED, jsonata(HELD_BY))
        refuse_request = self._ends_as("RefuseRequest", REFUSED, jsonata("$problem"))
        refuse = self._ends_as("Refuse", REFUSED, jsonata("$problem"))
        nothing_changed = self._ends_as(
            "NothingChanged",
            NOTHING_CHANGED,
            "what is latest is what is live: there is nothing to bring",
        )
        would_upgrade = self._ends_as(
            "WouldUpgrade",
            WOULD_UPGRADE,
            jsonata(
                "'the latest would go live in steps of '"
                " & $join($steps.$string(), ', ') & ' percent'"
            ),
        )
        abandon = self._ends_as(
            "Abandon",
            ABANDONED,
            jsonata(
                "$problem != '' ? $problem"
                " : 'somebody else changed the alias meanwhile, to ' & $string($alias)"
            ),
        )
        write_outcome = audit.after(
            self,
            "WriteOutcome",
            action="'upgrade'",
            result="{'outcome': $outcome, 'reason': $reason, 'from': $liveVersion,"
            " 'to': $newVersion, 'checks': $checks}",
        )
        run = SoleRun(
            self,
            "Run",
            lease=lease,
            audit=audit,
            net=net,
            action="'upgrade'",
            held=held,
            ended=ended,
        )

        # What is done

        is_anything_new = sfn.Choice.jsonata(self, "IsAnythingNew")
        find = UpgradeFind(
            self, "Find", function=function, machine=machine, found=is_anything_new, refused=refuse
        )
        write_upgrade = audit.before(
            self,
            "WriteUpgrade",
            action="'upgrade'",
            saw="{'alias': $alias, 'changes': $changes, 'steps': $steps}",
            undo=way_back("$alias"),
        )
        what_is_published = sfn.Choice.jsonata(self, "WhatIsPublished")
        publish = function.publish("Publish")
        publish_machine = machine.publish("PublishMachine")
        steps = UpgradeSteps(
            self,
            "Steps",
            function=function,
            machine=machine,
            lease=lease,
            audit=audit,
            ended=write_outcome,
            abandoned=abandon,
            failed=run.fail,
        )

        # How they follow

        story = begin.next(read_request).next(
            is_request_valid.when(is_true("$problem = ''"), run.take).otherwise(
                refuse_request.next(ended)
            )
        )
        held.next(ended)
        run.take.next(find_alarms).next(
            are_alarms_quiet.when(is_true("$problem = ''"), find.start).otherwise(refuse)
        )
        refuse.next(run.release)
        is_anything_new.when(is_true("$count($changes) = 0"), nothing_changed).when(
            is_true("$request.dryRun"), would_upgrade
        ).otherwise(write_upgrade.next(what_is_published))
        what_is_published.when(IS_FUNCTION, publish.next(steps.start)).otherwise(
            publish_machine.next(steps.start)
        )
        for told in (nothing_changed, would_upgrade, abandon):
            told.next(write_outcome)
        write_outcome.next(run.release)
        run.catch(find_alarms, *find.tasks, write_upgrade, publish, publish_machine, write_outcome)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        acknowledge_wildcard(self, "*", "CloudWatch's metrics know no resources; any alarm may do.")

    def _ends_as(self, state: str, outcome: str, reason: str) -> sfn.Pass:
        return sfn.Pass.jsonata(self, state, assign={"outcome": outcome, "reason": reason})
