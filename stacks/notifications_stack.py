"""Notifications: a queue and a provider for each channel, the machine between them, the fronts.

This module wires and grants; the order of the steps stands in `workflows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from lambdas.environment import Environment
from lambdas.notification.environments import (
    FindQuietEndEnvironment,
    SendEmailEnvironment,
    SendEnvironment,
    SendRecordedEnvironment,
)
from lambdas.notification.payloads import CHANNELS, Channel
from stacks.alarms import (
    alarm_on_functions,
    alarm_on_machine,
    alarm_on_messages,
    alarm_on_schedules,
)
from stacks.callers import Issuer
from stacks.dashboards import WorkflowDashboard
from stacks.notification_front import NotificationFront
from stacks.notification_settings import NotificationSettings
from stacks.prices import Prices
from stacks.queues import dead_letter_queue, source_queue
from stacks.stage import Stage
from stacks.tables import table
from workflows.findings import acknowledge_wildcard
from workflows.function import NOTIFICATION_PACKAGE, ThinFunction, table_name
from workflows.notification import Notification
from workflows.notification_channels import SEND_TIMEOUT_SECONDS, ChannelPath
from workflows.queue import Queue
from workflows.queue_pipe import QueuePipe

# Six times this is longer than an Express execution can be.
CONSUMER_TIMEOUT_SECONDS = 60
# The largest messages of a batch fit a state's 256 KiB.
BATCH_SIZE = 10
SLOW = timedelta(minutes=1)


class NotificationsStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        settings: NotificationSettings,
        issuer: Issuer,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._removal_policy = removal = stage.removal_policy
        self.recipients = table(
            self, "Recipients", partition_key="recipientId", removal_policy=removal
        )
        self.log = table(
            self, "NotificationLog", partition_key="notificationId", removal_policy=removal
        )
        self._sends = table(
            self,
            "NotificationSends",
            partition_key="id",
            expires_by="expiration",
            removal_policy=removal,
        )
        lost_schedules = dead_letter_queue(
            self, "LostNotificationSchedules", removal_policy=removal
        )
        queues = {
            channel: source_queue(
                self,
                f"{channel.title()}Queue",
                consumer_timeout_seconds=CONSUMER_TIMEOUT_SECONDS,
                removal_policy=removal,
            )
            for channel in CHANNELS
        }
        providers = self._recorders() if stage.has_sandbox else self._providers(settings)
        notification = Notification(
            self,
            "Notification",
            channels={
                channel: ChannelPath(queue, providers[channel])
                for channel, (queue, _) in queues.items()
            },
            find_quiet_end=self._function("FindQuietEnd", FindQuietEndEnvironment(), 10),
            recipients=self.recipients,
            log=self.log,
            lost_schedules=lost_schedules,
            removal_policy=removal,
        )
        self.notification = notification.machine
        alarm_on_schedules(notification.schedules)
        for channel, (queue, _) in queues.items():
            QueuePipe(
                self,
                f"{channel.title()}Pipe",
                queue=queue,
                machine=self.notification,
                batch_size=BATCH_SIZE,
            )
        NotificationFront(
            self,
            function=self._function,
            recipients=self.recipients,
            log=self.log,
            removal_policy=removal,
        ).serve({channel: queue for channel, (queue, _) in queues.items()}, issuer)
        self._operations([lost_schedules, *(dead for _, dead in queues.values())])

    def _function(
        self,
        construct_id: str,
        environment: Environment,
        timeout_seconds: int,
        module: str | None = None,
    ) -> ThinFunction:
        """`module` is the construct's id in snake case, if not said otherwise."""
        name = module or "".join(f"_{c.lower()}" if c.isupper() else c for c in construct_id)[1:]
        return ThinFunction(
            self,
            construct_id,
            handler=f"lambdas.notification.{name}.handler",
            environment=environment,
            package=NOTIFICATION_PACKAGE,
            timeout_seconds=timeout_seconds,
            removal_policy=self._removal_policy,
        )

    def _provider(
        self, construct_id: str, module: str, environment: SendEnvironment
    ) -> ThinFunction:
        provider = self._function(construct_id, environment, SEND_TIMEOUT_SECONDS, module)
        self._sends.grant(
            provider.function, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"
        )
        return provider

    def _recorders(self) -> dict[Channel, ThinFunction]:
        """Of development stages: what would be sent is written down."""
        recorded = table(
            self,
            "RecordedMessages",
            partition_key="messageId",
            removal_policy=self._removal_policy,
        )
        environment = SendRecordedEnvironment(
            idempotency_table=table_name(self._sends), recorded_table=table_name(recorded)
        )
        cdk.CfnOutput(self, "RecordedMessagesTable", value=recorded.table_name)
        recorders = {
            channel: self._provider(f"Record{channel.title()}", "send_recorded", environment)
            for channel in CHANNELS
        }
        for recorder in recorders.values():
            recorded.grant(recorder.function, "dynamodb:GetItem", "dynamodb:UpdateItem")
        return recorders

    def _providers(self, settings: NotificationSettings) -> dict[Channel, ThinFunction]:
        sends = table_name(self._sends)
        anything = SendEnvironment(idempotency_table=sends)
        email = self._provider(
            "SendEmail",
            "send_email",
            SendEmailEnvironment(idempotency_table=sends, sender=settings.sender),
        )
        sms = self._provider("SendSms", "publish_message", anything)
        push = self._provider("SendPush", "publish_message", anything)
        webhook = self._provider("CallWebhook", "call_webhook", anything)
        identity = self.format_arn(
            service="ses", resource="identity", resource_name=settings.domain
        )
        devices = self.format_arn(service="sns", resource="endpoint", resource_name="*")
        for function, action, resource in (
            (email, "ses:SendEmail", identity),
            (sms, "sns:Publish", "*"),
            (push, "sns:Publish", devices),
        ):
            function.function.add_to_role_policy(
                iam.PolicyStatement(actions=[action], resources=[resource])
            )
        acknowledge_wildcard(sms, "*", "A phone number is no resource of SNS.")
        acknowledge_wildcard(push, devices, "Each device has an endpoint of its own.")
        return {"email": email, "sms": sms, "push": push, "webhook": webhook}

    def _operations(self, dead_letters: Sequence[Queue]) -> None:
        """What tells that something is wrong, and what a user needs to know."""
        for queue in dead_letters:
            alarm_on_messages(queue)
        alarm_on_machine(self.notification, slow_after=SLOW)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "NotificationDashboard",
            machines=[self.notification],
            functions=[one for one in self.node.find_all() if isinstance(one, ThinFunction)],
            dead_letters=dead_letters,
            prices=Prices.from_context(self.node),
        )
        cdk.CfnOutput(self, "RecipientsTable", value=self.recipients.table_name)
        cdk.CfnOutput(self, "NotificationLogTable", value=self.log.table_name)
