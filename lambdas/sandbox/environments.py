"""The environment of each function of the sandbox; imported by the stacks at synth."""

from __future__ import annotations

from lambdas.environment import Environment, HopsMax, QueueUrl, TableName


class PaymentProviderEnvironment(Environment):
    """payment_provider keeps its ledger."""

    payments_table: TableName


class WarehouseEnvironment(Environment):
    """warehouse answers task tokens and keeps nothing."""


class ReportProviderEnvironment(Environment):
    """report_provider keeps its ledger, and delivers where it is told."""

    report_requests_table: TableName


class ScoreServiceEnvironment(Environment):
    """score_service fails the calls that its table says."""

    outages_table: TableName


class BuilderEnvironment(Environment):
    """builder answers where its job says."""


class LoopEnvironment(Environment):
    """loop sends to its own queue until the message has made its hops."""

    loop_queue: QueueUrl
    loop_dead_letters: QueueUrl
    loop_hops_max: HopsMax
