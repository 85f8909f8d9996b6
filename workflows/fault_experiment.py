"""The FaultExperiment machine: puts a fault into the live version of a function for a while, and
sees whether alarm, heal and dead letters do what they should.

The fault is a version of its own behind the alias (injected_version.py). The experiment is a
Parallel state, so that whatever happens in it, cleaning up comes next: the variable goes, and the
alias goes back unless a heal has taken it back already. The fault ends by itself at its time, also
when the experiment is stopped. No production stage has it.
https://docs.aws.amazon.com/wellarchitected/latest/reliability-pillar/rel_testing_resiliency_failure_injection_resiliency.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.audit import Audit
from workflows.dead_letter import DeadLetterStore, Net
from workflows.experiment_sight import ExperimentSight
from workflows.fault_request import AS_EXPECTED, PROBLEM, REQUEST
from workflows.function import ThinFunction
from workflows.function_upgrade import FunctionUpgrade
from workflows.injected_version import IS_CONFIGURED, IS_LIVE, InjectedVersion
from workflows.jsonata import is_true, jsonata
from workflows.lease import Lease
from workflows.letter import FAILURE
from workflows.machine import Machine, standard_machine
from workflows.queue import Queue
from workflows.upgrade_target import Targets, function_target

MACHINE_TIME_OUT = cdk.Duration.hours(2)
REFUSED = "REFUSED"
NOT_AS_EXPECTED = "NotAsExpected"


@dataclass(frozen=True, slots=True)
class ExperimentTarget:
    """A function behind an alias, and the alarm that should ring for it."""

    function: ThinFunction
    alarm: cloudwatch.IAlarm

    def described(self) -> dict[str, Any]:
        return {
            **function_target(self.function),
            "target": self.function.name,
            "alarm": self.alarm.alarm_name,
        }


class FaultExperiment(Construct):
    """`heal` is the machine that should heal the targets, `letters` where their work ends that
    fails."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        targets: Sequence[ExperimentTarget],
        heal: Machine,
        letters: Queue,
        leases: dynamodb.ITable,
        audits: dynamodb.ITable,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        function = FunctionUpgrade(self, Targets(tuple(one.function for one in targets)))
        version = InjectedVersion(function)
        sight = ExperimentSight(self, [one.alarm.alarm_arn for one in targets], heal, letters)
        net = Net(self, "DeadLetter", store=dead_letters)
        lease = Lease(leases, "'experiment on ' & $target.name", MACHINE_TIME_OUT)
        audit = Audit(audits, "$target.name")

        # What is asked for

        begin = sfn.Pass.jsonata(
            self,
            "Begin",
            assign={
                "targets": [one.described() for one in targets],
                "request": jsonata(REQUEST),
                "since": jsonata("$states.context.Execution.StartTime"),
                "failed": False,
                "seen": {},
            },
        )
        find_target = sfn.Pass.jsonata(
            self,
            "FindTarget",
            assign={
                "target": jsonata(
                    "$request.target in $targets.target ? $targets[target = $request.target] : null"
                ),
                "problem": jsonata(PROBLEM),
            },
        )
        is_request_good = sfn.Choice.jsonata(self, "IsRequestGood")
        refused = sfn.Succeed.jsonata(
            self, "Refused", outputs={"outcome": REFUSED, "reason": jsonata("$problem")}
        )
        held = sfn.Succeed.jsonata(
            self,
            "HeldByAnother",
            outputs={
                "outcome": REFUSED,
                "reason": jsonata(
                    "'an experiment on ' & $request.target & ' is run by ' & $holder.heldBy"
                    " & ' until ' & $holder.heldUntil"
                ),
            },
        )
        take_lease = lease.take(self, "TakeLease", held=held)
        read_alias = function.read_alias("ReadAlias")
        keep_alias = sfn.Pass.jsonata(self, "KeepAlias", assign={"before": jsonata("$alias")})
        count_letters = sight.count_letters("CountLetters", "lettersBefore")
        is_dry_run = sfn.Choice.jsonata(self, "IsDryRun")
        write_start = audit.before(
            self,
            "WriteStart",
            action="'experiment'",
            saw="{'alias': $alias, 'request': $request}",
            undo="'aws lambda update-alias --name live --function-name ' & $target.function"
            " & ' --function-version ' & $before.version",
        )

        # The experiment

        experiment = sfn.Parallel.jsonata(
            self, "Experiment", assign={"seen": jsonata("$states.result[0]")}
        ).branch(self._experiment(version, sight))

        # Cleaning up, in any case

        read_latest = function.read_latest("ReadLatest")
        is_configured = sfn.Choice.jsonata(self, "IsConfigured")
        unconfigure = version.unconfigure("Unconfigure")
        read_alias_after = function.read_alias("ReadAliasAfter")
        read_live = version.read_live("ReadLive")
        is_live_faulty = sfn.Choice.jsonata(self, "IsLiveFaulty")
        shift_back = version.shift_back("ShiftBack")
        write_outcome = audit.after(
            self,
            "WriteOutcome",
            action="'experiment'",
            result="{'seen': $seen, 'alias': $alias, 'failed': $failed}",
        )
        how_it_went = sfn.Choice.jsonata(self, "HowItWent")
        as_expected = sfn.Succeed.jsonata(self, "AsExpected", outputs=jsonata("$seen"))
        not_as_expected = sfn.Pass.jsonata(
            self,
            "NotAsExpected",
            assign={
                "failure": {
                    "state": "Experiment",
                    "error": NOT_AS_EXPECTED,
                    "cause": jsonata("$string($seen)"),
                    "attempts": 1,
                    "failedAt": jsonata("$now()"),
                }
            },
        )
        not_as_expected.next(net.start)
        would_inject = sfn.Pass.jsonata(
            self,
            "WouldInject",
            assign={"seen": {"would": jsonata("$request"), "into": jsonata("$before.version")}},
        )
        release = lease.release(self, "ReleaseLease", then=how_it_went)

        net.catch(take_lease, release)
        to_clean: dict[str, Any] = {"failed": True, "failure": FAILURE}
        for task in (read_alias, count_letters, write_start):
            task.add_catch(release, assign=to_clean)
        experiment.add_catch(read_latest, assign=to_clean)
        # What cannot be cleaned up is told in the letter; the fault ends at its time.
        for task in (
            read_latest,
            unconfigure,
            read_alias_after,
            read_live,
            shift_back,
            write_outcome,
        ):
            task.add_catch(release, assign=to_clean)

        how_it_went.when(is_true("$failed"), net.start).when(
            is_true(AS_EXPECTED), as_expected
        ).otherwise(not_as_expected)
        read_latest.next(
            is_configured.when(is_true(IS_CONFIGURED), unconfigure).otherwise(read_alias_after)
        )
        unconfigure.next(read_alias_after).next(read_live)
        read_live.next(is_live_faulty.when(is_true(IS_LIVE), shift_back).otherwise(write_outcome))
        shift_back.next(write_outcome).next(release)
        is_dry_run.when(is_true("$request.dryRun"), would_inject.next(release)).otherwise(
            write_start
        )
        write_start.next(experiment).next(read_latest)
        take_lease.next(read_alias).next(keep_alias).next(count_letters).next(is_dry_run)
        story = begin.next(find_target).next(
            is_request_good.when(is_true("$problem = ''"), take_lease).otherwise(refused)
        )

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )

    def _experiment(self, version: InjectedVersion, sight: ExperimentSight) -> sfn.Chain:
        let_it_happen = sfn.Wait.jsonata(
            self, "LetItHappen", time=sfn.WaitTime.seconds(jsonata("$request.minutes * 60"))
        )
        told = sfn.Pass.jsonata(
            self,
            "Told",
            outputs={
                "version": jsonata("$faultyVersion"),
                "alarm": jsonata("$rang"),
                "healed": jsonata("$heals > 0 and $liveVersion != $faultyVersion"),
                "letters": jsonata("$lettersAfter - $lettersBefore"),
            },
        )
        return (
            version.put_in()
            .next(let_it_happen)
            .next(sight.read_alarm("ReadAlarm"))
            .next(sight.read_heals("ReadHeals"))
            .next(version.see_alias("SeeAlias"))
            .next(sight.count_letters("CountLettersAfter", "lettersAfter"))
            .next(told)
        )
