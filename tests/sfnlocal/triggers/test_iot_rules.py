"""IoT topic rules: which messages they take, what they hand over, and what becomes of failures.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-reference.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.template import load_app
from sfnlocal.triggers.iot.rules import refusal
from sfnlocal.triggers.iot.sql import UNDEFINED, Message, parse_sql, topic_matches

URL = "https://sqs.us-east-1.amazonaws.com/123456789012"
ROLE = "arn:aws:iam::123456789012:role/iot"


@pytest.mark.parametrize(
    ("topic_filter", "topic", "matches"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+/c", "a/b/c", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a/b/c", True),
        ("a/#", "b/c", False),
        ("#", "a/b", True),
        ("+/+", "/a", True),
    ],
)
def test_a_topic_filter_has_wildcards_for_levels(
    topic_filter: str, topic: str, matches: bool
) -> None:
    assert topic_matches(topic_filter, topic) is matches


READING = {"temperature": 71.5, "unit": "F", "place": {"floor": 3}, "ok": True, "note": None}


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("temperature > 70", True),
        ("temperature > 71.5", False),
        ("temperature >= 71.5 AND unit = 'F'", True),
        ("temperature < 0 OR unit <> 'C'", True),
        ("NOT (temperature < 0 OR unit <> 'C')", False),
        ("place.floor = 3", True),
        ("place.door = 3", False),
        ("place.door <> 3", False),
        ("ok = true", True),
        ("ok", True),
        ("unit", False),
        ("note = null", True),
        ("unit > 3", False),
        ("unit < 'G'", True),
        ("topic(2) = 'd-1'", True),
        ("topic(9) = 'd-1'", False),
        ("topic() = 'devices/d-1/data'", True),
        ("unit = 'it\\'s'", False),
        ('unit = "F"', True),
        ("temperature = -1", False),
    ],
)
def test_a_condition_chooses_messages(condition: str, wanted: bool) -> None:
    statement = parse_sql(f"SELECT * FROM 'devices/+/data' WHERE {condition}", "rule")
    assert statement.wants(Message("devices/d-1/data", READING, 0)) is wanted


@pytest.mark.parametrize(
    ("fields", "selected"),
    [
        ("*", READING),
        ("temperature", {"temperature": 71.5}),
        ("place.floor", {"floor": 3}),
        ("place.floor AS level, topic(2) AS device", {"level": 3, "device": "d-1"}),
        ("*, topic(2) AS device", {**READING, "device": "d-1"}),
        ("absent, unit", {"unit": "F"}),
        ("timestamp() AS at", {"at": 5}),
        ("'x' AS kind", {"kind": "x"}),
    ],
)
def test_a_statement_selects_what_is_handed_over(fields: str, selected: Json) -> None:
    statement = parse_sql(f"select {fields} from 'devices/+/data'", "rule")
    assert statement.selected(Message("devices/d-1/data", READING, 5)) == selected


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("SELECT * FROM t", "FROM t"),
        ("SELECT *", "its end, where FROM is expected"),
        ("SELECT * FROM 't' WHERE a LIKE 'b'", "LIKE"),
        ("SELECT sqrt(a) AS b FROM 't'", r"sqrt\(\)"),
        ("SELECT topic(2) FROM 't'", "without AS"),
        ("SELECT * FROM 't' WHERE", "its end"),
        ("SELECT * FROM 't' WHERE a = $b", r"\$b"),
        ("SELECT * FROM 't' WHERE (a = 1", r"its end, where \) is expected"),
        ("SELECT (1) FROM 't'", r"\("),
    ],
)
def test_what_of_the_language_is_not_run_is_refused_by_name(text: str, refused: str) -> None:
    with pytest.raises(UnsupportedError, match=refused):
        parse_sql(text, "rule")


def test_a_payload_that_is_no_json_is_undefined() -> None:
    statement = parse_sql("SELECT * FROM 't'", "rule")
    assert statement.selected(Message("t", UNDEFINED, 0)) is UNDEFINED


Start = Callable[..., Session]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def begin(
        *actions: Json, sql: str = "SELECT * FROM 'd/#'", disabled: bool = False, **payload: Json
    ) -> Session:
        rule = {"Sql": sql, "Actions": actions, "RuleDisabled": disabled, **payload}
        template = {
            "Resources": {
                "Inbox": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "inbox"}},
                "Errors": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "errors"}},
                "Rule": {
                    "Type": "AWS::IoT::TopicRule",
                    "Properties": {"RuleName": "hot", "TopicRulePayload": rule},
                },
            }
        }
        path = tmp_path / "app.template.json"
        path.write_text(json.dumps(template))
        return Session(load_app(path))

    return begin


def to_queue(name: str, **more: Json) -> dict[str, Json]:
    return {"Sqs": {"QueueUrl": f"{URL}/{name}", "RoleArn": ROLE, **more}}


def publish(session: Session, topic: str, payload: str) -> None:
    session.aws.call("iot-data", "Publish", {"topic": topic, "payload": payload.encode()})
    session.run_until_idle()


def bodies(session: Session, queue: str) -> list[str]:
    params = {"QueueUrl": f"{URL}/{queue}", "MaxNumberOfMessages": 10}
    answer = session.aws.call("sqs", "ReceiveMessage", params)
    return [message["Body"] for message in answer.get("Messages", [])]


def test_a_rule_sends_what_it_selects_to_a_queue(start: Start) -> None:
    with start(to_queue("inbox"), sql="SELECT t, topic(2) AS device FROM 'd/+'") as session:
        publish(session, "d/one", '{"t":1}')
        publish(session, "e/one", '{"t":2}')
        assert bodies(session, "inbox") == ['{"t":1,"device":"one"}']
        (entry,) = session.aws.timeline
        assert (entry.source_arn, entry.why) == (
            "arn:aws:iot:us-east-1:123456789012:rule/hot",
            "message on d/one",
        )


def test_a_queue_may_get_base64(start: Start) -> None:
    with start(to_queue("inbox", UseBase64=True)) as session:
        publish(session, "d/x", "raw bytes")
        assert base64.b64decode(bodies(session, "inbox")[0]) == b"raw bytes"


def test_a_failed_action_is_told_to_the_error_action_with_the_payload(start: Start) -> None:
    with start(to_queue("inbox"), ErrorAction=to_queue("errors")) as session:
        session.aws.call("sqs", "DeleteQueue", {"QueueUrl": f"{URL}/inbox"})
        publish(session, "d/x", '{"t":1}')
        (report,) = map(json.loads, bodies(session, "errors"))
    assert base64.b64decode(report["base64OriginalPayload"]) == b'{"t":1}'
    (failure,) = report["failures"]
    assert (report["ruleName"], report["topic"], failure["failedAction"]) == (
        "hot",
        "d/x",
        "SqsAction",
    )
    assert failure["failedResource"].endswith(":inbox")


def test_a_disabled_rule_does_nothing(start: Start) -> None:
    with start(to_queue("inbox"), disabled=True) as session:
        publish(session, "d/x", "{}")
        assert bodies(session, "inbox") == []


@pytest.mark.parametrize("topic", ["", "d/+", "d/#", "/".join("abcdefghi"), "a" * 257])
def test_the_broker_refuses_topics_that_are_none(start: Start, topic: str) -> None:
    with start(to_queue("inbox")) as session, pytest.raises(ApiError, match="not valid"):
        publish(session, topic, "{}")


def test_the_broker_refuses_payloads_over_128_kib(start: Start) -> None:
    with start(to_queue("inbox")) as session, pytest.raises(ApiError, match="too large"):
        publish(session, "d/x", "x" * 131_073)


def test_a_rule_whose_target_is_absent_is_named(start: Start) -> None:
    absent = {"Lambda": {"FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:no"}}
    for action in (to_queue("absent"), absent):
        with pytest.raises(InputError, match="Resources/Rule: its"), start(action):
            pass


@pytest.mark.parametrize(
    ("action", "sql", "reason"),
    [
        ({"Kinesis": {}}, "SELECT * FROM 'd/#'", "actions of kind Kinesis are not simulated"),
        (to_queue("inbox"), "SELECT abs(t) AS t FROM 'd'", "abs()"),
    ],
)
def test_what_is_not_run_is_listed_and_does_nothing(
    start: Start, action: Json, sql: str, reason: str
) -> None:
    with start(action, sql=sql) as session:
        (rule,) = session.app.of_type("AWS::IoT::TopicRule")
        listed = refusal(rule)
        assert listed is not None
        assert reason in listed
        publish(session, "d", "{}")
        assert bodies(session, "inbox") == []


def test_other_operations_are_refused_by_name(start: Start) -> None:
    with start(to_queue("inbox")) as session, pytest.raises(UnsupportedError, match="GetThing"):
        session.aws.call("iot-data", "GetThingShadow", {})
