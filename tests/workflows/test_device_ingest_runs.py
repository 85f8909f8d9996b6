"""The device ingest, running: from a device's message to what is stored, archived and told.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-reference.html
https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from itertools import count, permutations
from typing import Any

import pytest

from edge import Deadband, Device, Sample
from sfnlocal.errors import ApiError
from sfnlocal.ports import ServiceCall
from sfnlocal.template import App
from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Run, load
from sfnlocal.triggers.http_messages import HttpResponse
from tests.callers import ask, token, trust_issuer
from tests.stacks.test_grants import granted

API = "DeviceFront"
MACHINE = "DeviceIngest/DeviceIngest/DeviceIngest"
DEAD_LETTERS = ("DeviceQueueDeadLetters", "RejectedMessages", "UndeliveredMessages")
BROKEN = Failure("Broken", "for good")
LIMIT = 80


class Fleet:
    """Devices that send, and a gate that sees who calls what and refuses what it is told to."""

    def __init__(self, app: LocalApp) -> None:
        self.app = app
        self.refuses: Callable[[ServiceCall], bool] = lambda call: False
        self.alerts: list[dict[str, Any]] = []
        self._ids = count(1)

    def before(self, call: ServiceCall) -> None:
        if call.caller is not None and self.refuses(call):
            raise ApiError("ServiceUnavailable", "down", 503)

    def after(self, call: ServiceCall) -> None:
        if call.operation == "Publish" and call.service == "sns":
            alert = json.loads(call.params["Message"])
            self.alerts.append({"topic": call.params["TopicArn"].rpartition("-")[2], **alert})

    def register(self, **changes: Any) -> str:
        """A device of its own, for one test."""
        device_id = f"d-{next(self._ids)}"
        item = {"deviceId": device_id, "group": "pumps", "limitCelsius": LIMIT, **changes}
        self.app.put_item("Devices", {key: item[key] for key in item if item[key] is not None})
        return device_id

    def send(self, device_id: str, kind: str = "readings", **message: Any) -> None:
        """On the device's topic."""
        self.publish(f"devices/{device_id}/{kind}", json.dumps(message).encode())

    def publish(self, topic: str, payload: bytes) -> None:
        self.app.client("iot-data").publish(topic=topic, payload=payload)

    def read(self, device_id: str, seconds: int = 0, value: float = 20, unit: str = "C") -> None:
        """A reading, taken so many seconds after the session's beginning."""
        self.send(device_id, measuredAtMs=self.ms(seconds), temperature=value, unit=unit)

    def ms(self, seconds: float) -> int:
        return int(self.app.session.start_ms + 1000 * seconds)

    def known(self, device_id: str) -> dict[str, Any]:
        [item] = [one for one in self.app.items("Devices") if one["deviceId"] == device_id]
        return item

    def archived(self, device_id: str) -> dict[str, Any]:
        """Objects by folder and name."""
        s3 = self.app.client("s3")
        [bucket] = [
            one.name
            for one in self.app.app.of_type("AWS::S3::Bucket")
            if "DeviceArchive" in one.path
        ]
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        parts = {one["Key"]: one["Key"].split("/") for one in found}
        return {
            f"{folder}/{name}": json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
            for key, (folder, device, _, name) in parts.items()
            if device == device_id
        }

    def letters(self) -> list[tuple[Any, dict[str, str]]]:
        """Body and attributes of each dead letter, which stays there."""
        answer = self.app.client("sqs").receive_message(
            QueueUrl=self.app.queue_url("DeviceQueueDeadLetters"),
            MessageAttributeNames=["All"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
        )
        return [
            (
                json.loads(message["Body"]),
                {
                    name: value["StringValue"]
                    for name, value in message.get("MessageAttributes", {}).items()
                },
            )
            for message in answer.get("Messages", [])
        ]

    def move_back(self) -> None:
        """As the console's `Start DLQ redrive` does, with the queue as its custom destination."""
        sqs = self.app.client("sqs")
        source, destination = (
            sqs.get_queue_attributes(
                QueueUrl=self.app.queue_url(queue), AttributeNames=["QueueArn"]
            )["Attributes"]["QueueArn"]
            for queue in ("DeviceQueueDeadLetters", "DeviceQueue")
        )
        sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
        self.app.run_until_idle()

    def runs(self) -> list[Run]:
        return self.app.executions(MACHINE)

    def last_run(self) -> Run:
        return self.runs()[-1]


@pytest.fixture(scope="module")
def world(sfn_app: App, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    with load(sfn_app, seed=request.config.getoption("--sfn-seed")) as app:
        app.pause_schedules()
        fleet = Fleet(app)
        app.session.aws.add_gate(fleet)
        trust_issuer(app)
        yield fleet


@pytest.fixture
def fleet(world: Fleet) -> Iterator[Fleet]:
    """The world with nothing wrong in it, and nothing left over from another test."""
    world.alerts.clear()
    yield world
    world.app.session.mocks.clear()
    world.refuses = lambda call: False
    sqs = world.app.client("sqs")
    for queue in DEAD_LETTERS:
        sqs.purge_queue(QueueUrl=world.app.queue_url(queue))
    world.app.advance(minutes=2)


def left(fleet: Fleet) -> list[str]:
    return [queue for queue in DEAD_LETTERS if fleet.app.messages(queue)]


def test_a_reading_is_stored_and_archived(fleet: Fleet) -> None:
    device = fleet.register()
    fleet.read(device, 1, 21.5)
    fleet.app.run_until_idle()
    fleet.last_run().assert_succeeded({"store": "STORED", "archive": "ARCHIVED", "alert": "NONE"})
    known = fleet.known(device)
    assert (known["measuredAtMs"], float(known["celsius"])) == (fleet.ms(1), 21.5)
    [(name, message)] = fleet.archived(device).items()
    assert name == f"readings/{fleet.ms(1)}.json"
    assert message == {
        "deviceId": device,
        "kind": "readings",
        "receivedAtMs": message["receivedAtMs"],
        "measuredAtMs": fleet.ms(1),
        "temperature": 21.5,
        "unit": "C",
    }
    assert (fleet.alerts, left(fleet)) == ([], [])


@pytest.mark.parametrize(
    ("value", "unit", "celsius", "is_told"),
    [
        (80, "C", 80, False),
        (80.01, "C", 80.01, True),
        (176, "F", 80, False),
        (200, "F", 93.33, True),
    ],
)
def test_over_its_limit_the_device_s_group_is_told(
    fleet: Fleet, value: float, unit: str, celsius: float, is_told: bool
) -> None:
    device = fleet.register(group="ovens")
    fleet.read(device, 1, value, unit)
    fleet.app.run_until_idle()
    alert = {
        "topic": "ovens",
        "deviceId": device,
        "group": "ovens",
        "measuredAt": "2026-01-01T00:00:01.000Z",
        "measuredAtMs": fleet.ms(1),
        "celsius": celsius,
        "limitCelsius": LIMIT,
    }
    assert fleet.alerts == ([alert] if is_told else [])
    assert float(fleet.known(device)["celsius"]) == celsius
    assert left(fleet) == []


def test_messages_out_of_order_and_twice_end_at_the_newest(fleet: Fleet) -> None:
    for order in permutations([1, 2, 3]):
        device = fleet.register()
        for second in (*order, *order):
            fleet.read(device, second, 20 + second)
            fleet.app.run_until_idle()
        known = fleet.known(device)
        assert (known["measuredAtMs"], int(known["celsius"])) == (fleet.ms(3), 23), order
        names = {f"readings/{fleet.ms(second)}.json" for second in (1, 2, 3)}
        assert fleet.archived(device).keys() == names, order
    assert left(fleet) == []


def test_messages_that_come_at_once_end_at_the_newest(fleet: Fleet) -> None:
    device = fleet.register()
    for second in (3, 1, 2, 3):
        fleet.read(device, second, 20 + second)
    fleet.app.run_until_idle()
    assert int(fleet.known(device)["celsius"]) == 23
    assert [run.output["store"] for run in fleet.runs()[-4:]].count("STORED") >= 1


def test_an_alert_is_told_once_and_never_of_an_older_time(fleet: Fleet) -> None:
    device = fleet.register()
    for second in (2, 2, 1, 3):
        fleet.read(device, second, 90)
        fleet.app.run_until_idle()
    assert [alert["measuredAtMs"] for alert in fleet.alerts] == [fleet.ms(2), fleet.ms(3)]


def test_a_device_without_a_limit_tells_nobody(fleet: Fleet) -> None:
    device = fleet.register(limitCelsius=None)
    fleet.read(device, 1, 500)
    fleet.app.run_until_idle()
    fleet.last_run().assert_succeeded({"store": "STORED", "archive": "ARCHIVED", "alert": "NONE"})


BRANCHES = {
    "StoreLatest": ("Store", {"store": "FAILED", "archive": "ARCHIVED", "alert": "TOLD"}),
    "ArchiveReading": ("Archive", {"store": "STORED", "archive": "FAILED", "alert": "TOLD"}),
    "PublishAlert": ("Alert", {"store": "STORED", "archive": "ARCHIVED", "alert": "FAILED"}),
    "NoteAlert": ("Alert", {"store": "STORED", "archive": "ARCHIVED", "alert": "FAILED"}),
}


@pytest.mark.parametrize("state", BRANCHES)
def test_a_branch_fails_alone_and_is_brought_back(fleet: Fleet, state: str) -> None:
    branch, output = BRANCHES[state]
    device = fleet.register()
    fleet.app.mock(MACHINE, state, [BROKEN])
    fleet.read(device, 1, 90)
    fleet.app.run_until_idle()
    run = fleet.last_run().assert_succeeded(output)
    [(message, why)] = fleet.letters()
    assert (message["deviceId"], message["measuredAtMs"]) == (device, fleet.ms(1))
    assert why == {
        "branch": branch,
        "error": "Broken",
        "cause": "for good",
        "executionArn": run.arn,
    }
    assert left(fleet) == ["DeviceQueueDeadLetters"]

    fleet.app.session.mocks.clear()
    fleet.move_back()
    known = fleet.known(device)
    assert (known["measuredAtMs"], known["alertedAtMs"]) == (fleet.ms(1), fleet.ms(1))
    assert list(fleet.archived(device)) == [f"readings/{fleet.ms(1)}.json"]
    # Told again only where nobody could note that it was told.
    assert len(fleet.alerts) == (2 if state == "NoteAlert" else 1)
    assert left(fleet) == []


@pytest.mark.parametrize(
    ("state", "letter"),
    [
        ("StoreLatest", "KeepStoreLetter"),
        ("ArchiveReading", "KeepArchiveLetter"),
        ("PublishAlert", "KeepAlertLetter"),
    ],
)
def test_a_letter_is_sent_in_the_end(fleet: Fleet, state: str, letter: str) -> None:
    device = fleet.register()
    fleet.app.mock(MACHINE, state, [BROKEN])
    fleet.app.mock(MACHINE, letter, [Failure("Sqs.SqsException"), Failure("States.Timeout"), CALL])
    fleet.read(device, 1, 90)
    fleet.app.run_until_idle()
    assert fleet.last_run().attempts(letter) == 3
    assert len(fleet.letters()) == 1


def test_a_group_without_a_topic_leaves_a_letter_of_the_alert_only(fleet: Fleet) -> None:
    device = fleet.register(group="nobody")
    fleet.read(device, 1, 90)
    fleet.app.run_until_idle()
    fleet.last_run().assert_succeeded({"store": "STORED", "archive": "ARCHIVED", "alert": "FAILED"})
    [(_, why)] = fleet.letters()
    assert (why["branch"], why["error"]) == ("Alert", "States.QueryEvaluationError")


@pytest.mark.parametrize(
    ("state", "output", "alerts"),
    [
        ("StoreLatest", {"store": "NOT_NEWER", "archive": "ARCHIVED", "alert": "TOLD"}, 1),
        ("ArchiveReading", {"store": "STORED", "archive": "ARCHIVED", "alert": "TOLD"}, 1),
        ("PublishAlert", {"store": "STORED", "archive": "ARCHIVED", "alert": "TOLD"}, 2),
        ("NoteAlert", {"store": "STORED", "archive": "ARCHIVED", "alert": "TOLD"}, 1),
    ],
)
def test_a_lost_answer_is_asked_for_again(
    fleet: Fleet, state: str, output: dict[str, str], alerts: int
) -> None:
    """An alert is told at least once; what it is of names it."""
    device = fleet.register()
    fleet.app.mock(MACHINE, state, [Lost("States.Timeout"), CALL])
    fleet.read(device, 1, 90)
    fleet.app.run_until_idle()
    fleet.last_run().assert_succeeded(output)
    known = fleet.known(device)
    assert (known["measuredAtMs"], known["alertedAtMs"]) == (fleet.ms(1), fleet.ms(1))
    assert (len(fleet.alerts), left(fleet)) == (alerts, [])


@pytest.mark.parametrize("states", [["Enrich"], ["StoreLatest", "KeepStoreLetter"]], ids="-".join)
def test_an_execution_that_fails_is_the_queue_s_to_bring_back(
    fleet: Fleet, states: list[str]
) -> None:
    device = fleet.register()
    for state in states:
        fleet.app.mock(MACHINE, state, [BROKEN])
    before = len(fleet.runs())
    fleet.read(device, 1)
    fleet.app.run_until_idle()
    assert [run.status for run in fleet.runs()[before:]] == ["FAILED"] * 5
    [(message, why)] = fleet.letters()
    assert (message["deviceId"], why) == (device, {})

    fleet.app.session.mocks.clear()
    fleet.move_back()
    assert (fleet.known(device)["measuredAtMs"], left(fleet)) == (fleet.ms(1), [])


def test_raw_samples_are_archived_and_nothing_else(fleet: Fleet) -> None:
    device = fleet.register()
    samples = [[fleet.ms(1), 20.5], [fleet.ms(2), 99]]
    fleet.send(device, "raw", measuredAtMs=fleet.ms(1), reason="request", samples=samples)
    fleet.app.run_until_idle()
    assert fleet.last_run().visited == ["TakeMessage", "WhatIsIt", "ArchiveRaw", "Ingested"]
    [(name, message)] = fleet.archived(device).items()
    assert (name, message["samples"]) == (f"raw/{fleet.ms(1)}-2.json", samples)
    assert "measuredAtMs" not in fleet.known(device)
    assert (fleet.alerts, left(fleet)) == ([], [])


GOOD = {"measuredAtMs": 1_767_225_600_000, "temperature": 20, "unit": "C"}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {**GOOD, "temperature": "20"},
        {**GOOD, "temperature": None},
        {**GOOD, "temperature": [20]},
        {**GOOD, "unit": "K"},
        {**GOOD, "unit": None},
        {**GOOD, "measuredAtMs": "2026-01-01"},
        {**GOOD, "measuredAtMs": 0.5},
        {**GOOD, "measuredAtMs": -1},
        {**GOOD, "measuredAtMs": 1_999_999_999_999},
    ],
    ids=str,
)
def test_what_is_no_reading_is_kept_for_whoever_looks_after_devices(
    fleet: Fleet, message: Any
) -> None:
    device = fleet.register()
    fleet.send(device, **message)
    fleet.app.run_until_idle()
    fleet.last_run().assert_succeeded({"rejected": "INVALID"})
    [kept] = fleet.app.messages("RejectedMessages")
    received = {name: kept.pop(name) for name in ("deviceId", "kind", "receivedAtMs")}
    assert (received["deviceId"], received["kind"], kept) == (device, "readings", message)
    assert left(fleet) == ["RejectedMessages"]
    assert fleet.archived(device) == {}


