"""The device ingest: every single fault from a device's message to what is stored and told."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from lambdas.devices.payloads import Raw, Reading
from sfnlocal.proof import Fault, Proof, Scenario
from sfnlocal.testing import LocalApp

AT_MS = 1_767_225_600_000
HOT = Reading(measuredAtMs=AT_MS, temperature=90, unit="C")
OLDER = Reading(measuredAtMs=AT_MS - 1_000, temperature=20, unit="C")


def register(app: LocalApp) -> None:
    app.put_item("Devices", {"deviceId": "d-1", "group": "pumps", "limitCelsius": 80})


def send(kind: str, *messages: Any) -> Callable[[LocalApp], None]:
    def start(app: LocalApp) -> None:
        for message in messages:
            payload = json.dumps(message).encode()
            app.client("iot-data").publish(topic=f"devices/d-1/{kind}", payload=payload)

    return start


def bring_back(app: LocalApp) -> None:
    """Letters go into the queue; what the rule could not deliver is published again."""
    sqs = app.client("sqs")
    source, destination = (
        sqs.get_queue_attributes(QueueUrl=app.queue_url(queue), AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        for queue in ("DeviceQueueDeadLetters", "DeviceQueue")
    )
    sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
    undelivered: list[Any] = app.messages("UndeliveredMessages")
    sqs.purge_queue(QueueUrl=app.queue_url("UndeliveredMessages"))
    for report in undelivered:
        payload = base64.b64decode(report["base64OriginalPayload"])
        app.client("iot-data").publish(topic=report["topic"], payload=payload)


DEVICE_INGEST = Proof(
    state_machine="DeviceIngest",
    scenarios=[
        Scenario(
            name="hot",
            about="a device is over its limit, and an older message comes late and twice",
            prepare=register,
            start=send("readings", HOT, OLDER, OLDER),
        ),
        Scenario(
            name="raw",
            prepare=register,
            start=send("raw", Raw(measuredAtMs=AT_MS, reason="request", samples=[(AT_MS, 20)])),
        ),
        Scenario(
            name="branches-fail",
            about="what cannot be stored, archived and told is a letter each",
            prepare=register,
            start=send("readings", HOT),
            given=[
                Fault(f"state:DeviceIngest/{state}#1", "refused:UnforeseenError")
                for state in ("StoreLatest", "ArchiveReading", "PublishAlert")
            ],
            only=("KeepStoreLetter", "KeepArchiveLetter", "KeepAlertLetter"),
        ),
        Scenario(name="unknown", start=send("readings", HOT)),
        Scenario(name="invalid", start=send("readings", {"temperature": "hot"})),
    ],
    recover=bring_back,
    schedules=(),
    at_least_once=("DeviceQueueDeadLetters", "RejectedMessages"),
)
