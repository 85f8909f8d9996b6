"""What a workflow's dead letters need: the archive, the queues, the bucket for large inputs, and
net 2 around its machines. Made in the stack itself, so that their construct ids are its own."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from stacks.queues import dead_letter_queue
from stacks.tables import table
from workflows.dead_letter import DeadLetterStore
from workflows.findings import acknowledge
from workflows.machine import Machine
from workflows.recorder import Recorder
from workflows.sweep import Sweep

INPUT_RETENTION_DAYS = 90


class DeadLetters:
    """`archive` and `letters` are the ids of the table and of the queue; the other ids begin with
    `prefix`."""

    def __init__(
        self,
        stack: cdk.Stack,
        *,
        archive: str,
        letters: str,
        prefix: str = "",
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        self._stack = stack
        self._prefix = prefix
        self._removal_policy = removal_policy
        self.archive = table(
            stack,
            archive,
            partition_key="executionArn",
            numeric_sort_key="redriveCount",
            removal_policy=removal_policy,
        )
        self.letters = dead_letter_queue(stack, letters, removal_policy=removal_policy)
        self.lost_events = dead_letter_queue(
            stack, f"{prefix}LostEvents", removal_policy=removal_policy
        )
        self.inputs = private_bucket(
            stack,
            f"{prefix}DeadLetterInputs",
            kept_days=INPUT_RETENTION_DAYS,
            removal_policy=removal_policy,
        )
        self.store = DeadLetterStore(archive=self.archive, queue=self.letters, inputs=self.inputs)

    def watch(self, *machines: Machine) -> Sequence[Machine]:
        """Net 2 around the machines: the Recorder and the Sweep that were made."""
        recorder = Recorder(
            self._stack,
            f"{self._prefix}Recorder",
            watched=machines,
            store=self.store,
            lost_events=self.lost_events,
            removal_policy=self._removal_policy,
        ).machine
        sweep = Sweep(
            self._stack,
            f"{self._prefix}Sweep",
            watched=machines,
            recorder=recorder,
            lost_schedules=self.lost_events,
            removal_policy=self._removal_policy,
        ).machine
        return recorder, sweep


def private_bucket(
    stack: cdk.Stack, construct_id: str, *, kept_days: int, removal_policy: cdk.RemovalPolicy
) -> s3.Bucket:
    """A bucket for what a state cannot carry."""
    bucket = s3.Bucket(
        stack,
        construct_id,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(kept_days))],
        removal_policy=removal_policy,
    )
    acknowledge(
        bucket,
        "AwsSolutions-S1",
        "Only a few roles may use the bucket; CloudTrail's data events name them.",
    )
    return bucket
