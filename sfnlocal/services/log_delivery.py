"""Log events that a service writes by itself, put where CloudWatch Logs keeps them.

They are written when somebody looks, and may be of any age by then; PutLogEvents would refuse what
is older than 14 days. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sfnlocal.arns import Arn


class LogEvent(NamedTuple):
    at_ms: int
    message: str


def deliver(log_group: Arn, streams: Mapping[str, Sequence[LogEvent]]) -> None:
    """Append to the streams of a log group, which are made where they are missing. To be called
    with moto's lock. A log group that is not there gets nothing, as on AWS."""
    # Loaded here: a server imports this at its start, and moto only when somebody calls a service.
    from moto.logs.models import logs_backends

    name = log_group_name(log_group)
    group = logs_backends[log_group.account][log_group.region].groups.get(name)
    if group is None:
        return
    for stream, events in streams.items():
        if stream not in group.streams:
            group.create_log_stream(stream)
        group.put_log_events(
            stream, [{"timestamp": event.at_ms, "message": event.message} for event in events]
        )


def log_group_name(log_group: Arn) -> str:
    """Of `log-group:NAME` or `log-group:NAME:*`; empty where it is none."""
    return log_group.resource.partition("log-group:")[2].removesuffix(":*")