@pytest.mark.parametrize("payload", [b"no json", b"[1]", b'"text"', b"\xff\xfe"], ids=str)
def test_a_payload_that_is_no_object_is_kept_too(fleet: Fleet, payload: bytes) -> None:
    fleet.publish(f"devices/{fleet.register()}/readings", payload)
    fleet.app.run_until_idle()
    fleet.last_run().assert_succeeded({"rejected": "INVALID"})


@pytest.mark.parametrize("topic", ["devices/a b/readings", "devices/../raw", "devices//readings"])
def test_a_topic_that_names_no_device_is_rejected(fleet: Fleet, topic: str) -> None:
    message = {**GOOD, "samples": []}
    fleet.publish(topic, json.dumps(message).encode())
    fleet.app.run_until_idle()
    fleet.last_run().assert_succeeded({"rejected": "INVALID"})


def test_a_message_cannot_speak_for_another_device(fleet: Fleet) -> None:
    mine, other = fleet.register(), fleet.register()
    claim = {**GOOD, "deviceId": other, "kind": "raw", "receivedAtMs": 0}
    fleet.publish(f"devices/{mine}/readings", json.dumps(claim).encode())
    fleet.app.run_until_idle()
    assert fleet.known(mine)["measuredAtMs"] == GOOD["measuredAtMs"]
    assert "measuredAtMs" not in fleet.known(other)


