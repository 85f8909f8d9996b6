"""The DeviceIngest machine: one message of a device, filtered, transformed, enriched; then stored,
archived and, over its limit, told to its group, each for itself.

Express: short and frequent, and every effect may be done twice. A message that comes late or twice
changes nothing that is newer, by the device's clock; conditional writes see to that. The outer net
is the queue: an execution that fails leaves its message there, and after some times it goes to the
queue's dead letters, where the letters of single branches are too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.devices.payloads import (
    CELSIUS,
    CLOCK_AHEAD_MS_MAX,
    DEVICE_ID,
    FAHRENHEIT,
    RAW,
    READINGS,
)
from workflows.attribute_values import number, text
from workflows.device_alert import alert_branch
from workflows.device_branch import TIME_OUT, BranchLetter, send_message
from workflows.device_record import NOT_NEWER, put_object, update_device
from workflows.jsonata import is_true, jsonata
from workflows.machine import express_machine
from workflows.queue import Queue
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, retry

MACHINE_TIME_OUT = cdk.Duration.minutes(4)
# The pipe hands over one message at a time: nothing that fails holds up another.
BATCH_SIZE = 1

IS_FROM_A_DEVICE = f"""(
    $contains($message.deviceId, /{DEVICE_ID}/)
    and $type($message.measuredAtMs) = 'number'
    and $message.measuredAtMs > 0
    and $floor($message.measuredAtMs) = $message.measuredAtMs
    and $message.measuredAtMs <= $message.receivedAtMs + {CLOCK_AHEAD_MS_MAX}
    )"""
IS_READING = f"""{IS_FROM_A_DEVICE}
    and $message.kind = '{READINGS}'
    and $type($message.temperature) = 'number'
    and $message.unit in ['{CELSIUS}', '{FAHRENHEIT}']"""
IS_RAW = f"""{IS_FROM_A_DEVICE}
    and $message.kind = '{RAW}' and $type($message.samples) = 'array'"""


@dataclass(frozen=True, slots=True)
class DeviceStore:
    """`dead` are the dead letters of the queue that the messages come from."""

    devices: dynamodb.ITable
    archive: s3.IBucket
    topics: Mapping[str, sns.ITopic]
    dead: Queue
    rejected: Queue


class DeviceIngest(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        store: DeviceStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._store = store

        take = sfn.Pass.jsonata(
            self, "TakeMessage", assign={"message": jsonata("$states.input[0].message")}
        )
        what = sfn.Choice.jsonata(self, "WhatIsIt")
        transform = sfn.Pass.jsonata(
            self,
            "Transform",
            assign={
                "measuredAt": jsonata("$fromMillis($message.measuredAtMs)"),
                "celsius": jsonata(
                    f"""$message.unit = '{CELSIUS}' ? $message.temperature
                    : $round(($message.temperature - 32) / 1.8, 2)"""
                ),
            },
        )
        # Consistent: the last alert's time is in it.
        enrich = tasks.DynamoGetItem.jsonata(
            self,
            "Enrich",
            table=store.devices,
            key={"deviceId": text(jsonata("$message.deviceId"))},
            consistent_read=True,
            task_timeout=TIME_OUT,
            assign={
                "device": jsonata(
                    """$exists($states.result.Item) ? {
                    'group': $states.result.Item.group.S,
                    'limitCelsius': $states.result.Item.limitCelsius
                        ? $number($states.result.Item.limitCelsius.N) : null,
                    'alertedAtMs': $states.result.Item.alertedAtMs
                        ? $number($states.result.Item.alertedAtMs.N) : 0
                    } : null"""
                )
            },
        )
        retry(enrich, DYNAMODB_FAULTS, TIME_OUTS)
        is_known = sfn.Choice.jsonata(self, "IsKnown")
        each_for_itself = (
            sfn.Parallel.jsonata(self, "EachForItself", outputs=jsonata("$merge($states.result)"))
            .branch(self._store_branch())
            .branch(self._archive_branch())
            .branch(alert_branch(self, devices=store.devices, topics=store.topics, dead=store.dead))
        )
        # Uploads overlap: a longer one that begins with the same sample is another object.
        archive_raw = put_object(
            self,
            "ArchiveRaw",
            archive=self._store.archive,
            folder=RAW,
            name="$message.measuredAtMs & '-' & $count($message.samples)",
        )
        ingested = sfn.Succeed.jsonata(self, "Ingested")

        take.next(
            what.when(is_true(IS_READING), transform)
            .when(is_true(IS_RAW), archive_raw.next(ingested))
            .otherwise(
                # Nobody waits for an answer: whoever looks after the devices gets the message.
                send_message(
                    self,
                    "KeepInvalid",
                    queue=store.rejected,
                    attributes={"reason": "INVALID"},
                    outputs={"rejected": "INVALID"},
                ).next(ingested)
            )
        )
        transform.next(enrich).next(
            is_known.when(is_true("$device != null"), each_for_itself.next(ingested)).otherwise(
                # It is brought back when the device is registered.
                send_message(
                    self,
                    "KeepUnknown",
                    queue=store.dead,
                    attributes={"branch": "Enrich", "error": "UnknownDevice"},
                    outputs={"rejected": "UNKNOWN_DEVICE"},
                ).next(ingested)
            )
        )

        self.machine = express_machine(
            self,
            construct_id,
            chain=sfn.Chain.start(take),
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )

    def _store_branch(self) -> sfn.IChainable:
        store_latest = update_device(
            self,
            "StoreLatest",
            devices=self._store.devices,
            update="SET measuredAtMs = :at, celsius = :celsius, receivedAtMs = :received",
            condition="attribute_not_exists(measuredAtMs) OR measuredAtMs < :at",
            values={
                ":celsius": number(jsonata("$string($celsius)")),
                ":received": number(jsonata("$string($message.receivedAtMs)")),
            },
            outputs={"store": "STORED"},
        )
        not_newer = sfn.Pass.jsonata(self, "NotNewer", outputs={"store": "NOT_NEWER"})
        store_latest.add_catch(not_newer, errors=[NOT_NEWER])
        BranchLetter(self, "Store", queue=self._store.dead).catch(store_latest)
        return store_latest

    def _archive_branch(self) -> sfn.IChainable:
        archive = put_object(
            self,
            "ArchiveReading",
            archive=self._store.archive,
            folder=READINGS,
            name="$string($message.measuredAtMs)",
        )
        BranchLetter(self, "Archive", queue=self._store.dead).catch(archive)
        return archive
