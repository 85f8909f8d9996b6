"""A device's reading as it goes into the queue, or a refusal that names what does not fit."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import cast

import fastjsonschema

from lambdas.devices.payloads import (
    CLOCK_AHEAD_MS_MAX,
    DEVICE_ID,
    READINGS,
    DeviceMessage,
    Reading,
)
from lambdas.front.http import Refusal

BODY_BYTES_MAX = 1_024

_check_schema = fastjsonschema.compile(
    json.loads((Path(__file__).parents[1] / "reading.schema.json").read_text("utf-8"))
)


def accept_reading(device_id: str, caller: str, body: object, now_ms: int) -> DeviceMessage:
    """A device speaks for itself only: its token's subject is its id."""
    if device_id != caller or not re.fullmatch(DEVICE_ID, device_id):
        raise Refusal(403, "NotYourDevice", "the token is not this device's")
    try:
        _check_schema(body, name_prefix="reading")
    except fastjsonschema.JsonSchemaValueException as error:
        raise Refusal(400, "ReadingInvalid", error.message) from error
    reading = cast(Reading, body)
    # NaN, which is no JSON but passes Python's reader and any bounds.
    if not math.isfinite(reading["temperature"]):
        raise Refusal(400, "ReadingInvalid", "reading.temperature must be a finite number")
    if reading["measuredAtMs"] > now_ms + CLOCK_AHEAD_MS_MAX:
        raise Refusal(400, "ReadingInvalid", "reading.measuredAtMs is ahead of our clock")
    return DeviceMessage(
        deviceId=device_id,
        kind=READINGS,
        receivedAtMs=now_ms,
        measuredAtMs=int(reading["measuredAtMs"]),
        temperature=reading["temperature"],
        unit=reading["unit"],
    )
