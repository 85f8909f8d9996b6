"""The RecomputeView machine: the batch view of some days, counted anew from the archive beside the
live one, checked, and made the live one in one transaction; or the one before made live again.

What arrived before the watermark is counted, and nothing can arrive there any more. Until the
switch nobody sees the new version; a run that fails before removes what it has written, and of two
runs at once the second to switch loses and says so. The version before stays for a rollback.
"""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from lambdas.views.payloads import (
    DAY,
    RESULTS,
    SALES,
    VIEW_DAYS,
    BuildViewEvent,
    CountSalesEvent,
    ReadManifestEvent,
    Totals,
)
from workflows.dead_letter import DeadLetterStore, Net
from workflows.findings import acknowledge_wildcard
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, EXECUTION_NAME, is_true, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.letter import FAILURE
from workflows.machine import ANY_EXECUTION, standard_machine
from workflows.record_sale import DAY_MS
from workflows.retry_policy import retry
from workflows.score_map_run import UNREADABLE
from workflows.view_pointer import (
    BEFORE,
    CANCELED,
    DAYS_MAX,
    NEXT,
    read_pointers,
    switch_pointers,
)
from workflows.view_versions import remove_new, remove_old

# RecordSale notes an arrival and ends within four minutes: after ten, an hour of arrivals is over.
SETTLED_AFTER_MS = 10 * 60_000
# What a child execution reads, one object after the other, within a function's time-out.
BATCH_SALES = 200
BATCHES_AT_ONCE = 20
DAYS_AT_ONCE = 3
MACHINE_TIME_OUT = cdk.Duration.hours(6)

INPUT = "$states.input"
TODAY = "$substring($now(), 0, 10)"
FIRST_DAY = f"$substring($fromMillis($millis() - {VIEW_DAYS * DAY_MS}), 0, 10)"
IS_RANGE = f"""(
    $type({INPUT}.from) = 'string' and $contains({INPUT}.from, /^({DAY})$/)
    and $type({INPUT}.to) = 'string' and $contains({INPUT}.to, /^({DAY})$/)
    and {INPUT}.from >= {FIRST_DAY} and {INPUT}.from <= {INPUT}.to and {INPUT}.to <= {TODAY}
    and $toMillis({INPUT}.to) - $toMillis({INPUT}.from) < {DAYS_MAX * DAY_MS}
    and ($exists({INPUT}.rollBack) ? $type({INPUT}.rollBack) = 'string' : true)
    )"""
IS_SCHEDULED = f"""(
    $type({INPUT}.scheduledTime) = 'string'
    and $contains({INPUT}.scheduledTime, /^({DAY})T[0-9:.]+Z$/)
    and $type({INPUT}.daysAgo) = 'array' and $count({INPUT}.daysAgo) > 0
    and $count($filter({INPUT}.daysAgo, function($days) {{
        $type($days) = 'number' and $days in [0..{VIEW_DAYS}]
        }})) = $count($distinct({INPUT}.daysAgo))
    and $count({INPUT}.daysAgo) = $count($distinct({INPUT}.daysAgo))
    and $count({INPUT}.daysAgo) <= {DAYS_MAX}
    )"""
DAYS_OF_RANGE = f"""(
    $from := $toMillis({INPUT}.from);
    $days := ($toMillis({INPUT}.to) - $from) / {DAY_MS};
    [$map([0..$days], function($day) {{
        $substring($fromMillis($from + $day * {DAY_MS}), 0, 10)
        }})]
    )"""
DAYS_OF_SCHEDULE = f"""(
    $today := $toMillis($substring({INPUT}.scheduledTime, 0, 10));
    [$map({INPUT}.daysAgo, function($days) {{
        $substring($fromMillis($today - $days * {DAY_MS}), 0, 10)
        }})]
    )"""
WATERMARK = f"$substring($fromMillis($millis() - {SETTLED_AFTER_MS}), 0, 13)"
VERSION = f"$toMillis($states.context.Execution.StartTime) & '-' & {EXECUTION_NAME}"

