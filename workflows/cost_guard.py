"""The CostGuard machine: stops what starts far more often than it may or than is usual, and gives
it back when a person says so.

What starts the target is turned off first, so that nothing more is queued up; then its function
gets no concurrency. What was before is remembered in a table, and told with the way back. One run
works on a target at a time; a run that finds nothing makes one call.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.audit import Audit
from workflows.cost_act import FRESH, REFUSED, RESTORES, CostAct
from workflows.cost_measure import (
    WHY,
    WINDOW_END_MS,
    WINDOW_START_MS,
    read_counts,
    read_usual,
)
from workflows.cost_request import ACTION, PROBLEM
from workflows.cost_target import CostTarget
from workflows.jsonata import EXECUTION_INPUT, is_true, jsonata
from workflows.lease import Lease
from workflows.letter import FAILURE
from workflows.machine import standard_machine

MACHINE_TIME_OUT = cdk.Duration.minutes(14)
# How leases and the audit call a target.
NAME = "'cost of ' & $target.name"


class CostGuard(Construct):
    """`stopped` is the table of what was before; `budgets` are those that differ, by target."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        targets: Sequence[CostTarget],
        budgets: Mapping[str, Mapping[str, int]],
        stopped: dynamodb.ITable,
        leases: dynamodb.ITable,
        audits: dynamodb.ITable,
        people: sns.ITopic,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)

        # Which targets

        begin = sfn.Pass.jsonata(
            self,
            "Begin",
            assign={
                "targets": [one.described(budgets.get(one.name, {})) for one in targets],
                "windowStart": jsonata(WINDOW_START_MS),
                "windowEnd": jsonata(WINDOW_END_MS),
                "action": jsonata(ACTION),
                "dryRun": jsonata(f"{EXECUTION_INPUT}.dryRun = true"),
                "outcomes": [],
                "failed": False,
            },
        )
        check_request = sfn.Pass.jsonata(
            self,
            "CheckRequest",
            assign={
                "problem": jsonata(PROBLEM),
                "why": jsonata("'asked for by a person'"),
                "queue": jsonata(f"[$targets[name = {EXECUTION_INPUT}.target]]"),
            },
        )
        what_is_asked = sfn.Choice.jsonata(self, "WhatIsAsked")
        refused = sfn.Succeed.jsonata(
            self, "Refused", outputs=jsonata(f"{{'outcome': '{REFUSED}', 'reason': $problem}}")
        )
        count = read_counts(self, "ReadCounts", targets)
        is_target_left = sfn.Choice.jsonata(self, "IsTargetLeft")
        next_target = sfn.Pass.jsonata(
            self,
            "NextTarget",
            assign={
                "target": jsonata("$queue[0]"),
                "queue": jsonata("[$filter($queue, function($one, $number) { $number > 0 })]"),
                **FRESH,
            },
        )
        who_asks = sfn.Choice.jsonata(self, "WhoAsks")
        usual = read_usual(self, "ReadUsual")
        judge = sfn.Pass.jsonata(self, "Judge", assign={"why": jsonata(WHY)})
        is_breach = sfn.Choice.jsonata(self, "IsBreach")

        # What becomes of them

        is_failed = sfn.Choice.jsonata(self, "IsFailed")
        failed = sfn.Fail.jsonata(
            self, "Failed", error=jsonata("$failure.error"), cause=jsonata("$failure.cause")
        )
        ended = sfn.Succeed.jsonata(
            self, "Ended", outputs=jsonata("{'outcome': 'CHECKED', 'targets': $outcomes}")
        )
        act = CostAct(
            self,
            "Act",
            targets=targets,
            stopped=stopped,
            lease=Lease(leases, NAME, MACHINE_TIME_OUT),
            audit=Audit(audits, NAME),
            people=people,
            ended=is_target_left,
            lost=failed,
        )

        # How they follow

        story = begin.next(check_request).next(
            what_is_asked.when(is_true("$problem != ''"), refused)
            .when(RESTORES, next_target)
            .otherwise(count.next(is_target_left))
        )
        is_target_left.when(is_true("$count($queue) > 0"), next_target.next(who_asks)).otherwise(
            is_failed.when(is_true("$failed"), failed).otherwise(ended)
        )
        who_asks.when(RESTORES, act.start).otherwise(usual.next(judge).next(is_breach))
        is_breach.when(is_true("$why = ''"), is_target_left).otherwise(act.start)
        for task in (count, usual):
            task.add_catch(failed, assign={"failure": FAILURE})

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        act.switches.grant_to(self.machine)
