"""The fronts of notifications: two routes for callers with a token, and one for providers, who sign
what they tell. Made in the stack itself, so that their construct ids are its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager

from lambdas.environment import Environment, QueueUrl, SecretArn
from lambdas.notification.environments import (
    AcceptNotificationsEnvironment,
    RecordEventsEnvironment,
)
from lambdas.notification.payloads import Channel
from stacks.callers import Issuer
from stacks.http_front import HttpFront
from stacks.tables import table
from workflows.findings import acknowledge
from workflows.function import ThinFunction, table_name
from workflows.queue import Queue

PROXY_TIMEOUT_SECONDS = 15
CALLBACKS_PER_SECOND = 20
CALLBACKS_AT_ONCE = 40


class MakeFunction(Protocol):
    def __call__(
        self, construct_id: str, environment: Environment, timeout_seconds: int
    ) -> ThinFunction: ...


class NotificationFront:
    def __init__(
        self,
        stack: cdk.Stack,
        *,
        function: MakeFunction,
        recipients: dynamodb.ITable,
        log: dynamodb.ITable,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        self._stack = stack
        self._function = function
        self._recipients = recipients
        self._log = log
        self._removal_policy = removal_policy

    def serve(self, queues: Mapping[Channel, Queue], issuer: Issuer) -> None:
        """Two routes for callers with a token, and one for providers, who sign what they tell."""
        requests = table(
            self._stack,
            "NotificationRequests",
            partition_key="requestId",
            removal_policy=self._removal_policy,
        )
        accept = self._function(
            "AcceptNotifications",
            AcceptNotificationsEnvironment(
                notification_requests_table=table_name(requests),
                recipients_table=table_name(self._recipients),
                log_table=table_name(self._log),
                email_queue=QueueUrl(queues["email"].url),
                sms_queue=QueueUrl(queues["sms"].url),
                push_queue=QueueUrl(queues["push"].url),
                webhook_queue=QueueUrl(queues["webhook"].url),
            ),
            PROXY_TIMEOUT_SECONDS,
        )
        requests.grant(accept.function, "dynamodb:PutItem", "dynamodb:UpdateItem")
        self._recipients.grant(accept.function, "dynamodb:GetItem")
        self._log.grant(accept.function, "dynamodb:PutItem")
        for queue in queues.values():
            queue.grant(accept.function, "sqs:SendMessage")

        front = HttpFront(
            self._stack, "NotificationApi", issuer=issuer, removal_policy=self._removal_policy
        )
        front.route(apigateway.HttpMethod.POST, "/notifications", accept)
        front.route(apigateway.HttpMethod.POST, "/notifications/batch", accept)
        front.public_route(
            apigateway.HttpMethod.POST,
            "/callbacks",
            self._record_events(),
            requests_per_second=CALLBACKS_PER_SECOND,
            requests_at_once=CALLBACKS_AT_ONCE,
            reason="Providers sign their callbacks; the function checks the signature.",
        )
        cdk.CfnOutput(self._stack, "NotificationApiUrl", value=front.url)

    def _record_events(self) -> ThinFunction:
        secret = secretsmanager.Secret(
            self._stack,
            "CallbackSecret",
            description="The key with which providers sign their callbacks",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
            removal_policy=self._removal_policy,
        )
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "The providers have the same key: it changes when they change theirs.",
        )
        used_signatures = table(
            self._stack,
            "UsedSignatures",
            partition_key="signature",
            expires_by="expiration",
            removal_policy=self._removal_policy,
        )
        record_events = self._function(
            "RecordEvents",
            RecordEventsEnvironment(
                callback_secret=SecretArn(secret.secret_arn),
                used_signatures_table=table_name(used_signatures),
                recipients_table=table_name(self._recipients),
                log_table=table_name(self._log),
            ),
            PROXY_TIMEOUT_SECONDS,
        )
        record_events.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"], resources=[secret.secret_arn]
            )
        )
        used_signatures.grant(record_events.function, "dynamodb:PutItem", "dynamodb:DeleteItem")
        self._recipients.grant(record_events.function, "dynamodb:UpdateItem")
        self._log.grant(record_events.function, "dynamodb:GetItem", "dynamodb:UpdateItem")
        cdk.CfnOutput(self._stack, "CallbackSecretArn", value=secret.secret_arn)
        return record_events
