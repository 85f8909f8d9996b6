"""Durations and time-outs, each made once: every one is a call to Node.js, and there would be some
hundreds."""

from __future__ import annotations

import functools

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn

seconds = functools.cache(cdk.Duration.seconds)


@functools.cache
def timeout(task_seconds: int) -> sfn.Timeout:
    """Of a task."""
    return sfn.Timeout.duration(seconds(task_seconds))
