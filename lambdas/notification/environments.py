"""The environment of each function of the notification workflow; the stacks import it at synth."""

from __future__ import annotations

from lambdas.environment import (
    EmailAddress,
    Environment,
    QueueUrl,
    SecretArn,
    TableName,
)


class AcceptNotificationsEnvironment(Environment):
    """accept_notifications keeps the clients' keys, reads recipients, begins the log and fills the
    channels' queues."""

    notification_requests_table: TableName
    recipients_table: TableName
    log_table: TableName
    email_queue: QueueUrl
    sms_queue: QueueUrl
    push_queue: QueueUrl
    webhook_queue: QueueUrl


class RecordEventsEnvironment(Environment):
    """record_events reads the providers' secret, and writes log, opt-outs and used signatures."""

    callback_secret: SecretArn
    used_signatures_table: TableName
    recipients_table: TableName
    log_table: TableName


class FindQuietEndEnvironment(Environment):
    """find_quiet_end calls nothing."""


class SendEnvironment(Environment):
    """Every provider's function keeps Powertools' idempotency records."""

    idempotency_table: TableName


class SendEmailEnvironment(SendEnvironment):
    """send_email sends in the name of an identity that SES has verified."""

    sender: EmailAddress


class SendRecordedEnvironment(SendEnvironment):
    """send_recorded writes down what it is given, in development stages."""

    recorded_table: TableName
