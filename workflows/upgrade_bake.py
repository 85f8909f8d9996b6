"""A step of an upgrade bakes: wait, look at the alarms, count the errors of both versions, judge,
and wait again until the step has lasted as long as it should.

A bake is looked into as soon as there is something to see. The executions of a state machine's
versions are listed, since its metrics do not tell the versions behind an alias apart.
"""

from __future__ import annotations

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.jsonata import is_true, jsonata
from workflows.machine_upgrade import MachineUpgrade
from workflows.upgrade_judgement import (
    CHECKED,
    MOVED,
    RINGING,
    UNHEALTHY,
    count_errors,
    describe_alarms,
    percent_of,
    read_alarm_history,
)
from workflows.upgrade_request import BAKE_SECONDS_MIN
from workflows.upgrade_target import IS_FUNCTION

LOOK_EVERY_SECONDS = BAKE_SECONDS_MIN


class UpgradeBake(Construct):
    """Goes on to `worse`, `next_step` (with `$step` one higher) or `complete`; `tasks` have no last
    Catch."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        machine: MachineUpgrade,
        worse: sfn.State,
        next_step: sfn.State,
        complete: sfn.State,
    ) -> None:
        super().__init__(scope, construct_id)
        self.start = bake = sfn.Wait.jsonata(
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
            {"ringing": jsonata(RINGING), "moved": jsonata(MOVED), "rang": []},
        )
        have_alarms_moved = sfn.Choice.jsonata(self, "HaveAlarmsMoved")
        each_alarm = sfn.Map.jsonata(
            self,
            "EachMovedAlarm",
            items=sfn.ProvideItems.jsonata(jsonata("$moved")),
            assign={"rang": jsonata("[$states.result[$ != null]]")},
        ).item_processor(read_alarm_history(self, "ReadAlarmHistory"))
        whose_errors = sfn.Choice.jsonata(self, "WhoseErrors")
        count = count_errors(self, "CountErrors")
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
        self.tasks: tuple[sfn.TaskStateBase | sfn.Map, ...] = (
            check_alarms,
            each_alarm,
            count,
            count_new_runs,
            count_live_runs,
        )

        bake.next(check_alarms).next(
            have_alarms_moved.when(
                is_true("$count($moved) > 0"), each_alarm.next(whose_errors)
            ).otherwise(whose_errors)
        )
        whose_errors.when(IS_FUNCTION, count.next(judge)).otherwise(
            count_new_runs.next(count_live_runs).next(merge_counts).next(judge)
        )
        judge.next(
            is_healthy.when(is_true(UNHEALTHY), worse, assign=checked)
            .when(is_true("$not($isBaked)"), bake)
            .when(
                is_true("$step + 1 < $count($steps)"),
                next_step,
                assign={**checked, "step": jsonata("$step + 1")},
            )
            .otherwise(complete)
        )
