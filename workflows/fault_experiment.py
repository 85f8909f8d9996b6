"""The FaultExperiment machine: puts a fault into the live version of a function for a while, and
sees whether alarm, heal and dead letters do what they should.

The fault is a version of its own: the same code with one environment variable, behind the alias.
The experiment is a Parallel state, so that whatever happens in it, cleaning up comes next: the
variable goes, and the alias goes back unless a heal has taken it back already. The fault ends by
itself at its time, also when the experiment is stopped. No production stage has it.
https://docs.aws.amazon.com/wellarchitected/latest/reliability-pillar/rel_testing_resiliency_failure_injection_resiliency.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.injected_fault import VARIABLE
from workflows.audit import Audit
from workflows.dead_letter import DeadLetterStore, Net
from workflows.fault_request import PROBLEM, REQUEST
from workflows.function import ThinFunction
from workflows.function_upgrade import FunctionUpgrade
from workflows.jsonata import is_true, jsonata
from workflows.lease import Lease
from workflows.letter import FAILURE
from workflows.machine import standard_machine
from workflows.retry_policy import (
    CLOUDWATCH_SDK_FAULTS,
    SQS_SDK_FAULTS,
    STEP_FUNCTIONS_SDK_FAULTS,
    TIME_OUTS,
    RetryClass,
    retry,
)
from workflows.upgrade_target import Targets, function_target

TIME_OUT = sfn.Timeout.duration(cdk.Duration.seconds(30))
MACHINE_TIME_OUT = cdk.Duration.hours(2)
HEALS_READ_MAX = 20
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
            "target": self.function.node.id,
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
        heal: sfn.StateMachine,
        letters: sqs.IQueue,
        leases: dynamodb.ITable,
        audits: dynamodb.ITable,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._targets = targets
        self._function = function = FunctionUpgrade(
            self, Targets(tuple(one.function for one in targets))
        )
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
        count_letters = self._count_letters("CountLetters", letters, "lettersBefore")
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
        ).branch(self._experiment(heal, letters))

        # Cleaning up, in any case

        read_latest = function.read_latest("ReadLatest")
        is_configured = sfn.Choice.jsonata(self, "IsConfigured")
        unconfigure = self._configure(
            "Unconfigure",
            "$latest",
            f"$merge([{{}}, $sift($latest.Environment.Variables, function($_, $name)"
            f" {{$name != '{VARIABLE}'}})])",
        )
        read_alias_after = function.read_alias("ReadAliasAfter")
        read_live = self._read_live()
        is_live_faulty = sfn.Choice.jsonata(self, "IsLiveFaulty")
        shift_back = self._shift("ShiftBack", "$before.version", "$before.weights")
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
            is_configured.when(
                is_true(f"$exists($latest.Environment.Variables.{VARIABLE})"), unconfigure
            ).otherwise(read_alias_after)
        )
        unconfigure.next(read_alias_after).next(read_live)
        read_live.next(
            is_live_faulty.when(
                is_true(f"$exists($live.Variables.{VARIABLE})"), shift_back
            ).otherwise(write_outcome)
        )
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

    def _experiment(self, heal: sfn.StateMachine, letters: sqs.IQueue) -> sfn.Chain:
        """A branch of its own assigns no variable that the states around it have."""
        call, arns = self._function.call, self._function.targets.function_arns
        read_configuration = call(
            "ReadConfiguration",
            "getFunctionConfiguration",
            "lambda:GetFunctionConfiguration",
            {"FunctionName": jsonata("$target.function")},
            resources=arns,
            assign={"configured": jsonata("$states.result")},
        )
        configure = self._configure(
            "Configure",
            "$configured",
            f"$merge([$configured.Environment.Variables, {{'{VARIABLE}': {FAULT}}}])",
        )
        read_faulty = call(
            "ReadFaulty",
            "getFunctionConfiguration",
            "lambda:GetFunctionConfiguration",
            {"FunctionName": jsonata("$target.function")},
            resources=arns,
            assign={"faulty": jsonata("$states.result")},
        )
        publish = call(
            "Publish",
            "publishVersion",
            "lambda:PublishVersion",
            {
                "FunctionName": jsonata("$target.function"),
                "RevisionId": jsonata("$faulty.RevisionId"),
                "Description": jsonata("'fault of ' & $states.context.Execution.Name"),
            },
            resources=arns,
            assign={"faultyVersion": jsonata("$states.result.Version")},
        )
        shift = self._shift("Shift", "$faultyVersion", "{}")
        let_it_happen = sfn.Wait.jsonata(
            self, "LetItHappen", time=sfn.WaitTime.seconds(jsonata("$request.minutes * 60"))
        )
        see_alias = call(
            "SeeAlias",
            "getAlias",
            "lambda:GetAlias",
            {"FunctionName": jsonata("$target.function"), "Name": jsonata("$target.alias")},
            resources=arns,
            assign={"liveVersion": jsonata("$states.result.FunctionVersion")},
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
            read_configuration.next(configure)
            .next(read_faulty)
            .next(publish)
            .next(shift)
            .next(let_it_happen)
            .next(self._read_alarm())
            .next(self._read_heals(heal))
            .next(see_alias)
            .next(self._count_letters("CountLettersAfter", letters, "lettersAfter"))
            .next(told)
        )

    def _configure(self, state: str, seen: str, variables: str) -> tasks.CallAwsService:
        """Nobody else's change is overwritten."""
        return self._function.call(
            state,
            "updateFunctionConfiguration",
            "lambda:UpdateFunctionConfiguration",
            {
                "FunctionName": jsonata("$target.function"),
                "Environment": {"Variables": jsonata(variables)},
                "RevisionId": jsonata(f"{seen}.RevisionId"),
            },
            resources=self._function.targets.function_arns,
            assign={},
        )

    def _shift(self, state: str, version: str, weights: str) -> tasks.CallAwsService:
        """From the revision that was read last."""
        return self._function.call(
            state,
            "updateAlias",
            "lambda:UpdateAlias",
            {
                "FunctionName": jsonata("$target.function"),
                "Name": jsonata("$target.alias"),
                "FunctionVersion": jsonata(version),
                "RoutingConfig": {"AdditionalVersionWeights": jsonata(weights)},
                "RevisionId": jsonata("$alias.revision"),
            },
            resources=self._function.targets.function_arns,
            assign={},
        )

    def _read_live(self) -> tasks.CallAwsService:
        return self._function.call(
            "ReadLive",
            "getFunctionConfiguration",
            "lambda:GetFunctionConfiguration",
            {
                "FunctionName": jsonata("$target.function"),
                "Qualifier": jsonata("$target.alias"),
            },
            resources=self._function.targets.alias_arns,
            assign={"live": jsonata("$merge([{}, $states.result.Environment])")},
        )

    def _read_alarm(self) -> tasks.CallAwsService:
        """Whether it rang since the beginning, also where it is quiet again."""
        return self._call(
            "ReadAlarm",
            "cloudwatch",
            "describeAlarmHistory",
            "cloudwatch:DescribeAlarmHistory",
            [one.alarm.alarm_arn for one in self._targets],
            {
                "AlarmName": jsonata("$target.alarm"),
                "HistoryItemType": "StateUpdate",
                "StartDate": jsonata("$since"),
                "EndDate": jsonata("$now()"),
                "MaxRecords": 100,
            },
            {
                "rang": jsonata(
                    "$count($states.result.AlarmHistoryItems"
                    "[$contains(HistorySummary, 'to ALARM')]) > 0"
                )
            },
            CLOUDWATCH_SDK_FAULTS,
        )

    def _read_heals(self, heal: sfn.StateMachine) -> tasks.CallAwsService:
        return self._call(
            "ReadHeals",
            "sfn",
            "listExecutions",
            "states:ListExecutions",
            [heal.state_machine_arn],
            {
                "StateMachineArn": heal.state_machine_arn,
                "StatusFilter": "SUCCEEDED",
                "MaxResults": HEALS_READ_MAX,
            },
            {
                "heals": jsonata(
                    "$count($states.result.Executions[$toMillis(StartDate) >= $toMillis($since)])"
                )
            },
            STEP_FUNCTIONS_SDK_FAULTS,
        )

    def _count_letters(
        self, state: str, letters: sqs.IQueue, variable: str
    ) -> tasks.CallAwsService:
        return self._call(
            state,
            "sqs",
            "getQueueAttributes",
            "sqs:GetQueueAttributes",
            [letters.queue_arn],
            {
                "QueueUrl": letters.queue_url,
                "AttributeNames": ["ApproximateNumberOfMessages"],
            },
            {variable: jsonata("$number($states.result.Attributes.ApproximateNumberOfMessages)")},
            SQS_SDK_FAULTS,
        )

    def _call(
        self,
        state: str,
        service: str,
        action: str,
        iam_action: str,
        resources: list[str],
        parameters: dict[str, Any],
        assign: dict[str, Any],
        faults: RetryClass,
    ) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            state,
            service=service,
            action=action,
            iam_action=iam_action,
            iam_resources=resources,
            parameters=parameters,
            task_timeout=TIME_OUT,
            assign=assign,
        )
        retry(task, faults, TIME_OUTS)
        return task


FAULT = """$string({
    'kind': $request.kind,
    'rate': $request.rate,
    'slowSeconds': $request.slowSeconds,
    'untilMs': $toMillis($since) + $request.minutes * 60000
    })"""

# What is not expected may be as it is.
AS_EXPECTED = """(
    $expect := $request.expect;
    $request.dryRun or (
        ($exists($expect.alarm) ? $seen.alarm = $expect.alarm : true)
        and ($exists($expect.healed) ? $seen.healed = $expect.healed : true)
        and ($exists($expect.lettersMax) ? $seen.letters <= $expect.lettersMax : true)
    )
    )"""