@pytest.mark.parametrize("topic", ["devices/d-1/requests", "devices/d-1", "machines/d-1/readings"])
def test_other_topics_are_none_of_its_business(fleet: Fleet, topic: str) -> None:
    before = len(fleet.runs())
    fleet.publish(topic, json.dumps(GOOD).encode())
    fleet.app.run_until_idle()
    assert (len(fleet.runs()), left(fleet)) == (before, [])


def test_an_unknown_device_is_brought_back_when_it_is_registered(fleet: Fleet) -> None:
    fleet.read("new", 1)
    fleet.app.run_until_idle()
    fleet.last_run().assert_succeeded({"rejected": "UNKNOWN_DEVICE"})
    [(_, why)] = fleet.letters()
    assert why == {"branch": "Enrich", "error": "UnknownDevice"}
    fleet.register(deviceId="new")
    fleet.move_back()
    assert (fleet.known("new")["measuredAtMs"], left(fleet)) == (fleet.ms(1), [])


def test_what_the_rule_cannot_deliver_is_kept_as_it_came(fleet: Fleet) -> None:
    device = fleet.register()
    url = fleet.app.queue_url("DeviceQueue")
    fleet.refuses = lambda call: call.operation == "SendMessage" and call.params["QueueUrl"] == url
    fleet.read(device, 1)
    fleet.app.run_until_idle()
    [report] = fleet.app.messages("UndeliveredMessages")
    assert report["topic"] == f"devices/{device}/readings"
    assert [failure["failedAction"] for failure in report["failures"]] == ["SqsAction"]

    fleet.refuses = lambda call: False
    fleet.publish(report["topic"], base64.b64decode(report["base64OriginalPayload"]))
    fleet.app.run_until_idle()
    assert fleet.known(device)["measuredAtMs"] == fleet.ms(1)


