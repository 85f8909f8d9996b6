"""What is measured of a machine, a function or a queue, in CloudWatch's words: for alarms and
dashboards. The CDK's own metrics say the same, but each is a call to Node.js, and there would be
a thousand.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.function import ThinFunction
from workflows.machine import Machine
from workflows.queue import Queue


@dataclass(frozen=True, slots=True)
class Metric:
    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str = "Sum"


@dataclass(frozen=True, slots=True)
class Expression:
    """Metric math; `metrics` are its variables."""

    label: str
    text: str
    metrics: Mapping[str, Metric]


def of_machine(machine: Machine, name: str, statistic: str = "Sum") -> Metric:
    return Metric("AWS/States", name, {"StateMachineArn": machine.arn}, statistic)


def of_function(thin: ThinFunction, name: str, statistic: str = "Sum") -> Metric:
    return Metric("AWS/Lambda", name, {"FunctionName": thin.aws_name}, statistic)


def of_queue(queue: Queue, name: str, statistic: str = "Maximum") -> Metric:
    return Metric("AWS/SQS", name, {"QueueName": queue.aws_name}, statistic)


def of_api(api_id: str, name: str, statistic: str = "Sum") -> Metric:
    """Of its only stage."""
    return Metric("AWS/ApiGateway", name, {"ApiId": api_id, "Stage": "$default"}, statistic)