SWITCHED_MEANWHILE = jsonata(
    """(
    $other := $filter($found, function($pointer, $index) {
        $pointer.switches != $seen[$index].switches
        })[0];
    {
        'state': 'SwitchPointers',
        'error': 'ViewSwitchedMeanwhile',
        'cause': $other
            ? 'the view of ' & $other.day & ' is ' & $other.version & ' meanwhile'
            : 'another run was switching them',
        'attempts': 1,
        'failedAt': $now()
    })"""
)


@dataclass(frozen=True, slots=True)
class ViewFunctions:
    """The functions that the machine's Lambda tasks invoke."""

    read_manifest: ThinFunction
    count_sales: ThinFunction
    build_view: ThinFunction


class RecomputeView(Construct):
    """`files` has the archive and the views; `pointers` is keyed by day."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: ViewFunctions,
        files: s3.IBucket,
        pointers: dynamodb.ITable,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._functions = functions
        self._files = files
        net = Net(self, "DeadLetter", store=dead_letters)

        what = sfn.Choice.jsonata(self, "WhatIsAsked")
        rejected = sfn.Succeed.jsonata(
            self,
            "Rejected",
            outputs={
                "status": "REJECTED",
                "reason": (
                    f"from and to are needed, dates of the last {VIEW_DAYS} days that are at most"
                    f" {DAYS_MAX} days; rollBack is a version"
                ),
            },
        )
        read = read_pointers(self, "ReadPointers", pointers=pointers, assign="seen")
        which_way = sfn.Choice.jsonata(self, "WhichWay", assign={"next": jsonata(BEFORE)})
        can_roll_back = sfn.Choice.jsonata(self, "CanRollBack")
        nothing_to_roll_back = sfn.Succeed.jsonata(
            self, "NothingToRollBack", outputs={"status": "NOTHING_TO_ROLL_BACK"}
        )
        build_views = sfn.Map.jsonata(
            self,
            "BuildViews",
            items=sfn.ProvideItems.jsonata(jsonata("$days")),
            max_concurrency=DAYS_AT_ONCE,
            outputs={},
            assign={"next": jsonata(NEXT)},
        ).item_processor(self._build_view())
        switch = switch_pointers(self, "SwitchPointers", pointers=pointers)
        old = remove_old(self, bucket=files)
        switched = sfn.Succeed.jsonata(
            self,
            "Switched",
            outputs=jsonata(
                "{'status': 'SWITCHED', 'views': $next.{'day': day, 'version': version,"
                " 'watermark': watermark}[]}"
            ),
        )
        read_winner = read_pointers(self, "ReadWinner", pointers=pointers, assign="found")
        who_won = sfn.Choice.jsonata(self, "WhoWon", assign={"failure": SWITCHED_MEANWHILE})
        new = remove_new(self, "RemoveNew", bucket=files)

        # An attempt whose answer was lost has won, and others have switched since.
        won = "$version in $append($found.version, $found.previousVersion)"
        who_won.when(is_true(won), old).otherwise(new)
        build_views.add_catch(new, assign={"failure": FAILURE})
        switch.add_catch(read_winner, errors=[CANCELED])
        # The switch is made; what stays now goes with the next run.
        old.add_catch(switched, outputs={})
        net.catch(read, switch, read_winner)
        net.catch_after(new)

        asked = {"watermark": jsonata(WATERMARK), "version": jsonata(VERSION)}
        story = what.when(
            is_true(IS_RANGE),
            read,
            assign={
                **asked,
                "days": jsonata(DAYS_OF_RANGE),
                "rollBack": jsonata(f"$exists({INPUT}.rollBack) ? {INPUT}.rollBack : null"),
            },
        ).when(
            is_true(IS_SCHEDULED),
            read,
            assign={**asked, "days": jsonata(DAYS_OF_SCHEDULE), "rollBack": jsonata("null")},
        )
        story.otherwise(rejected)
        read.next(which_way.when(is_true("$rollBack = null"), build_views).otherwise(can_roll_back))
        can_roll_back.when(is_true("$count($next) > 0"), switch).otherwise(nothing_to_roll_back)
        build_views.next(switch).next(old).next(switched)
        read_winner.next(who_won)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            # Every key of the archive would be in it, several times.
            logs_data=False,
            removal_policy=removal_policy,
        )
        self._acknowledge()

    def _build_view(self) -> sfn.IChainable:
        """The view of one day, which is the item, beside the live one."""
        read_manifest = lambda_task(
            self,
            "ReadManifest",
            function=self._functions.read_manifest,
            event=ReadManifestEvent(
                executionArn=value_of(EXECUTION_ARN),
                day=value_of(INPUT),
                watermark=value_of("$watermark"),
            ),
            assign={
                "day": jsonata(INPUT),
                "expected": jsonata("$states.result.Payload"),
                "manifest": jsonata("null"),
            },
        )
        any_sold = sfn.Choice.jsonata(self, "AnySold")
        count_archive = sfn.DistributedMap.jsonata(
            self,
            "CountArchive",
            label="CountArchive",
            map_execution_type=sfn.StateMachineType.EXPRESS,
            item_reader=sfn.S3ObjectsItemReader(
                bucket=self._files, prefix=jsonata(f"'{SALES}/' & $day & '/'")
            ),
            item_selector={"key": jsonata("$states.context.Map.Item.Value.Key")},
            item_batcher=sfn.ItemBatcher(
                max_items_per_batch=BATCH_SALES, batch_input={"watermark": jsonata("$watermark")}
            ),
            max_concurrency=BATCHES_AT_ONCE,
            result_writer_v2=sfn.ResultWriterV2(
                bucket=self._files,
                prefix=jsonata(f"'{RESULTS}/' & $version & '/' & $day"),
                writer_config=sfn.WriterConfig(
                    output_type=sfn.OutputType.JSONL, transformation=sfn.Transformation.FLATTEN
                ),
            ),
            assign={"manifest": jsonata("$states.result.ResultWriterDetails.Key")},
        ).item_processor(
            lambda_task(
                self,
                "CountSales",
                function=self._functions.count_sales,
                event=CountSalesEvent(
                    executionArn=value_of(EXECUTION_ARN),
                    watermark=value_of("$states.input.BatchInput.watermark"),
                    keys=value_of("[$states.input.Items.key]"),
                ),
                outputs=jsonata("$states.result.Payload"),
            )
        )
        retry(count_archive, UNREADABLE)
        build = lambda_task(
            self,
            "BuildView",
            function=self._functions.build_view,
            event=BuildViewEvent(
                executionArn=value_of(EXECUTION_ARN),
                day=value_of("$day"),
                version=value_of("$version"),
                watermark=value_of("$watermark"),
                manifest=value_of("$manifest"),
            ),
            assign={"counted": jsonata("$states.result.Payload")},
        )
        is_whole = sfn.Choice.jsonata(self, "IsWhole")
        built = sfn.Succeed.jsonata(self, "Built", outputs={})
        not_whole = sfn.Fail.jsonata(
            self,
            "NotWhole",
            error="ViewNotWhole",
            cause=jsonata(
                "$day & ': counted ' & $string($counted) & ', expected ' & $string($expected)"
            ),
        )
        same = " and ".join(
            f"$counted.{name} = $expected.{name}" for name in Totals.__annotations__
        )
        build.next(is_whole.when(is_true(same), built).otherwise(not_whole))
        return read_manifest.next(
            any_sold.when(is_true("$expected.sales > 0"), count_archive.next(build)).otherwise(
                build
            )
        )

    def _acknowledge(self) -> None:
        """What the CDK grants a machine with a Map Run."""
        executions = self.machine.execution_arn("").removesuffix(":")
        for name in (executions, f"{executions}/CountArchive"):
            acknowledge_wildcard(self.machine, f"{name}:*", ANY_EXECUTION)