def test_from_the_edge_to_the_archive(fleet: Fleet) -> None:
    """What a device holds back comes when it fails, and when somebody asks."""
    name = fleet.register()
    device = Device(name, fleet.publish, "C", Deadband(1, 60_000))
    for second, value in enumerate([20, 20.5, 95, 95.5]):
        device.take(Sample(fleet.ms(second), value))
    fleet.app.run_until_idle()
    readings = {f"readings/{fleet.ms(second)}.json" for second in (0, 2)}
    assert fleet.archived(name).keys() == readings
    assert [alert["celsius"] for alert in fleet.alerts] == [95]

    device.failed("overheated")
    device.requested(json.dumps({"fromMs": fleet.ms(1), "toMs": fleet.ms(2)}).encode())
    fleet.app.run_until_idle()
    raw = {name: found["reason"] for name, found in fleet.archived(name).items() if "raw/" in name}
    assert raw == {
        f"raw/{fleet.ms(0)}-4.json": "error: overheated",
        f"raw/{fleet.ms(1)}-2.json": "request",
    }
    assert left(fleet) == []


# The HTTP route


def post(fleet: Fleet, device_id: str, **options: Any) -> HttpResponse:
    options.setdefault("caller", device_id)
    return ask(fleet.app, "POST", f"/devices/{device_id}/readings", api=API, **options)


