"""The Heal machine: takes a version of a function that fails out of traffic, and proves with a call
what takes its place.

First the version that the alarm rang for is called itself: where that works, nothing is touched.
Else the alias goes back to the newest version that works; where there is none, the same code is
published again, so that new instances start, and gets the traffic when it works. Never two heals of
a function at once, and only some a day. https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.audit import Audit
from workflows.dead_letter import CONDITION_FAILED, DeadLetterStore, Net
from workflows.function_upgrade import (
    CHANGED_MEANWHILE,
    CONFIGURATION,
    FunctionUpgrade,
    differences,
)
from workflows.heal_request import FOUND, PROBLEM
from workflows.heal_target import HealTarget
from workflows.heal_tasks import (
    CANDIDATES,
    HEALS_PER_DAY,
    TIME_OUT,
    TOLD,
    announce_heal,
    call_the_canary,
    read_the_history,
    take_a_budget,
)
from workflows.jsonata import EXECUTION_INPUT, jsonata
from workflows.lease import Lease
from workflows.letter import FAILURE
from workflows.machine import ANY_EXECUTION, standard_machine
from workflows.retry_policy import (
    LAMBDA_FAULTS,
    SNS_FAULTS,
    TIME_OUTS,
    retry,
)
from workflows.upgrade_judgement import is_true
from workflows.upgrade_target import Targets
from workflows.wildcards import acknowledge_wildcard

MACHINE_TIME_OUT = cdk.Duration.minutes(30)


HEALED = "HEALED"
HEALTHY = "HEALTHY"
NOT_HEALED = "NOT_HEALED"
WOULD_HEAL = "WOULD_HEAL"
OUT_OF_BUDGET = "OUT_OF_BUDGET"
ABANDONED = "ABANDONED"
REFUSED = "REFUSED"

SUSPECT = "SUSPECT"
CANDIDATE = "CANDIDATE"
REFRESHED = "REFRESHED"

WORKS = "($canaryError = '' or $canaryError in $target.answers)"


class Heal(Construct):
    """`versions` are the ARNs of the targets' versions, `executions` those of the machine whose
    failed executions start heals too; both end in a wildcard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        targets: Sequence[HealTarget],
        versions: Sequence[str],
        executions: str,
        leases: dynamodb.ITable,
        audits: dynamodb.ITable,
        budgets: dynamodb.ITable,
        people: sns.ITopic,
        bus: events.IEventBus,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        net = Net(self, "DeadLetter", store=dead_letters)
        lease = Lease(leases, "$target.name", MACHINE_TIME_OUT)
        audit = Audit(audits, "$target.name")
        function = FunctionUpgrade(self, Targets(tuple(one.function for one in targets)))

        # Which function

        begin = sfn.Pass.jsonata(
            self,
            "Begin",
            assign={
                "targets": [one.described() for one in targets],
                "failedState": "",
                "dryRun": jsonata(f"{EXECUTION_INPUT}.dryRun = true"),
                "outcome": "",
                "reason": "",
                "changes": [],
                "wanted": {},
                "failed": False,
            },
        )
        who_asks = sfn.Choice.jsonata(self, "WhoAsks")
        read_history = read_the_history(self, executions)
        find_target = sfn.Pass.jsonata(
            self, "FindTarget", assign={"target": jsonata(FOUND), "problem": jsonata(PROBLEM)}
        )
        is_target_known = sfn.Choice.jsonata(self, "IsTargetKnown")
        refuse = sfn.Pass.jsonata(
            self, "Refuse", assign={"outcome": REFUSED, "reason": jsonata("$problem")}
        )
        held = sfn.Pass.jsonata(
            self,
            "HeldByAnother",
            assign={
                "outcome": REFUSED,
                "reason": jsonata(
                    "$target.name & ' is being worked on by ' & $holder.heldBy"
                    " & ' until ' & $holder.heldUntil"
                ),
            },
        )
        take_lease = lease.take(self, "TakeLease", held=held, net=net)

        # Which version, and which one works

        read_alias = function.read_alias("ReadAlias")
        suspect_newest = sfn.Pass.jsonata(
            self,
            "SuspectNewest",
            assign={
                "phase": SUSPECT,
                "tried": 0,
                "version": jsonata(
                    "$string($max([$alias.version, $keys($alias.weights)].$number($)))"
                ),
                "suspect": jsonata(
                    "$string($max([$alias.version, $keys($alias.weights)].$number($)))"
                ),
                "candidates": jsonata(CANDIDATES),
            },
        )
        call_canary = call_the_canary(self, targets)
        how_it_went = sfn.Choice.jsonata(self, "HowItWent")
        healthy = sfn.Pass.jsonata(
            self,
            "Healthy",
            assign={
                "outcome": HEALTHY,
                "reason": jsonata(
                    "'version ' & $suspect & ' answers the canary: nothing was changed'"
                ),
            },
        )
        is_candidate_left = sfn.Choice.jsonata(self, "IsCandidateLeft")
        next_candidate = sfn.Pass.jsonata(
            self,
            "NextCandidate",
            assign={
                "phase": CANDIDATE,
                "version": jsonata("$candidates[$tried]"),
                "tried": jsonata("$tried + 1"),
            },
        )

        # What changed, and whether to act

        read_suspect = function.call(
            "ReadSuspect",
            "getFunctionConfiguration",
            "lambda:GetFunctionConfiguration",
            {"FunctionName": jsonata("$target.function"), "Qualifier": jsonata("$suspect")},
            resources=versions,
            assign={"faulty": jsonata("$states.result")},
        )
        which_way = sfn.Choice.jsonata(self, "WhichWay")
        read_candidate = function.call(
            "ReadCandidate",
            "getFunctionConfiguration",
            "lambda:GetFunctionConfiguration",
            {"FunctionName": jsonata("$target.function"), "Qualifier": jsonata("$version")},
            resources=versions,
            assign={"changes": differences(list(CONFIGURATION), "$faulty", "$states.result")},
        )
        read_latest = function.read_latest("ReadLatest")
        is_latest_suspect = sfn.Choice.jsonata(self, "IsLatestSuspect")
        plan_return = sfn.Pass.jsonata(
            self,
            "PlanReturn",
            assign={
                "wanted": {"version": jsonata("$version"), "weights": {}},
                "reason": jsonata(
                    "'version ' & $suspect & ' fails with ' & $suspectError & ': back to version '"
                    " & $version"
                ),
            },
        )
        plan_refresh = sfn.Pass.jsonata(
            self,
            "PlanRefresh",
            assign={
                "phase": REFRESHED,
                "reason": jsonata(
                    "'version ' & $suspect & ' fails with ' & $suspectError & ', and no version"
                    " before it works: the same again, in new instances'"
                ),
            },
        )
        is_dry_run = sfn.Choice.jsonata(self, "IsDryRun")
        would_heal = sfn.Pass.jsonata(self, "WouldHeal", assign={"outcome": WOULD_HEAL})
        take_budget = take_a_budget(self, budgets)
        out_of_budget = sfn.Pass.jsonata(
            self,
            "OutOfBudget",
            assign={
                "outcome": OUT_OF_BUDGET,
                "reason": jsonata(
                    f"$reason & '; but it was healed {HEALS_PER_DAY} times today already'"
                ),
            },
        )
        write_heal = audit.before(
            self,
            "WriteHeal",
            action="'heal'",
            saw="{'alias': $alias, 'why': $reason, 'changes': $changes}",
            undo="'aws lambda update-alias --name live --function-name ' & $target.function"
            " & ' --function-version ' & $alias.version",
        )
        how_to_act = sfn.Choice.jsonata(self, "HowToAct")

        # New instances

        reconfigure = function.call(
            "Reconfigure",
            "updateFunctionConfiguration",
            "lambda:UpdateFunctionConfiguration",
            {
                "FunctionName": jsonata("$target.function"),
                "Description": jsonata("'new instances, ' & $states.context.Execution.StartTime"),
                "RevisionId": jsonata("$latest.RevisionId"),
            },
            resources=function.targets.function_arns,
            assign={},
        )
        read_latest_again = function.read_latest("ReadLatestAgain")
        publish = function.publish("Publish")
        try_refreshed = sfn.Pass.jsonata(
            self,
            "TryRefreshed",
            assign={
                "version": jsonata("$newVersion"),
                "wanted": {"version": jsonata("$newVersion"), "weights": {}},
            },
        )

        # The end of it

        shift = function.shift("Shift")
        see_alias = function.read_alias("SeeAlias")
        is_alias_ours = sfn.Choice.jsonata(self, "IsAliasOurs")
        abandon = sfn.Pass.jsonata(
            self,
            "Abandon",
            assign={
                "outcome": ABANDONED,
                "reason": jsonata(
                    "'somebody else changed the alias meanwhile, to ' & $string($alias)"
                ),
            },
        )
        give_traffic = sfn.Pass.jsonata(self, "GiveTraffic", assign={"outcome": HEALED})
        announce = announce_heal(self, bus)
        keep_out = sfn.Pass.jsonata(
            self,
            "NotHealed",
            assign={
                "outcome": NOT_HEALED,
                "reason": jsonata(
                    "'version ' & $suspect & ' fails with ' & $suspectError"
                    " & ', and nothing that works was found to take its place'"
                ),
            },
        )
        write_outcome = audit.after(
            self,
            "WriteOutcome",
            action="'heal'",
            result="{'outcome': $outcome, 'reason': $reason, 'suspect': $suspect,"
            " 'version': $wanted.version, 'changes': $changes}",
        )
        needs_a_person = sfn.Choice.jsonata(self, "NeedsAPerson")
        page = tasks.SnsPublish.jsonata(
            self,
            "Page",
            topic=people,
            subject=jsonata("$outcome & ': ' & $target.target"),
            message=sfn.TaskInput.from_text(jsonata(TOLD)),
            task_timeout=TIME_OUT,
        )
        retry(page, SNS_FAULTS, TIME_OUTS)
        is_failed = sfn.Choice.jsonata(self, "IsFailed")
        ended = sfn.Succeed.jsonata(
            self,
            "Ended",
            outputs=jsonata(
                """{
                'outcome': $outcome,
                'reason': $reason,
                'target': $target.target,
                'suspect': $suspect,
                'version': $wanted.version,
                'changes': $changes
                }"""
            ),
        )
        refused = sfn.Succeed.jsonata(
            self, "Refused", outputs=jsonata("{'outcome': $outcome, 'reason': $reason}")
        )
        release_lease = lease.release(self, "ReleaseLease", then=is_failed)

        # How they follow

        net.catch(read_history, take_lease, release_lease)
        call_canary.add_catch(
            release_lease,
            errors=list(LAMBDA_FAULTS.errors),
            assign={"failed": True, "failure": FAILURE},
        )
        call_canary.add_catch(
            how_it_went,
            assign={
                "canaryError": jsonata("$states.errorOutput.Error"),
                "suspectError": jsonata(
                    f"$phase = '{SUSPECT}' ? $states.errorOutput.Error : $suspectError"
                ),
            },
        )
        take_budget.add_catch(out_of_budget, errors=[CONDITION_FAILED])
        reconfigure.add_catch(read_latest_again, errors=[CHANGED_MEANWHILE])
        shift.add_catch(see_alias, errors=[CHANGED_MEANWHILE])
        for task in (
            read_alias,
            read_suspect,
            read_candidate,
            read_latest,
            take_budget,
            write_heal,
            reconfigure,
            read_latest_again,
            publish,
            shift,
            see_alias,
            announce,
            write_outcome,
            page,
        ):
            task.add_catch(release_lease, assign={"failed": True, "failure": FAILURE})

        is_failed.when(is_true("$failed"), net.start).otherwise(ended)
        needs_a_person.when(
            is_true(f"$outcome in {[HEALTHY, WOULD_HEAL]}"), release_lease
        ).otherwise(page.next(release_lease))
        write_outcome.next(needs_a_person)
        for told in (healthy, would_heal, out_of_budget, abandon, keep_out):
            told.next(write_outcome)
        give_traffic.next(announce).next(write_outcome)
        shift.next(give_traffic)
        see_alias.next(
            is_alias_ours.when(
                is_true("$alias.version = $wanted.version and $count($keys($alias.weights)) = 0"),
                give_traffic,
            ).otherwise(abandon)
        )
        reconfigure.next(read_latest_again).next(publish).next(try_refreshed).next(call_canary)
        write_heal.next(how_to_act.when(is_phase(REFRESHED), reconfigure).otherwise(shift))
        take_budget.next(write_heal)
        is_dry_run.when(is_true("$dryRun"), would_heal).otherwise(take_budget)
        read_candidate.next(plan_return).next(is_dry_run)
        read_latest.next(
            is_latest_suspect.when(
                is_true("$latest.CodeSha256 = $faulty.CodeSha256"), plan_refresh.next(is_dry_run)
            ).otherwise(keep_out)
        )
        read_suspect.next(which_way.when(is_true(WORKS), read_candidate).otherwise(read_latest))
        is_candidate_left.when(
            is_true("$tried < $count($candidates)"), next_candidate.next(call_canary)
        ).otherwise(read_suspect)
        how_it_went.when(is_phase(SUSPECT, WORKS), healthy).when(
            is_phase(CANDIDATE, WORKS), read_suspect
        ).when(is_phase(REFRESHED, WORKS), shift).when(is_phase(REFRESHED), keep_out).otherwise(
            is_candidate_left
        )
        call_canary.next(how_it_went)
        held.next(refused)
        story = begin.next(
            who_asks.when(
                is_true(f"$exists({EXECUTION_INPUT}.executionArn)"), read_history.next(find_target)
            ).otherwise(find_target)
        )
        find_target.next(
            is_target_known.when(
                is_true("$problem = ''"),
                take_lease.next(read_alias).next(suspect_newest).next(call_canary),
            ).otherwise(refuse.next(refused))
        )

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        self.machine.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[*versions])
        )
        for arn in versions:
            acknowledge_wildcard(self, arn, "Which version is faulty, and which works, shows then.")
        acknowledge_wildcard(self, executions, ANY_EXECUTION)


def is_phase(phase: str, and_: str = "true") -> sfn.Condition:
    return is_true(f"$phase = '{phase}' and {and_}")
