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
from workflows.function_upgrade import CHANGED_MEANWHILE, FunctionUpgrade
from workflows.jsonata import jsonata
from workflows.lease import LEASE_LOST, Lease
from workflows.letter import COMPENSATION_FAILURE, FAILURE
from workflows.machine import standard_machine
from workflows.machine_upgrade import MachineUpgrade
from workflows.upgrade_judgement import (
    CHECKED,
    IS_FUNCTION,
    UNHEALTHY,
    WHY_BACK,
    describe_alarms,
    is_true,
    percent_of,
    same_alias,
)
from workflows.upgrade_request import (
    BAKE_SECONDS_MAX,
    BAKE_SECONDS_MIN,
    DEFAULTS,
    PROBLEM,
    STEPS,
    STEPS_MAX,
)
from workflows.upgrade_target import Targets
from workflows.wildcards import acknowledge_wildcard

MACHINE_TIME_OUT = cdk.Duration.seconds(STEPS_MAX * BAKE_SECONDS_MAX + 4 * 3600)
# A bake is looked into as soon as there is something to see.
LOOK_EVERY_SECONDS = BAKE_SECONDS_MIN
# Renewed before each step: a run that is ended from outside keeps others out no longer.
LEASE_TIME = cdk.Duration.seconds(2 * BAKE_SECONDS_MAX)

UPGRADED = "UPGRADED"
NOTHING_CHANGED = "NOTHING_CHANGED"
WOULD_UPGRADE = "WOULD_UPGRADE"
ROLLED_BACK = "ROLLED_BACK"
ABANDONED = "ABANDONED"
REFUSED = "REFUSED"