def test_a_device_without_mqtt_sends_the_same_over_http(fleet: Fleet) -> None:
    device = fleet.register()
    reading = {"measuredAtMs": fleet.ms(1), "temperature": 200, "unit": "F"}
    for _ in range(2):
        accepted = post(fleet, device, json=reading)
        expected = {"deviceId": device, "measuredAtMs": fleet.ms(1)}
        assert (accepted.status, accepted.json) == (202, expected)
    fleet.app.run_until_idle()
    assert float(fleet.known(device)["celsius"]) == 93.33
    assert (len(fleet.archived(device)), len(fleet.alerts), left(fleet)) == (1, 1, [])


@pytest.mark.parametrize(
    ("sent", "status", "error", "message"),
    [
        (
            {"json": {**GOOD, "temperature": "20"}},
            400,
            "ReadingInvalid",
            "reading.temperature must be number",
        ),
        ({"json": {**GOOD, "unit": "K"}}, 400, "ReadingInvalid", "reading.unit must be one of"),
        ({"json": {"temperature": 1, "unit": "C"}}, 400, "ReadingInvalid", "['measuredAtMs']"),
        ({"json": {**GOOD, "more": 1}}, 400, "ReadingInvalid", "{'more'}"),
        ({"json": [GOOD]}, 400, "ReadingInvalid", "reading must be object"),
        (
            {"body": json.dumps({**GOOD, "temperature": float("nan")})},
            400,
            "ReadingInvalid",
            "reading.temperature must be a finite number",
        ),
        (
            {"json": {**GOOD, "measuredAtMs": 1_999_999_999_999}},
            400,
            "ReadingInvalid",
            "reading.measuredAtMs is ahead",
        ),
        ({"body": "20 degrees"}, 400, "BodyNotJson", "no JSON"),
        ({"body": "x" * 1_025}, 413, "BodyTooLarge", "1024 bytes"),
        ({"json": GOOD, "caller": "another"}, 403, "NotYourDevice", "this device"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field_and_goes_nowhere(
    fleet: Fleet, sent: dict[str, Any], status: int, error: str, message: str
) -> None:
    before = len(fleet.runs())
    refused = post(fleet, fleet.register(), **sent)
    assert (refused.status, refused.json["error"]) == (status, error)
    assert message in refused.json["message"]
    fleet.app.run_until_idle()
    assert (len(fleet.runs()), left(fleet)) == (before, [])


@pytest.mark.parametrize(
    ("claims", "key"),
    [
        ({"exp": 1}, "issuer"),
        ({"iss": "https://issuer.example"}, "issuer"),
        ({"client_id": "another"}, "issuer"),
        ({}, "somebody"),
    ],
    ids=["expired", "foreign issuer", "another audience", "wrong key"],
)
def test_a_token_that_is_not_good_is_refused(
    fleet: Fleet, claims: dict[str, Any], key: str
) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html"""
    device = fleet.register()
    bearer = token(fleet.app, device, key=key, **claims)
    refused = post(fleet, device, json=GOOD, headers={"authorization": f"Bearer {bearer}"})
    assert refused.status == 401
    path = f"/devices/{device}/readings"
    assert fleet.app.request("POST", path, api=API, json=GOOD).status == 401


def test_while_the_queue_is_down_the_device_is_told_to_come_again(fleet: Fleet) -> None:
    device = fleet.register()
    fleet.refuses = lambda call: call.operation == "SendMessage"
    refused = post(fleet, device, json=GOOD)
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    fleet.refuses = lambda call: False
    assert post(fleet, device, json=GOOD).status == 202
    fleet.app.run_until_idle()
    assert fleet.known(device)["measuredAtMs"] == GOOD["measuredAtMs"]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("DeviceIngest/TopicRuleRole", {"DeviceQueue", "UndeliveredMessages"}),
        ("DeviceIngest/AcceptReading", {"DeviceQueue"}),
    ],
)
def test_whoever_takes_messages_may_only_put_them_into_queues(
    deployed: App, role: str, expected: set[str]
) -> None:
    grants = {one for one in granted(deployed, role) if not one[0].startswith("logs:")}
    assert grants == {("sqs:SendMessage", queue) for queue in expected}


def test_the_machine_may_write_where_it_writes_and_nowhere_else(deployed: App) -> None:
    grants = granted(deployed, "DeviceIngest/DeviceIngest")
    assert {one for one in grants if one[0] != "s3:PutObject"} == {
        ("dynamodb:GetItem", "Devices"),
        ("dynamodb:UpdateItem", "Devices"),
        ("sns:Publish", "OvensAlerts"),
        ("sns:Publish", "PumpsAlerts"),
        ("sqs:SendMessage", "DeviceQueueDeadLetters"),
        ("sqs:SendMessage", "RejectedMessages"),
    }
    assert [one for one in grants if one[0] == "s3:PutObject" and one[1].endswith("/*")]
