"""Event buses: which rules get an event, and what their targets get of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sfnlocal.errors import ApiError, InputError
from sfnlocal.template.resources import Resource
from sfnlocal.triggers.bus_resources import refusals
from sfnlocal.triggers.rule_deliveries import dead_letter_code
from tests.sfnlocal.triggers.events_world import (
    ACCOUNT,
    EVENTS,
    FUNCTION,
    GROUP,
    LETTERS,
    MACHINE,
    QUEUE,
    REGION,
    ROLE,
    TOPIC,
    World,
    resource,
    rule_resource,
    world,
)


@pytest.fixture
def shop() -> Iterator[World]:
    with world() as shop:
        yield shop


# PutEvents


def test_an_event_goes_whole_to_a_rules_target(shop: World) -> None:
    shop.rule("all")
    answer = shop.put('{"id": 7}', Resources=["arn:x"])
    [body] = shop.bodies()
    assert json.loads(body) == {
        "version": "0",
        "id": answer["EventId"],
        "detail-type": "Placed",
        "source": "shop",
        "account": ACCOUNT,
        "time": "2026-01-01T00:00:00Z",
        "region": REGION,
        "resources": ["arn:x"],
        "detail": {"id": 7},
    }


def test_an_event_goes_to_the_rules_that_match_and_to_no_other(shop: World) -> None:
    shop.rule("seven", pattern='{"detail":{"id":[7]}}')
    shop.rule("eight", pattern='{"detail":{"id":[8]}}')
    shop.put('{"id": 7}')
    assert [entry.source_arn for entry in shop.aws.timeline] == [f"{EVENTS}:rule/seven"]


def test_ids_come_from_the_seed(shop: World) -> None:
    with world() as again:
        assert again.put()["EventId"] == shop.put()["EventId"] != shop.put()["EventId"]


def test_an_event_has_the_time_that_its_sender_gives(shop: World) -> None:
    shop.rule("all")
    shop.put(Time="2026-03-01T10:00:00+01:00")
    assert json.loads(shop.bodies()[0])["time"] == "2026-03-01T09:00:00Z"


@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        ({"Source": ""}, "InvalidArgument", "Source is a required argument"),
        ({"DetailType": ""}, "InvalidArgument", "DetailType is a required argument"),
        ({"Detail": ""}, "InvalidArgument", "Detail is a required argument"),
        ({"Detail": "{"}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": "[1]"}, "MalformedDetail", "Detail is malformed."),
        ({"Source": "aws.states"}, "NotAuthorizedForSource", "Not authorized for the source."),
    ],
)
def test_a_bad_entry_fails_alone(
    shop: World, entry: dict[str, str], code: str, message: str
) -> None:
    shop.rule("all")
    good = {"Source": "shop", "DetailType": "Placed", "Detail": "{}"}
    answer = shop.call("PutEvents", Entries=[{**good, **entry}, good])
    shop.session.run_until_idle()
    bad, taken = answer["Entries"]
    assert answer["FailedEntryCount"] == 1
    assert bad["ErrorCode"] == code
    assert message in bad["ErrorMessage"]
    assert "EventId" in taken
    assert len(shop.bodies()) == 1


def test_eleven_entries_are_refused(shop: World) -> None:
    entry = {"Source": "shop", "DetailType": "Placed", "Detail": "{}"}
    with pytest.raises(ApiError, match="length less than or equal to 10"):
        shop.call("PutEvents", Entries=[entry] * 11)


def test_entries_of_a_mebibyte_are_refused_together(shop: World) -> None:
    def entries(chars: int) -> list[dict[str, str]]:
        detail = json.dumps({"x": "y" * chars})
        return [{"Source": "s", "DetailType": "t", "Detail": detail}] * 2

    # Each has ten bytes more than its text.
    shop.call("PutEvents", Entries=entries(2**19 - 12))
    with pytest.raises(ApiError, match="Total size of the entries") as caught:
        shop.call("PutEvents", Entries=entries(2**19 - 11))
    assert caught.value.aws_code == "ValidationException"


def test_an_event_for_a_bus_that_does_not_exist_is_lost_and_the_timeline_says_so(
    shop: World,
) -> None:
    assert "EventId" in shop.put(bus="nowhere")
    [entry] = shop.aws.timeline
    assert entry.error == "Event bus nowhere does not exist."


# Targets


@pytest.mark.parametrize(
    ("arn", "call"),
    [
        (QUEUE, ("sqs", "SendMessage", "MessageBody")),
        (FUNCTION, ("lambda", "Invoke", "Payload")),
        (TOPIC, ("sns", "Publish", "Message")),
        (MACHINE, ("stepfunctions", "StartExecution", "input")),
    ],
)
def test_targets_of_each_kind_get_the_input(
    shop: World, arn: str, call: tuple[str, str, str]
) -> None:
    shop.rule("all", arn, InputPath="$.detail", RoleArn=ROLE)
    shop.put('{"id": 7}')
    [(service, operation, params)] = shop.calls
    assert (service, operation) == call[:2]
    assert json.loads(params[call[2]]) == {"id": 7}


def test_a_log_group_gets_the_event_as_a_log_event(shop: World) -> None:
    shop.rule("all", GROUP, InputPath="$.detail")
    shop.put('{"id": 7}')
    assert [operation for _, operation, _ in shop.calls] == ["CreateLogStream", "PutLogEvents"]
    [event] = shop.calls[1][2]["logEvents"]
    assert event["message"] == '{"id":7}'


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ({"Input": '{"fixed": true}'}, '{"fixed": true}'),
        ({"InputPath": "$.detail.id"}, "7"),
        ({"InputPath": "$.detail.nothing"}, "null"),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"id": "$.detail.id"},
                    "InputTemplate": '{"order":<id>,"rule":<aws.events.rule-name>}',
                }
            },
            '{"order":7,"rule":"all"}',
        ),
    ],
)
def test_a_target_gets_what_its_input_says(shop: World, target: dict[str, Any], body: str) -> None:
    shop.rule("all", **target)
    shop.put('{"id": 7}')
    assert shop.bodies() == [body]


def test_a_fifo_queue_gets_its_message_group(shop: World) -> None:
    shop.rule("all", f"{QUEUE}.fifo", SqsParameters={"MessageGroupId": "orders"})
    shop.put()
    assert shop.calls[0][2]["MessageGroupId"] == "orders"


def test_a_target_that_is_busy_is_tried_again_in_virtual_time(shop: World) -> None:
    shop.rule("all")
    shop.errors = [ApiError("ThrottlingException", "slow down")] * 3
    before_ms = shop.session.now_ms
    shop.put()
    assert len(shop.bodies()) == 1
    assert shop.session.now_ms > before_ms


def test_what_a_target_refuses_is_a_dead_letter_that_says_why(shop: World) -> None:
    arn = shop.rule("all", DeadLetterConfig={"Arn": LETTERS}, InputPath="$.detail")
    shop.errors = [ApiError("AWS.SimpleQueueService.NonExistentQueue", "no such queue")]
    shop.put('{"id": 7}')
    [(_, _, letter)] = shop.calls
    assert letter["QueueUrl"].endswith("/letters")
    assert json.loads(letter["MessageBody"])["detail"] == {"id": 7}
    texts = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert texts == {
        "RULE_ARN": arn,
        "TARGET_ARN": QUEUE,
        "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": "no such queue",
    }


def test_a_retry_policy_ends_the_attempts(shop: World) -> None:
    shop.rule("all", DeadLetterConfig={"Arn": LETTERS}, RetryPolicy={"MaximumRetryAttempts": 2})
    shop.errors = [ApiError("ThrottlingException", "slow down")] * 3
    shop.put()
    [(_, _, letter)] = shop.calls
    texts = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert texts["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert (texts["RETRY_ATTEMPTS"], texts["ERROR_CODE"]) == ("2", "THROTTLING")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ApiError("AccessDeniedException", "no"), "NO_PERMISSIONS"),
        (ApiError("StateMachineDoesNotExist", "no"), "NO_RESOURCE"),
        (ApiError("InvalidExecutionInput", "no"), "INVALID_JSON"),
        (ApiError("InvalidArn", "no"), "SDK_CLIENT_ERROR"),
        (ApiError("InternalError", "no", 500), "INTERNAL_ERROR"),
    ],
)
def test_a_dead_letter_has_event_bridges_error_code(error: ApiError, code: str) -> None:
    assert dead_letter_code(error) == code


def test_invocations_are_counted(shop: World) -> None:
    shop.rule("all", DeadLetterConfig={"Arn": LETTERS}, RetryPolicy={"MaximumRetryAttempts": 1})
    shop.errors = [ApiError("ThrottlingException", "slow down")] * 2
    shop.put()
    counts = {
        metric.id.name
        for metric in shop.aws.metrics
        if metric.id.namespace == "AWS/Events" and metric.last_ms is not None
    }
    assert counts == {
        "TriggeredRules",
        "Invocations",
        "FailedInvocations",
        "RetryInvocationAttempts",
        "InvocationsSentToDlq",
    }


# Between buses


@pytest.fixture
def chain(shop: World) -> World:
    """default -> a -> b, and a queue on each."""
    for name in ("a", "b"):
        shop.call("CreateEventBus", Name=name)
    for bus, other in (("default", "a"), ("a", "b"), ("b", "default")):
        shop.call("PutRule", Name="on", EventBusName=bus, EventPattern='{"source":["shop"]}')
        targets = [
            {"Id": "bus", "Arn": f"{EVENTS}:event-bus/{other}", "RoleArn": ROLE},
            {"Id": "queue", "Arn": QUEUE, "Input": json.dumps(bus)},
        ]
        shop.call("PutTargets", Rule="on", EventBusName=bus, Targets=targets)
    return shop


def test_an_event_goes_to_another_bus_but_to_no_third_one(chain: World) -> None:
    chain.put()
    assert chain.bodies() == ['"default"', '"a"']
    errors = [entry.error for entry in chain.aws.timeline if entry.error]
    assert errors == ["an event from another bus goes to no third bus"]


def test_a_loop_of_buses_ends(chain: World) -> None:
    chain.put(bus="b")
    assert chain.bodies() == ['"b"', '"default"']


def test_a_forwarded_event_stays_as_it_is(shop: World) -> None:
    shop.call("CreateEventBus", Name="a")
    shop.rule("on", f"{EVENTS}:event-bus/a")
    shop.call("PutRule", Name="end", EventBusName="a", EventPattern='{"source":["shop"]}')
    shop.call("PutTargets", Rule="end", EventBusName="a", Targets=[{"Id": "1", "Arn": QUEUE}])
    answer = shop.put('{"id": 7}')
    event = json.loads(shop.bodies()[0])
    assert (event["id"], event["source"]) == (answer["EventId"], "shop")


def test_events_of_services_come_onto_the_default_bus(shop: World) -> None:
    shop.rule("s3", pattern='{"source":["aws.s3"],"detail-type":["Object Created"]}')
    shop.aws.emit("aws.s3", "Object Created", {"bucket": {"name": "b"}}, ["arn:aws:s3:::b"])
    shop.session.run_until_idle()
    event = json.loads(shop.bodies()[0])
    assert event["detail"] == {"bucket": {"name": "b"}}
    assert event["resources"] == ["arn:aws:s3:::b"]


# Who listens


@pytest.mark.parametrize(
    ("pattern", "listens"),
    [
        ('{"source":["aws.states"]}', True),
        ('{"source":[{"prefix":"aws."}]}', True),
        ('{"source":["aws.s3"]}', False),
        ('{"source":["aws.states"],"detail":{"status":["FAILED","ABORTED"]}}', True),
        ('{"source":["aws.states"],"detail":{"status":["SUCCEEDED"]}}', False),
        ('{"detail":{"name":["x"]}}', True),
    ],
)
def test_a_bus_knows_whether_anybody_could_want_an_event(
    shop: World, pattern: str, listens: bool
) -> None:
    assert not shop.buses.listens("aws.states", "Changed", status="FAILED")
    shop.rule("r", pattern=pattern)
    assert shop.buses.listens("aws.states", "Changed", status="FAILED") is listens
    shop.call("DisableRule", Name="r")
    assert not shop.buses.listens("aws.states", "Changed", status="FAILED")


def test_an_archive_listens_too(shop: World) -> None:
    bus = f"{EVENTS}:event-bus/default"
    shop.call("CreateArchive", ArchiveName="all", EventSourceArn=bus)
    assert shop.buses.listens("aws.states", "Changed")
    shop.call("DeleteArchive", ArchiveName="all")
    assert not shop.buses.listens("aws.states", "Changed")


def test_a_test_can_lose_events_of_services(shop: World) -> None:
    shop.rule("r", pattern='{"source":["aws.states"]}', InputPath="$.detail.status")
    shop.buses.lose_next({"detail": {"status": ["FAILED"]}}, count=2)
    for status in ("FAILED", "SUCCEEDED", "FAILED", "FAILED"):
        shop.aws.emit("aws.states", "Changed", {"status": status}, [])
    shop.session.run_until_idle()
    assert shop.bodies() == ['"SUCCEEDED"', '"FAILED"']


# Rules on a schedule


def test_a_rule_on_a_schedule_starts_its_target_while_time_passes(shop: World) -> None:
    shop.call("PutRule", Name="hourly", ScheduleExpression="cron(0 * * * ? *)")
    shop.call("PutTargets", Rule="hourly", Targets=[{"Id": "1", "Arn": QUEUE}])
    shop.session.advance(3 * 3_600_000)
    events = [json.loads(body) for body in shop.bodies()]
    assert [event["time"] for event in events] == [
        "2026-01-01T01:00:00Z",
        "2026-01-01T02:00:00Z",
        "2026-01-01T03:00:00Z",
    ]
    assert events[0]["source"] == "aws.events"
    assert events[0]["detail-type"] == "Scheduled Event"
    assert events[0]["resources"] == [f"{EVENTS}:rule/hourly"]
    assert events[0]["detail"] == {}


def test_a_scheduled_event_is_the_rules_own(shop: World) -> None:
    shop.rule("all", pattern='{"source":["aws.events"]}')
    shop.call("PutRule", Name="hourly", ScheduleExpression="rate(1 hour)")
    shop.session.advance(2 * 3_600_000)
    assert shop.bodies() == []


def test_running_executions_to_their_end_does_not_wait_for_schedules(shop: World) -> None:
    shop.call("PutRule", Name="often", ScheduleExpression="rate(5 minutes)")
    shop.call("PutTargets", Rule="often", Targets=[{"Id": "1", "Arn": QUEUE}])
    shop.session.run_until_idle()
    assert shop.bodies() == []


def test_a_schedule_ends_with_its_rule_and_begins_again_when_it_is_enabled(shop: World) -> None:
    shop.call("PutRule", Name="often", ScheduleExpression="rate(5 minutes)")
    shop.call("PutTargets", Rule="often", Targets=[{"Id": "1", "Arn": QUEUE}])
    shop.call("DisableRule", Name="often")
    shop.session.advance(3_600_000)
    assert shop.bodies() == []
    shop.call("EnableRule", Name="often")
    shop.session.advance(600_000)
    assert len(shop.bodies()) == 2
    shop.call("RemoveTargets", Rule="often", Ids=["1"])
    shop.call("DeleteRule", Name="often")
    shop.session.advance(600_000)
    assert len(shop.bodies()) == 2


# From a template


def queue(name: str = "orders") -> Resource:
    more = {"FifoQueue": True, "QueueName": name} if name.endswith(".fifo") else {}
    return resource("AWS::SQS::Queue", name, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", **more)


def target(arn: str = QUEUE, **more: Any) -> dict[str, Any]:
    return {"Id": "T", "Arn": arn, **more}


BUS = resource("AWS::Events::EventBus", "shop", f"{EVENTS}:event-bus/shop", Name="shop")


def test_rules_of_the_template_stand_on_their_buses() -> None:
    on_shop = resource(
        "AWS::Events::Rule",
        "shop|placed",
        f"{EVENTS}:rule/shop/placed",
        EventBusName=f"{EVENTS}:event-bus/shop",
        EventPattern={"detail": {"id": [7]}},
        Targets=[target(InputPath="$.source")],
    )
    policy = resource(
        "AWS::Events::EventBusPolicy",
        "p",
        "",
        EventBusName="shop",
        StatementId="s",
        Statement={"Effect": "Allow"},
    )
    archive = resource(
        "AWS::Events::Archive",
        "kept",
        f"{EVENTS}:archive/kept",
        SourceArn=f"{EVENTS}:event-bus/shop",
        EventPattern={"source": ["shop"]},
    )
    resources = (BUS, queue(), on_shop, policy, archive, rule_resource("other", target()))
    with world(*resources) as app:
        app.put('{"id": 7}', bus="shop")
        assert app.bodies() == ['"shop"']
        [rule] = app.call("ListRules", EventBusName="shop")["Rules"]
        assert rule["EventPattern"] == '{"detail":{"id":[7]}}'
        assert app.call("DescribeArchive", ArchiveName="kept")["EventCount"] == 1
        described = app.call("DescribeEventBus", Name="shop")
        assert json.loads(described["Policy"])["Statement"] == [{"Sid": "s", "Effect": "Allow"}]


def test_a_disabled_rule_of_the_template_does_nothing() -> None:
    with world(queue(), rule_resource("off", target(), State="DISABLED")) as app:
        app.put()
        assert app.bodies() == []


def test_a_target_that_is_not_simulated_is_named_and_told_in_the_timeline() -> None:
    cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/c"
    with world(rule_resource("task", target(cluster, RoleArn=ROLE))) as app:
        [(refused, why)] = refusals(app.session.app)
        assert (refused.name, why) == ("task", "targets of ecs are not simulated")
        app.put()
        [entry] = app.aws.timeline
        assert (entry.target_arn, entry.error) == (cluster, why)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (rule_resource("r", EventPattern={"a": [{"contains": "x"}]}), "Unrecognized match type"),
        (rule_resource("r", EventBusName="nowhere"), "Event bus nowhere does not exist"),
        (rule_resource("r", EventPattern=None), "EventPattern or ScheduleExpression"),
        (rule_resource("r", ScheduleExpression="cron(* * * * ? *) "), "ScheduleExpression"),
        (rule_resource("r", ScheduleExpression="rate(1 hours)"), "1 hour"),
        (rule_resource("r", State="ON"), "State is 'ON'"),
        (rule_resource("r", target()), "target does not exist"),
        (rule_resource("r", target("orders")), "Arn is no ARN"),
        (rule_resource("r", target(EVENTS + ":event-bus/no")), "target does not exist"),
        (rule_resource("r", target(MACHINE)), "target does not exist"),
        (rule_resource("r", target(DeadLetterConfig={"Arn": TOPIC})), "is no SQS queue"),
        (
            rule_resource("r", target(DeadLetterConfig={"Arn": LETTERS + ".fifo"})),
            "must be a standard queue",
        ),
        (
            rule_resource(
                "r", target(f"{EVENTS}:event-bus/default", DeadLetterConfig={"Arn": LETTERS})
            ),
            "target does not exist",
        ),
        (rule_resource("r", target(Input="{")), "JSON syntax error in input for target T"),
        (rule_resource("r", target(InputPath="detail")), "Invalid InputPath for target T"),
        (rule_resource("r", target(Input="1", InputPath="$")), "Only one of Input, InputPath"),
        (
            rule_resource("r", target(InputTransformer={"InputTemplate": "<x>"})),
            "invalid placeholder <x>",
        ),
        (
            rule_resource("r", target(RetryPolicy={"MaximumRetryAttempts": 186})),
            "MaximumRetryAttempts is 186",
        ),
        (
            rule_resource("r", target(RetryPolicy={"MaximumEventAgeInSeconds": 59})),
            "MaximumEventAgeInSeconds is 59",
        ),
    ],
)
def test_what_aws_would_refuse_is_told_with_the_resource(rule: Resource, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught, world(rule):
        pass
    assert caught.value.where == "s.json#/Resources/r"
    assert caught.value.hint


def test_a_state_machine_needs_a_role_a_fifo_queue_a_group_and_a_rule_has_five_targets() -> None:
    machine = resource("AWS::StepFunctions::StateMachine", "Order", MACHINE)
    six = [{"Id": f"T{number}", "Arn": QUEUE} for number in range(6)]
    for one, rule, message in (
        (machine, rule_resource("r", target(MACHINE)), "RoleArn is required"),
        (
            queue("orders.fifo"),
            rule_resource("r", target(f"{QUEUE}.fifo")),
            "SqsParameters must be specified for target: T",
        ),
        (queue(), rule_resource("r", *six), "exceeds the maximum number"),
    ):
        with pytest.raises(InputError, match=message), world(one, rule):
            pass


def test_a_policy_of_no_bus_is_told_with_the_resource() -> None:
    policy = resource("AWS::Events::EventBusPolicy", "p", "", EventBusName="no", StatementId="s")
    with pytest.raises(InputError, match="Event bus no does not exist"), world(policy):
        pass
