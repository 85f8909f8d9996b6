"""The environment of each function of the release build; the stacks import it at synth."""

from __future__ import annotations

from lambdas.environment import Environment, QueueUrl, SecretArn, ServiceAddress, TableName


class AcceptReleaseEnvironment(Environment):
    """accept_release knows the webhook's secret, remembers deliveries and fills the queue."""

    webhook_secret: SecretArn
    deliveries_table: TableName
    release_queue: QueueUrl


class ReportStatusEnvironment(Environment):
    """report_status calls the source host's API."""

    source_host: ServiceAddress
    source_host_token: SecretArn


class RecordStatusEnvironment(Environment):
    """record_status writes down what the source host would be told, in development stages."""

    statuses_table: TableName
