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
from constructs import Construct

from workflows.audit import Audit
from workflows.dead_letter import CONDITION_FAILED, DeadLetterStore, Net
from workflows.findings import acknowledge_wildcard
from workflows.function_upgrade import FunctionUpgrade
from workflows.heal_plan import FAILS, HealPlan, Refresh
from workflows.heal_request import (
    COMES_BACK,
    FOUND,
    IS_REPLAY,
    PROBLEM,
    RETURN_SECONDS,
    RETURNS_MAX,
)
from workflows.heal_target import HealTarget
from workflows.heal_tasks import (
    HEALS_PER_DAY,
    announce_heal,
    page_people,
    read_the_history,
    take_a_budget,
)
from workflows.heal_trial import HealTrial
from workflows.jsonata import EXECUTION_INPUT, is_true, jsonata
from workflows.lease import HELD_BY, Lease
from workflows.live_alias import way_back
from workflows.machine import ANY_EXECUTION, standard_machine
from workflows.sole_run import SoleRun
from workflows.upgrade_target import Targets

# What it may wait for others, and half an hour for its own work.
MACHINE_TIME_OUT = cdk.Duration.seconds(RETURNS_MAX * RETURN_SECONDS + 1_800)

HEALED = "HEALED"
HEALTHY = "HEALTHY"
NOT_HEALED = "NOT_HEALED"
WOULD_HEAL = "WOULD_HEAL"
OUT_OF_BUDGET = "OUT_OF_BUDGET"
ABANDONED = "ABANDONED"
REFUSED = "REFUSED"

# Nobody waits for a person then, or who asks is told by the answer.
IS_QUIET = f"""$dryRun or $outcome = '{HEALTHY}'
    or ($outcome = '{REFUSED}' and $exists({EXECUTION_INPUT}.target))
    or ($outcome = '{REFUSED}' and $returns = 0 and $problem = '')"""


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
        audit = Audit(audits, "$target.name")
        function = FunctionUpgrade(self, Targets(tuple(one.function for one in targets)))

        # Which function, and whether another run has it

        begin = sfn.Pass.jsonata(
            self,
            "Begin",
            assign={
                "targets": [one.described() for one in targets],
                "known": [one.name for one in targets],
                "failedState": "",
                "dryRun": jsonata(f"{EXECUTION_INPUT}.dryRun = true"),
                "outcome": "",
                "reason": "",
                "changes": [],
                "wanted": {},
                "returns": 0,
                "refreshes": False,
                "failed": False,
            },
        )
        who_asks = sfn.Choice.jsonata(self, "WhoAsks")
        read_history = read_the_history(self, executions)
        find_target = sfn.Pass.jsonata(
            self, "FindTarget", assign={"target": jsonata(FOUND), "problem": jsonata(PROBLEM)}
        )
        is_target_known = sfn.Choice.jsonata(self, "IsTargetKnown")
        comes_back = sfn.Choice.jsonata(self, "ComesBack")
        wait = sfn.Wait.jsonata(
            self,
            "WaitForTheOther",
            time=sfn.WaitTime.duration(cdk.Duration.seconds(RETURN_SECONDS)),
            assign={"returns": jsonata("$returns + 1")},
        )

        # What becomes of it

        unknown = self._ends_as("RefuseRequest", REFUSED, "$problem")
        held = self._ends_as("HeldByAnother", REFUSED, HELD_BY)
        refuse = self._ends_as("Refuse", REFUSED, "$problem")
        healthy = self._ends_as(
            "Healthy", HEALTHY, "'version ' & $suspect & ' answers the canary: nothing was changed'"
        )
        would_heal = self._ends_as("WouldHeal", WOULD_HEAL, "$reason")
        out_of_budget = self._ends_as(
            "OutOfBudget",
            OUT_OF_BUDGET,
            f"$reason & '; but it was healed {HEALS_PER_DAY} times today already'",
        )
        abandon = self._ends_as(
            "Abandon",
            ABANDONED,
            "'somebody else changed the alias meanwhile, to ' & $string($alias)",
        )
        not_healed = self._ends_as(
            "NotHealed",
            NOT_HEALED,
            f"{FAILS} & ', and nothing that works was found to take its place'",
        )
        is_replay = sfn.Choice.jsonata(self, "IsReplay")
        give_traffic = self._ends_as("GiveTraffic", HEALED, "$reason")
        announce = announce_heal(self, bus)
        write_outcome = audit.after(
            self,
            "WriteOutcome",
            action="'heal'",
            result="{'outcome': $outcome, 'reason': $reason, 'suspect': $suspect,"
            " 'version': $wanted.version, 'changes': $changes}",
        )
        needs_a_person = sfn.Choice.jsonata(self, "NeedsAPerson")
        page = page_people(self, people)
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
        run = SoleRun(
            self,
            "Run",
            lease=Lease(leases, "$target.name", MACHINE_TIME_OUT),
            audit=audit,
            net=net,
            action="'heal'",
            held=comes_back,
            ended=ended,
        )

        # What is done

        alias = function.know_alias("ReadAlias", refused=refuse)
        is_dry_run = sfn.Choice.jsonata(self, "IsDryRun")
        take_budget = take_a_budget(self, budgets)
        write_heal = audit.before(
            self,
            "WriteHeal",
            action="'heal'",
            saw="{'alias': $alias, 'why': $reason, 'changes': $changes}",
            undo=way_back("$alias"),
        )
        how_to_act = sfn.Choice.jsonata(self, "HowToAct")
        move = function.move(moved=give_traffic, abandoned=abandon)
        plan = HealPlan(
            self,
            "Plan",
            function=function,
            versions=versions,
            planned=is_dry_run,
            incurable=not_healed,
        )
        trial = HealTrial(
            self,
            "Trial",
            targets=targets,
            run=run,
            healthy=healthy,
            faulty=plan.start,
            cured=move.start,
            incurable=not_healed,
        )
        refresh = Refresh(
            self, "Refresh", function=function, published=trial.refreshed, incurable=not_healed
        )

        # How they follow

        story = begin.next(
            who_asks.when(
                is_true(f"$exists({EXECUTION_INPUT}.executionArn)"), read_history.next(find_target)
            ).otherwise(find_target)
        )
        find_target.next(
            is_target_known.when(is_true("$problem = ''"), run.take).otherwise(unknown.next(ended))
        )
        comes_back.when(is_true(COMES_BACK), wait.next(run.take)).otherwise(held)
        run.take.next(alias.start).next(trial.start)
        is_dry_run.when(is_true("$dryRun"), would_heal).otherwise(take_budget)
        take_budget.next(write_heal).next(
            how_to_act.when(is_true("$refreshes"), refresh.start).otherwise(move.start)
        )
        give_traffic.next(announce).next(write_outcome)
        healthy.next(is_replay.when(IS_REPLAY, announce).otherwise(write_outcome))
        for told in (would_heal, out_of_budget, abandon, not_healed):
            told.next(write_outcome)
        for refusal in (held, refuse):
            refusal.next(needs_a_person)
        write_outcome.next(needs_a_person)
        needs_a_person.when(is_true(IS_QUIET), run.release).otherwise(page.next(run.release))

        net.catch(read_history)
        take_budget.add_catch(out_of_budget, errors=[CONDITION_FAILED])
        run.catch(*alias.tasks, *plan.tasks, take_budget, write_heal, *refresh.tasks)
        run.catch(*move.tasks, announce, write_outcome, page)

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

    def _ends_as(self, state: str, outcome: str, reason: str) -> sfn.Pass:
        return sfn.Pass.jsonata(self, state, assign={"outcome": outcome, "reason": jsonata(reason)})
