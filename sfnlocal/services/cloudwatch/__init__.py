"""The CloudWatch API as far as it is about metrics. What watches them stands in triggers."""

from sfnlocal.services.cloudwatch.api import CloudWatchApi

__all__ = ["CloudWatchApi"]
