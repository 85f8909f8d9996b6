"""The device ingest: messages of devices by MQTT and HTTP, their queue, the machine, and what it
writes to.

This module wires and grants; the order of the steps stands in `workflows.device_ingest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from lambdas.devices.environments import AcceptReadingEnvironment
from lambdas.devices.payloads import RAW, READINGS
from lambdas.environment import QueueUrl
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.callers import Issuer
from stacks.dashboards import WorkflowDashboard
from stacks.dead_letters import private_bucket
from stacks.http_front import HttpFront
from stacks.prices import Prices
from stacks.queues import dead_letter_queue, source_queue
from stacks.stage import Stage
from stacks.tables import table
from workflows.device_ingest import BATCH_SIZE, MACHINE_TIME_OUT, DeviceIngest, DeviceStore
from workflows.findings import acknowledge_wildcard
from workflows.function import FRONT, Package, ThinFunction
from workflows.queue import Queue
from workflows.queue_pipe import QueuePipe

DEVICE_PACKAGE = Package(("!/lambdas/devices/", FRONT))
ARCHIVE_KEPT_DAYS = 365
SLOW_INGEST = timedelta(seconds=30)

# Who the device is says its topic. Every field is named: a message cannot bring its own deviceId.
# No field is named as a word of the language, such as VALUE.
# https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-functions.html#iot-function-topic
SQL = (
    "SELECT topic(2) AS deviceId, topic(3) AS kind, timestamp() AS receivedAtMs,"
    " measuredAtMs, temperature, unit, reason, samples"
    f" FROM 'devices/+/+' WHERE topic(3) = '{READINGS}' OR topic(3) = '{RAW}'"
)
SQL_VERSION = "2016-03-23"


class DeviceIngestStack(cdk.Stack):
    """`groups` name the topics of alerts; without an `issuer` there is no HTTP route."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        groups: Sequence[str],
        issuer: Issuer | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._removal = stage.removal_policy
        self.devices = table(
            self, "Devices", partition_key="deviceId", removal_policy=self._removal
        )
        self.archive = private_bucket(
            self, "DeviceArchive", kept_days=ARCHIVE_KEPT_DAYS, removal_policy=self._removal
        )
        self.queue, dead = source_queue(
            self,
            "DeviceQueue",
            consumer_timeout_seconds=int(MACHINE_TIME_OUT.to_seconds()),
            removal_policy=self._removal,
        )
        rejected = dead_letter_queue(self, "RejectedMessages", removal_policy=self._removal)
        undelivered = dead_letter_queue(self, "UndeliveredMessages", removal_policy=self._removal)
        topics = {group: self._topic(group, stage) for group in groups}

        ingest = DeviceIngest(
            self,
            "DeviceIngest",
            store=DeviceStore(
                devices=self.devices,
                archive=self.archive,
                topics=topics,
                dead=dead,
                rejected=rejected,
            ),
            removal_policy=self._removal,
        )
        acknowledge_wildcard(
            ingest,
            self.archive.arn_for_objects("*"),
            "The key is the device's id and time, which no role can know.",
        )
        QueuePipe(
            self, "DevicePipe", queue=self.queue, machine=ingest.machine, batch_size=BATCH_SIZE
        )
        self._topic_rule(stage, undelivered)
        functions = [self._front(issuer)] if issuer else []

        dead_letters = [dead, rejected, undelivered]
        for queue in dead_letters:
            alarm_on_messages(queue)
        alarm_on_machine(ingest.machine, slow_after=SLOW_INGEST)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "DeviceDashboard",
            machines=[ingest.machine],
            functions=functions,
            dead_letters=dead_letters,
            prices=Prices.from_context(self.node),
        )
        cdk.CfnOutput(self, "DevicesTable", value=self.devices.table_name)
        cdk.CfnOutput(self, "DeviceArchiveBucket", value=self.archive.bucket_name)

    def _topic(self, group: str, stage: Stage) -> sns.Topic:
        return sns.Topic(
            self,
            f"{group.capitalize()}Alerts",
            topic_name=f"devices-{stage.name}-{group}",
            enforce_ssl=True,
        )

    def _topic_rule(self, stage: Stage, undelivered: Queue) -> None:
        """What the rule cannot put into the queue goes, as it came, to `undelivered`."""
        name = f"devices_{stage.name}"
        role = iam.Role(
            self,
            "TopicRuleRole",
            assumed_by=iam.ServicePrincipal(
                "iot.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": self.account,
                        "aws:SourceArn": self.format_arn(
                            service="iot", resource="rule", resource_name=name
                        ),
                    }
                },
            ),
        )
        # Not `grant_send_messages`, whose other actions nothing needs.
        self.queue.grant(role, "sqs:SendMessage")
        undelivered.grant(role, "sqs:SendMessage")

        def into(queue: Queue) -> dict[str, object]:
            return {
                "Sqs": {"QueueUrl": queue.url, "RoleArn": role.role_arn, "UseBase64": False},
            }

        # Plain: aws_cdk.aws_iot takes a tenth of a second to load, for this one resource.
        rule = cdk.CfnResource(
            self,
            "DeviceMessages",
            type="AWS::IoT::TopicRule",
            properties={
                "RuleName": name,
                "TopicRulePayload": {
                    "Sql": SQL,
                    "AwsIotSqlVersion": SQL_VERSION,
                    "Actions": [into(self.queue)],
                    "ErrorAction": into(undelivered),
                },
            },
        )
        rule.node.add_dependency(role)

    def _front(self, issuer: Issuer) -> ThinFunction:
        accept = ThinFunction(
            self,
            "AcceptReading",
            handler="lambdas.devices.accept_reading.handler",
            environment=AcceptReadingEnvironment(device_queue=QueueUrl(self.queue.url)),
            package=DEVICE_PACKAGE,
            timeout_seconds=10,
            removal_policy=self._removal,
        )
        self.queue.grant(accept.function, "sqs:SendMessage")
        front = HttpFront(self, "DeviceFront", issuer=issuer, removal_policy=self._removal)
        front.route(apigateway.HttpMethod.POST, "/devices/{deviceId}/readings", accept)
        cdk.CfnOutput(self, "DevicesUrl", value=front.url)
        return accept
