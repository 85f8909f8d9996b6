"""EventBridge's operations: what they answer and refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sfnlocal.errors import ApiError, UnsupportedError
from tests.sfnlocal.triggers.events_world import (
    ACCOUNT,
    EVENTS,
    FUNCTION,
    MACHINE,
    QUEUE,
    World,
    world,
)

PATTERN = '{"source":["shop"]}'


@pytest.fixture
def shop() -> Iterator[World]:
    with world() as shop:
        yield shop


def refused(shop: World, operation: str, **params: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        shop.call(operation, **params)
    return caught.value.aws_code, caught.value.message


# Buses


def test_a_bus_is_created_described_updated_listed_and_deleted(shop: World) -> None:
    arn = f"{EVENTS}:event-bus/orders"
    made = shop.call(
        "CreateEventBus", Name="orders", Description="d", Tags=[{"Key": "k", "Value": "v"}]
    )
    assert made == {"EventBusArn": arn, "Description": "d"}
    shop.session.advance(1_000)
    assert shop.call("UpdateEventBus", Name="orders", Description="e")["Description"] == "e"
    bus = shop.call("DescribeEventBus", Name=arn)
    assert (bus["Name"], bus["Arn"], bus["Description"]) == ("orders", arn, "e")
    assert bus["LastModifiedTime"] == bus["CreationTime"] + 1
    assert shop.call("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    names = [one["Name"] for one in shop.call("ListEventBuses")["EventBuses"]]
    assert names == ["default", "orders"]
    shop.call("DeleteEventBus", Name="orders")
    assert refused(shop, "DescribeEventBus", Name="orders") == (
        "ResourceNotFoundException",
        "Event bus orders does not exist.",
    )
    assert shop.call("DeleteEventBus", Name="orders") == {}


def test_buses_that_cannot_be_created_or_deleted_are_refused(shop: World) -> None:
    shop.call("CreateEventBus", Name="orders")
    assert refused(shop, "CreateEventBus", Name="orders")[0] == "ResourceAlreadyExistsException"
    assert refused(shop, "CreateEventBus", Name="a/b")[0] == "ValidationException"
    assert refused(shop, "CreateEventBus", Name="ä")[0] == "ValidationException"
    assert refused(shop, "DeleteEventBus", Name="default")[0] == "ValidationException"
    shop.call("PutRule", Name="r", EventBusName="orders", EventPattern=PATTERN)
    assert "has rules" in refused(shop, "DeleteEventBus", Name="orders")[1]


def test_a_bus_keeps_the_statements_of_its_policy(shop: World) -> None:
    condition = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1"}
    shop.call(
        "PutPermission",
        Action="events:PutEvents",
        Principal=ACCOUNT,
        StatementId="one",
        Condition=condition,
    )
    shop.call("PutPermission", Action="events:PutEvents", Principal="*", StatementId="all")
    [one, everybody] = json.loads(shop.call("DescribeEventBus")["Policy"])["Statement"]
    assert one == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "events:PutEvents",
        "Resource": f"{EVENTS}:event-bus/default",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
    }
    assert everybody["Principal"] == "*"
    shop.call("RemovePermission", StatementId="one")
    assert refused(shop, "RemovePermission", StatementId="one")[0] == "ResourceNotFoundException"
    shop.call("RemovePermission", RemoveAllPermissions=True)
    assert "Policy" not in shop.call("DescribeEventBus")
    policy = json.dumps({"Statement": [{"Sid": "x", "Effect": "Deny"}]})
    shop.call("PutPermission", Policy=policy)
    assert '"Effect":"Deny"' in shop.call("DescribeEventBus")["Policy"]
    assert refused(shop, "PutPermission", Policy="{")[0] == "ValidationException"
    assert (
        "StatementId" in refused(shop, "PutPermission", Action="events:PutEvents", Principal="*")[1]
    )


# Rules


def test_a_rule_is_described_as_it_was_put(shop: World) -> None:
    pattern = '{ "source" : ["shop"] }'
    arn = f"{EVENTS}:rule/r"
    assert shop.call("PutRule", Name="r", EventPattern=pattern, Description="d") == {"RuleArn": arn}
    assert shop.call("DescribeRule", Name="r") == {
        "Name": "r",
        "Arn": arn,
        "EventPattern": pattern,
        "State": "ENABLED",
        "Description": "d",
        "EventBusName": "default",
        "CreatedBy": ACCOUNT,
    }


def test_putting_a_rule_again_replaces_all_but_its_targets_and_tags(shop: World) -> None:
    tags = [{"Key": "k", "Value": "v"}]
    shop.call("PutRule", Name="r", EventPattern=PATTERN, Description="d", Tags=tags)
    shop.call("PutTargets", Rule="r", Targets=[{"Id": "1", "Arn": QUEUE}])
    shop.call("PutRule", Name="r", ScheduleExpression="rate(1 day)", Tags=[])
    rule = shop.call("DescribeRule", Name="r")
    assert "Description" not in rule
    assert "EventPattern" not in rule
    assert len(shop.call("ListTargetsByRule", Rule="r")["Targets"]) == 1
    assert shop.call("ListTagsForResource", ResourceARN=rule["Arn"])["Tags"] == tags
    shop.put()
    assert shop.bodies() == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"Name": "r"}, "EventPattern or ScheduleExpression must be specified"),
        ({"Name": "a b", "EventPattern": PATTERN}, "regular expression pattern"),
        ({"Name": "r" * 65, "EventPattern": PATTERN}, "less than or equal to 64"),
        ({"Name": "r", "EventPattern": PATTERN, "State": "ON"}, "enum value set"),
        ({"Name": "r", "ScheduleExpression": "every day"}, "ScheduleExpression is not valid"),
        ({"EventPattern": PATTERN}, "'name' failed to satisfy constraint: Member must not be null"),
        (
            {"Name": "r", "ScheduleExpression": "rate(1 day)", "EventBusName": "shop"},
            "only on the default event bus",
        ),
    ],
)
def test_a_bad_rule_is_refused(shop: World, params: dict[str, str], message: str) -> None:
    shop.call("CreateEventBus", Name="shop")
    code, said = refused(shop, "PutRule", **params)
    assert code == "ValidationException"
    assert message in said


def test_a_rule_with_a_bad_pattern_is_refused(shop: World) -> None:
    code, message = refused(shop, "PutRule", Name="r", EventPattern='{"source":"shop"}')
    assert code == "InvalidEventPatternException"
    assert '"source" must be an object or an array' in message


def test_a_rule_is_disabled_and_enabled(shop: World) -> None:
    shop.rule("r")
    shop.call("DisableRule", Name="r")
    assert shop.call("DescribeRule", Name="r")["State"] == "DISABLED"
    shop.put()
    assert shop.bodies() == []
    shop.call("EnableRule", Name="r")
    shop.put()
    assert len(shop.bodies()) == 1


def test_a_rule_with_targets_cannot_be_deleted(shop: World) -> None:
    shop.rule("r")
    assert refused(shop, "DeleteRule", Name="r") == (
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    )
    shop.call("RemoveTargets", Rule="r", Ids=["1"])
    shop.call("DeleteRule", Name="r")
    assert refused(shop, "DescribeRule", Name="r") == (
        "ResourceNotFoundException",
        "Rule r does not exist on EventBus default.",
    )
    assert shop.call("DeleteRule", Name="r") == {}
    assert (
        refused(shop, "DeleteRule", Name="r", EventBusName="no")[0] == "ResourceNotFoundException"
    )


def test_lists_come_in_pages_and_by_prefix(shop: World) -> None:
    for name in ("b2", "a1", "b1"):
        shop.rule(name)
    first = shop.call("ListRules", Limit=2)
    assert [rule["Name"] for rule in first["Rules"]] == ["a1", "b1"]
    [last] = shop.call("ListRules", Limit=2, NextToken=first["NextToken"])["Rules"]
    assert last["Name"] == "b2"
    assert [rule["Name"] for rule in shop.call("ListRules", NamePrefix="b")["Rules"]] == [
        "b1",
        "b2",
    ]
    shop.call("PutTargets", Rule="b1", Targets=[{"Id": "2", "Arn": FUNCTION}])
    assert shop.call("ListRuleNamesByTarget", TargetArn=FUNCTION) == {"RuleNames": ["b1"]}
    assert refused(shop, "ListRules", NextToken="x")[0] == "ValidationException"


# Targets


def test_targets_are_listed_as_they_were_put(shop: World) -> None:
    shop.rule("r")
    other = {"Id": "0", "Arn": FUNCTION, "Input": '"x"', "RetryPolicy": {"MaximumRetryAttempts": 1}}
    assert shop.call("PutTargets", Rule="r", Targets=[other]) == {
        "FailedEntryCount": 0,
        "FailedEntries": [],
    }
    targets = shop.call("ListTargetsByRule", Rule="r")["Targets"]
    assert targets == [other, {"Id": "1", "Arn": QUEUE}]


def test_removing_a_target_that_is_not_there_fails_alone(shop: World) -> None:
    shop.rule("r")
    answer = shop.call("RemoveTargets", Rule="r", Ids=["1", "2"])
    assert answer["FailedEntryCount"] == 1
    assert answer["FailedEntries"][0]["TargetId"] == "2"
    assert shop.call("ListTargetsByRule", Rule="r")["Targets"] == []


def test_bad_targets_are_refused(shop: World) -> None:
    shop.rule("r")
    put = ("PutTargets",)
    for target, message in (
        ({"Id": "2", "Arn": MACHINE}, "RoleArn is required for target"),
        ({"Id": "2", "Arn": "queue"}, "Arn is no ARN"),
        ({"Id": "a b", "Arn": QUEUE}, "'target id' failed"),
        ({"Id": "2", "Arn": f"{QUEUE}.fifo"}, "SqsParameters must be specified"),
    ):
        code, said = refused(shop, *put, Rule="r", Targets=[target])
        assert code == "ValidationException"
        assert message in said
    five = [{"Id": f"t{number}", "Arn": QUEUE} for number in range(5)]
    assert refused(shop, *put, Rule="r", Targets=five)[0] == "LimitExceededException"
    assert refused(shop, *put, Rule="no", Targets=five)[0] == "ResourceNotFoundException"
    stream = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
    with pytest.raises(UnsupportedError, match="targets of kinesis are not simulated"):
        shop.call("PutTargets", Rule="r", Targets=[{"Id": "2", "Arn": stream}])


# Patterns


EVENT = {
    "id": "1",
    "account": "1",
    "source": "shop",
    "time": "2026-01-01T00:00:00Z",
    "region": "r",
    "resources": [],
    "detail-type": "x",
}


def test_a_pattern_is_tested_against_an_event(shop: World) -> None:
    def result(pattern: str) -> Any:
        return shop.call("TestEventPattern", EventPattern=pattern, Event=json.dumps(EVENT))

    assert result(PATTERN) == {"Result": True}
    assert result('{"source":["other"]}') == {"Result": False}


@pytest.mark.parametrize("event", ["{", "[]", json.dumps({**EVENT, "id": 1} | {"x": 1})[:-1]])
def test_an_event_to_test_must_be_one(shop: World, event: str) -> None:
    assert refused(shop, "TestEventPattern", EventPattern=PATTERN, Event=event)[0] == (
        "ValidationException"
    )


def test_an_event_to_test_must_have_its_fields(shop: World) -> None:
    event = {name: value for name, value in EVENT.items() if name not in ("id", "region")}
    _, message = refused(shop, "TestEventPattern", EventPattern=PATTERN, Event=json.dumps(event))
    assert "id, region must be in it" in message


# Tags, and what is not there


def test_rules_and_buses_have_tags(shop: World) -> None:
    shop.rule("r")
    arn = f"{EVENTS}:rule/r"
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    shop.call("TagResource", ResourceARN=arn, Tags=tags)
    shop.call("UntagResource", ResourceARN=arn, TagKeys=["a", "c"])
    assert shop.call("ListTagsForResource", ResourceARN=arn)["Tags"] == tags[1:]
    bus = f"{EVENTS}:event-bus/default"
    shop.call("TagResource", ResourceARN=bus, Tags=tags)
    assert shop.call("ListTagsForResource", ResourceARN=bus)["Tags"] == tags
    assert refused(shop, "ListTagsForResource", ResourceARN=arn + "x")[0] == (
        "ResourceNotFoundException"
    )


@pytest.mark.parametrize(
    "operation", ["CreateApiDestination", "CreateConnection", "CreateEndpoint"]
)
def test_what_is_not_simulated_is_refused_by_name(shop: World, operation: str) -> None:
    with pytest.raises(UnsupportedError, match=f"events:{operation} is not simulated"):
        shop.call(operation)


def test_partner_sources_and_global_endpoints_are_refused_by_name(shop: World) -> None:
    with pytest.raises(UnsupportedError, match="partner event sources"):
        shop.call("CreateEventBus", Name="p", EventSourceName="aws.partner/x/y")
    with pytest.raises(UnsupportedError, match="global endpoints"):
        shop.call("PutEvents", EndpointId="abcde.veo", Entries=[{"Source": "s"}])
