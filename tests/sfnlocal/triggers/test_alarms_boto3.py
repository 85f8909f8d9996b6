"""CloudWatch as boto3 calls it in a session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.sfnlocal.triggers.alarm_world import ERRORS, resource, world


def test_a_client_puts_metrics_and_sees_alarms() -> None:
    with world(resource("Watch", **ERRORS)) as here:
        client = here.aws.client("cloudwatch")
        start = datetime(2026, 1, 1, tzinfo=UTC)
        client.put_metric_data(
            Namespace="Shop", MetricData=[{"MetricName": "Errors", "Value": 2, "Timestamp": start}]
        )
        here.advance(1)
        (alarm,) = client.describe_alarms(StateValue="ALARM")["MetricAlarms"]
        metric = {"Namespace": "Shop", "MetricName": "Errors"}
        query = {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
        (data,) = client.get_metric_data(
            MetricDataQueries=[query], StartTime=start, EndTime=start + timedelta(hours=1)
        )["MetricDataResults"]
        pages = client.get_paginator("list_metrics").paginate(Namespace="Shop")
        listed = [one["MetricName"] for page in pages for one in page["Metrics"]]
        (item,) = client.describe_alarm_history(HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert (alarm["AlarmName"], alarm["Threshold"]) == ("Watch", 1.0)
    assert alarm["StateUpdatedTimestamp"] == item["Timestamp"] == start + timedelta(minutes=1)
    assert (data["Timestamps"], data["Values"]) == ([start], [2.0])
    assert listed == ["Errors"]