STEP = "STEP"
COMPLETE = "COMPLETE"
ROLL_BACK = "ROLL_BACK"


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
                "newErrorPercent": 0,
            },
        )
        is_request_valid = sfn.Choice.jsonata(self, "IsRequestValid")
        held = sfn.Pass.jsonata(
            self,
            "HeldByAnother",
            assign={
                "problem": jsonata(
                    "$target.name & ' is being worked on by ' & $holder.heldBy"
                    " & ' until ' & $holder.heldUntil"
                )
            },
        )
        take_lease = lease.take(self, "TakeLease", held=held, net=net)
        find_alarms = describe_alarms(
            self,
            "FindAlarms",
            {
                "steps": jsonata(STEPS),
                "problem": jsonata(
                    """(
                    $found := $states.result.MetricAlarms;
                    $missing := $request.alarms[$not($ in $found.AlarmName)];
                    $ringing := $found[AlarmName in $request.alarms and StateValue = 'ALARM'];
                    $count($missing) > 0
                        ? 'there is no alarm ' & $join($missing, ', ')
                        : $count($ringing) > 0
                        ? 'these alarms ring already: ' & $join($ringing.AlarmName, ', ')
                        : ''
                    )"""
                ),
            },
        )
        are_alarms_quiet = sfn.Choice.jsonata(self, "AreAlarmsQuiet")
        refusal = {"outcome": REFUSED, "reason": jsonata("$problem")}
        refuse_request = sfn.Pass.jsonata(self, "RefuseRequest", assign=refusal)
        refuse = sfn.Pass.jsonata(self, "Refuse", assign=refusal)

        # What is live, what is latest, and what is different

        what_is_upgraded = sfn.Choice.jsonata(self, "WhatIsUpgraded")
        read_alias = function.read_alias("ReadAlias")
        read_latest = function.read_latest("ReadLatest")
        read_live = function.read_live("ReadLive")
        read_machine_alias = machine.read_alias("ReadMachineAlias")
        read_latest_machine = machine.read_latest("ReadLatestMachine")
        read_live_machine = machine.read_live("ReadLiveMachine")
        is_anything_new = sfn.Choice.jsonata(self, "IsAnythingNew")
        nothing_changed = sfn.Pass.jsonata(
            self,
            "NothingChanged",
            assign={
                "outcome": NOTHING_CHANGED,
                "reason": "what is latest is what is live: there is nothing to bring",
            },
        )
        would_upgrade = sfn.Pass.jsonata(
            self,
            "WouldUpgrade",
            assign={
                "outcome": WOULD_UPGRADE,
                "reason": jsonata(
                    "'the latest would go live in steps of '"
                    " & $join($steps.$string(), ', ') & ' percent'"
                ),
            },
        )
        write_upgrade = audit.before(
            self,
            "WriteUpgrade",
            action="'upgrade'",
            saw="{'alias': $alias, 'changes': $changes, 'steps': $steps}",
            undo="'start Upgrade after a deployment of what was live; or its alias back to '"
            " & $liveVersion",
        )
        what_is_published = sfn.Choice.jsonata(self, "WhatIsPublished")
        publish = function.publish("Publish")
        publish_machine = machine.publish("PublishMachine")

        # A step: shift, bake, look

        plan_step = sfn.Pass.jsonata(
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
            undo="'start Upgrade again, or move the alias back to ' & $liveVersion",
        )
        which_alias = sfn.Choice.jsonata(self, "WhichAlias")
        shift = function.shift("Shift")
        see_alias = function.read_alias("SeeAlias")
        see_machine_alias = machine.read_alias("SeeMachineAlias")
        is_alias_ours = sfn.Choice.jsonata(self, "IsAliasOurs")
        is_machine_alias_ours = sfn.Choice.jsonata(self, "IsMachineAliasOurs")
        shift_machine = machine.shift("ShiftMachine")
        write_shifted = audit.after(
            self, "WriteShifted", action="'shift'", result="{'phase': $phase, 'alias': $alias}"
        )
        what_was_shifted = sfn.Choice.jsonata(self, "WhatWasShifted")
        bake = sfn.Wait.jsonata(
            self,
            "Bake",
            time=sfn.WaitTime.seconds(
                jsonata(
                    f"$min([{LOOK_EVERY_SECONDS}, $max([1, $ceil(($bakedAt - $millis()) / 1000)])])"
                )
            ),
        )
        check_alarms = describe_alarms(
            self,
            "CheckAlarms",
            {
                "ringing": jsonata(
                    """[$states.result.MetricAlarms[
                    AlarmName in $request.alarms and StateValue = 'ALARM'
                    ].AlarmName]"""
                )
            },
        )
        whose_errors = sfn.Choice.jsonata(self, "WhoseErrors")
        count_errors = function.count_errors("CountErrors")
        count_new_runs = machine.count_runs("CountNewRuns", "new")
        count_live_runs = machine.count_runs("CountLiveRuns", "live")
        merge_counts = sfn.Pass.jsonata(
            self,
            "MergeCounts",
            assign={"counted": jsonata("$merge([$newCounted, $liveCounted])")},
        )
        judge = sfn.Pass.jsonata(
            self,
            "Judge",
            assign={
                "newErrorPercent": jsonata(percent_of("new")),
                "liveErrorPercent": jsonata(
                    f"$counted.liveCalls = 0 ? $liveErrorPercent : {percent_of('live')}"
                ),
                "isBaked": jsonata("$millis() >= $bakedAt"),
            },
        )
        checked = {"checks": jsonata(CHECKED)}
        is_healthy = sfn.Choice.jsonata(self, "IsHealthy", assign=checked)

        # The end of it

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
        abandon = sfn.Pass.jsonata(
            self,
            "Abandon",
            assign={
                "outcome": ABANDONED,
                "reason": jsonata(
                    "$problem != '' ? $problem"
                    " : 'somebody else changed the alias meanwhile, to ' & $string($alias)"
                ),
            },
        )
        write_outcome = audit.after(
            self,
            "WriteOutcome",
            action="'upgrade'",
            result="{'outcome': $outcome, 'reason': $reason, 'from': $liveVersion,"
            " 'to': $newVersion, 'checks': $checks}",
        )
        is_failed = sfn.Choice.jsonata(self, "IsFailed")
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
        release_lease = lease.release(self, "ReleaseLease", then=is_failed)

        # How they follow

        failure_of_step = f"$phase = '{ROLL_BACK}' ? {COMPENSATION_FAILURE[3:-3]} : {FAILURE[3:-3]}"
        after_failure = sfn.Choice.jsonata(self, "AfterFailure")
        for state in (
            find_alarms,
            read_alias,
            read_latest,
            read_live,
            read_machine_alias,
            read_latest_machine,
            read_live_machine,
            write_upgrade,
            publish,
            publish_machine,
            write_outcome,
        ):
            state.add_catch(release_lease, assign={"failed": True, "failure": FAILURE})
        shift.add_catch(see_alias, errors=[CHANGED_MEANWHILE])
        renew_lease.add_catch(
            abandon,
            errors=[LEASE_LOST],
            assign={"problem": "another run has taken the target since its lease ended"},
        )
        for step in (
            renew_lease,
            write_shift,
            shift,
            see_alias,
            see_machine_alias,
            shift_machine,
            write_shifted,
            check_alarms,
            count_errors,
            count_new_runs,
            count_live_runs,
        ):
            step.add_catch(
                after_failure, assign={"failed": True, "failure": jsonata(failure_of_step)}
            )
        net.catch(take_lease, release_lease)

        refuse.next(release_lease)
        held.next(refuse)
        is_failed.when(is_true("$failed"), net.start).otherwise(ended)
        write_outcome.next(release_lease)
        for told in (nothing_changed, would_upgrade, abandon):
            told.next(write_outcome)
        after_failure.when(is_true(f"$phase != '{ROLL_BACK}'"), roll_back).when(
            is_true("$failure.compensationFailure.state = 'WriteShift'"), which_alias
        ).otherwise(release_lease)

        shift.next(write_shifted)
        see_alias.next(
            is_alias_ours.when(is_true(same_alias("$wanted")), write_shifted).otherwise(abandon)
        )
        see_machine_alias.next(
            is_machine_alias_ours.when(is_true(same_alias("$wanted")), write_shifted)
            .when(is_true(same_alias("$left")), shift_machine.next(write_shifted))
            .otherwise(abandon)
        )
        which_alias.when(IS_FUNCTION, shift).otherwise(see_machine_alias)
        roll_back.next(write_shift)
        complete.next(write_shift)
        write_shift.next(which_alias)
        write_shifted.next(
            what_was_shifted.when(is_true(f"$phase = '{STEP}'"), bake).otherwise(write_outcome)
        )
        bake.next(check_alarms).next(
            whose_errors.when(IS_FUNCTION, count_errors.next(judge)).otherwise(
                count_new_runs.next(count_live_runs).next(merge_counts).next(judge)
            )
        )
        judge.next(
            is_healthy.when(is_true(UNHEALTHY), roll_back, assign=checked)
            .when(is_true("$not($isBaked)"), bake)
            .when(
                is_true("$step + 1 < $count($steps)"),
                plan_step,
                assign={**checked, "step": jsonata("$step + 1")},
            )
            .otherwise(complete)
        )
        plan_step.next(renew_lease).next(write_shift)
        what_is_published.when(IS_FUNCTION, publish.next(plan_step)).otherwise(
            publish_machine.next(plan_step)
        )
        read_live.next(is_anything_new)
        read_live_machine.next(is_anything_new)
        is_anything_new.when(is_true("$count($changes) = 0"), nothing_changed).when(
            is_true("$request.dryRun"), would_upgrade
        ).otherwise(write_upgrade.next(what_is_published))

        what_is_upgraded.when(IS_FUNCTION, read_alias.next(read_latest).next(read_live)).otherwise(
            read_machine_alias.next(read_latest_machine).next(read_live_machine)
        )
        story = begin.next(read_request).next(
            is_request_valid.when(
                is_true("$problem = ''"),
                take_lease.next(find_alarms).next(
                    are_alarms_quiet.when(is_true("$problem = ''"), what_is_upgraded).otherwise(
                        refuse
                    )
                ),
            ).otherwise(refuse_request.next(ended))
        )

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        acknowledge_wildcard(self, "*", "CloudWatch's metrics know no resources; any alarm may do.")
