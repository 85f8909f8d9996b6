"""What an alarm's change of state starts, and CloudWatch's operations on alarms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfnlocal.errors import ApiError, InputError, UnsupportedError
from tests.sfnlocal.triggers.alarm_world import (
    ALARM,
    ERRORS,
    FUNCTION,
    TOPIC,
    World,
    resource,
    world,
)

REASON = (
    "Threshold Crossed: 1 out of the last 1 datapoints [2.0 (01/01/26 00:00:00)] was greater than "
    "or equal to the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition)."
)


def errors(**more: Any) -> dict[str, Any]:
    return {**ERRORS, **more}


def composite(name: str, rule: str, **more: Any) -> Any:
    return resource(name, composite=True, AlarmRule=rule, **more)


def test_a_change_of_state_is_an_event() -> None:
    with world(resource("Watch", **errors(AlarmDescription="Sales fail"))) as here:
        here.add(2)
        here.advance(1)
        (event,) = here.events
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == [f"{ALARM}Watch"]
    detail = event["detail"]
    assert detail["alarmName"] == "Watch"
    state = detail["state"]
    assert (state["value"], state["reason"]) == ("ALARM", REASON)
    assert state["timestamp"] == "2026-01-01T00:01:00.000+0000"
    assert json.loads(state["reasonData"]) == {
        "version": "1.0",
        "queryDate": "2026-01-01T00:01:00.000+0000",
        "startDate": "2026-01-01T00:00:00.000+0000",
        "statistic": "Sum",
        "period": 60,
        "recentDatapoints": [2.0],
        "threshold": 1.0,
        "evaluatedDatapoints": [{"timestamp": "2026-01-01T00:00:00.000+0000", "value": 2.0}],
    }
    assert detail["previousState"]["value"] == "OK"
    assert detail["configuration"] == {
        "description": "Sales fail",
        "metrics": [
            {
                "id": "m1",
                "metricStat": {
                    "metric": {"namespace": "Shop", "name": "Errors", "dimensions": {}},
                    "period": 60,
                    "stat": "Sum",
                },
                "returnData": True,
            }
        ],
    }


def test_a_topic_gets_the_documented_message() -> None:
    with world(resource("Watch", **errors(AlarmActions=[TOPIC], OKActions=[TOPIC]))) as here:
        here.add(2)
        here.advance(10)
        alarm, okay = here.calls
    service, operation, params = alarm
    assert (service, operation, params["TopicArn"]) == ("sns", "Publish", TOPIC)
    assert params["Subject"] == 'ALARM: "Watch" in US West (Oregon)'
    message = json.loads(params["Message"])
    assert message["NewStateReason"] == REASON
    assert (message["OldStateValue"], message["NewStateValue"]) == ("OK", "ALARM")
    assert message["Trigger"] == {
        "MetricName": "Errors",
        "Namespace": "Shop",
        "StatisticType": "Statistic",
        "Statistic": "SUM",
        "Unit": None,
        "Dimensions": [],
        "Period": 60,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1.0,
        "TreatMissingData": "notBreaching",
        "EvaluateLowSampleCountPercentile": "",
    }
    assert json.loads(okay[2]["Message"])["NewStateReason"] == (
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was "
        "treated as [NonBreaching]."
    )


def test_a_function_gets_the_alarm_and_its_state() -> None:
    with world(resource("Watch", **errors(AlarmActions=[FUNCTION]))) as here:
        here.add(2)
        here.advance(1)
        ((service, operation, params),) = here.calls
        (event,) = here.events
    assert (service, operation, params["InvocationType"]) == ("lambda", "Invoke", "Event")
    given = json.loads(params["Payload"])
    assert given["source"] == "aws.cloudwatch"
    assert given["alarmArn"] == f"{ALARM}Watch"
    assert given["alarmData"] == event["detail"]


def test_an_action_that_is_not_simulated_is_named() -> None:
    action = "arn:aws:swf:us-west-2:123456789012:action/actions/AWS_EC2.InstanceId.Stop/1.0"
    with world(resource("Watch", **errors(AlarmActions=[action]))) as here:
        here.add()
        here.advance(1)
        (entry,) = here.aws.timeline
        history = here.call("DescribeAlarmHistory", AlarmName="Watch", HistoryItemType="Action")
    assert entry.error == "alarm actions of swf are not simulated"
    assert history["AlarmHistoryItems"][0]["HistorySummary"] == f"Failed to execute action {action}"


def test_disabled_actions_are_not_taken() -> None:
    with world(resource("Watch", **errors(AlarmActions=[TOPIC], ActionsEnabled=False))) as here:
        here.add()
        here.advance(1)
        assert (here.state("Watch"), here.calls) == ("ALARM", [])
        here.call("EnableAlarmActions", AlarmNames=["Watch"])
        here.advance(10)
        here.add()
        here.advance(1)
        assert len(here.calls) == 1


def test_a_composite_alarm_follows_its_rule() -> None:
    slow = errors(MetricName="Slow")
    with world(
        composite("Both", f'ALARM(Failing) AND ALARM("{ALARM}Slow")', AlarmActions=[TOPIC]),
        composite("Quiet", "NOT ALARM(Both) OR FALSE"),
        resource("Failing", **ERRORS),
        resource("Slow", **slow),
    ) as here:
        here.add()
        here.advance(1)
        assert (here.state("Both"), here.state("Quiet")) == ("OK", "ALARM")
        here.add(1, "Slow")
        here.advance(1)
        assert (here.state("Both"), here.state("Quiet")) == ("ALARM", "OK")
        message = json.loads(here.calls[0][2]["Message"])
    assert message["AlarmRule"] == f'ALARM(Failing) AND ALARM("{ALARM}Slow")'
    assert message["NewStateReason"] == (
        f"{ALARM}Slow transitioned to ALARM at Thursday 01 January, 2026 00:02:00 UTC"
    )


def test_an_alarm_put_while_the_app_runs_begins_without_data() -> None:
    with world() as here:
        here.call("PutMetricAlarm", AlarmName="Watch", **ERRORS)
        assert here.state("Watch") == "INSUFFICIENT_DATA"
        here.advance(1)
        assert here.changes == [(1.0, "Watch", "OK")]


def test_a_state_that_was_set_lasts_until_the_next_evaluation() -> None:
    with world(resource("Watch", **errors(AlarmActions=[TOPIC]))) as here:
        here.call(
            "SetAlarmState", AlarmName="Watch", StateValue="ALARM", StateReason="a fire drill"
        )
        here.advance(2)
        assert [state for _, _, state in here.changes] == ["ALARM", "OK"]
        assert json.loads(here.calls[0][2]["Message"])["NewStateReason"] == "a fire drill"


def described(here: World, **asked: Any) -> list[str]:
    answer = here.call("DescribeAlarms", **asked)
    return [one["AlarmName"] for one in [*answer["MetricAlarms"], *answer["CompositeAlarms"]]]


def test_alarms_are_described_by_what_is_asked() -> None:
    with world(
        resource("Failing", **errors(AlarmActions=[TOPIC])),
        resource("Slow", **errors(MetricName="Slow")),
        composite("Any", "ALARM(Failing) OR ALARM(Slow)"),
    ) as here:
        here.add()
        here.advance(1)
        assert described(here) == ["Failing", "Slow"]
        assert described(here, AlarmTypes=["CompositeAlarm"]) == ["Any"]
        assert described(here, StateValue="ALARM") == ["Failing"]
        assert described(here, AlarmNamePrefix="S") == ["Slow"]
        assert described(here, AlarmNames=["Slow", "Gone"]) == ["Slow"]
        assert described(here, ActionPrefix="arn:aws:sns") == ["Failing"]
        assert described(here, ChildrenOfAlarmName="Any") == ["Failing", "Slow"]
        types = ["MetricAlarm", "CompositeAlarm"]
        assert described(here, ParentsOfAlarmName="Slow", AlarmTypes=types) == ["Any"]
        first = here.call("DescribeAlarms", MaxRecords=1)
        second = here.call("DescribeAlarms", MaxRecords=1, NextToken=first["NextToken"])
        assert [one["AlarmName"] for one in second["MetricAlarms"]] == ["Slow"]
        (found,) = here.call("DescribeAlarmsForMetric", Namespace="Shop", MetricName="Slow")[
            "MetricAlarms"
        ]
    assert (found["AlarmName"], found["Period"], found["Threshold"]) == ("Slow", 60, 1.0)


def test_the_history_has_states_and_configurations() -> None:
    with world(resource("Watch", **ERRORS)) as here:
        here.add()
        here.advance(1)
        items = here.call("DescribeAlarmHistory", AlarmName="Watch")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in items] == [
        "Alarm updated from OK to ALARM",
        'Alarm "Watch" created',
    ]
    assert json.loads(items[0]["HistoryData"])["newState"]["stateValue"] == "ALARM"


def test_tags_are_kept() -> None:
    with world(resource("Watch", **errors(Tags=[{"Key": "team", "Value": "sales"}]))) as here:
        here.call("TagResource", ResourceARN=f"{ALARM}Watch", Tags=[{"Key": "pager", "Value": "7"}])
        here.call("UntagResource", ResourceARN=f"{ALARM}Watch", TagKeys=["team"])
        tags = here.call("ListTagsForResource", ResourceARN=f"{ALARM}Watch")["Tags"]
    assert tags == [{"Key": "pager", "Value": "7"}]


def test_a_deleted_alarm_does_nothing_any_more() -> None:
    with world(resource("Watch", **ERRORS)) as here:
        here.add()
        here.call("DeleteAlarms", AlarmNames=["Watch"])
        here.advance(5)
        assert here.changes == []
        with pytest.raises(ApiError, match="Alarm Watch does not exist"):
            here.call("DeleteAlarms", AlarmNames=["Watch"])


def test_what_a_composite_alarm_looks_at_stays() -> None:
    with world(resource("Watch", **ERRORS), composite("Any", "ALARM(Watch)")) as here:
        with pytest.raises(ApiError, match=r"composite alarm\(s\) depend on it"):
            here.call("DeleteAlarms", AlarmNames=["Watch"])
        here.call("DeleteAlarms", AlarmNames=["Watch", "Any"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"Period": 45}, "Period must be"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm must be from 1 to EvaluationPeriods"),
        ({"EvaluationPeriods": 1441}, "Metrics cannot be checked across more than 1 day"),
        ({"Statistic": "Median"}, "The value Median for parameter Stat is not supported"),
        ({"ComparisonOperator": "Above"}, "ComparisonOperator Above is none of"),
        ({"TreatMissingData": "zero"}, "TreatMissingData zero is none of"),
        ({"ExtendedStatistic": "p95"}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"Metrics": []}, "cannot be specified both"),
    ],
)
def test_a_mistake_is_told_with_its_resource(more: dict[str, Any], message: str) -> None:
    with (
        pytest.raises(InputError, match=message) as caught,
        world(resource("Watch", **errors(**more))),
    ):
        raise AssertionError("it must not load")
    assert caught.value.where == "stack.json#/Resources/Watch"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("100 * errors / calls", "'calls' is no id of this request"),
        ("MEDIAN(m1)", "unknown function 'MEDIAN'"),
        ("m1 +", "it ends where a value is missing"),
        ("SUM(m1)", "its result is no time series"),
        ("e1 * 2", "it refers to itself"),
    ],
)
def test_a_mistake_in_an_expression_is_told_at_load(expression: str, message: str) -> None:
    metric = {"Metric": {"Namespace": "Shop", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}
    single = {"Namespace", "MetricName", "Statistic", "Period"}
    properties = {name: value for name, value in ERRORS.items() if name not in single}
    queries = [
        {"Id": "e1", "Expression": expression},
        {"Id": "m1", "MetricStat": metric, "ReturnData": False},
    ]
    with (
        pytest.raises(InputError, match=message),
        world(resource("Watch", **properties, Metrics=queries)),
    ):
        raise AssertionError("it must not load")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("ALARM(Gone)", "alarm Gone does not exist"),
        ("ALARM(Watch) AND", "must not end"),
        ("FAILED(Watch)", "error at 'FAILED'"),
        ("ALARM(Watch) ALARM(Watch)", "error at ' ALARM'"),
    ],
)
def test_a_mistake_in_a_rule_is_told_at_load(rule: str, message: str) -> None:
    with (
        pytest.raises(InputError, match=message),
        world(resource("Watch", **ERRORS), composite("Any", rule)),
    ):
        raise AssertionError("it must not load")


def test_a_rule_may_not_lead_back_to_itself() -> None:
    with world(resource("Watch", **ERRORS), composite("Any", "ALARM(Watch)")) as here:
        here.call("PutCompositeAlarm", AlarmName="More", AlarmRule="ALARM(Any)")
        with pytest.raises(ApiError, match="refers to itself"):
            here.call("PutCompositeAlarm", AlarmName="Any", AlarmRule="ALARM(More)")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"ThresholdMetricId": "band"}, "anomaly detection is not simulated"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "anomaly detection"),
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "WallClockWindow is not simulated"),
        ({"EvaluationCriteria": {}}, "alarms with EvaluationCriteria are not simulated"),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(more: dict[str, Any], message: str) -> None:
    with world(resource("Watch", **errors(**more))) as here:
        alarms = here.session.triggers.alarms
        assert message in alarms.refused[f"{ALARM}Watch"].message
        assert alarms.find("Watch") is None
        with pytest.raises(UnsupportedError, match=message):
            here.call("PutMetricAlarm", AlarmName="Watch", **errors(**more))
