"""The messages of devices, as they stand in the queue: what devices send, and who they are.

Who a device is says its topic, or its token; a message cannot claim to be another's. Times are
milliseconds since 1970. A device's clock counts: `measuredAtMs` orders its messages and names what
is kept of them, so one that is far ahead would hide all that come after.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

READINGS: Literal["readings"] = "readings"
RAW: Literal["raw"] = "raw"
CELSIUS = "C"
FAHRENHEIT = "F"

CLOCK_AHEAD_MS_MAX = 5 * 60_000
DEVICE_ID = "^[A-Za-z0-9_-]{1,64}$"


class Reading(TypedDict):
    """What a device sends, on `devices/<id>/readings` or to the HTTP route."""

    measuredAtMs: int
    temperature: float
    unit: Literal["C", "F"]


class Raw(TypedDict):
    """What a device uploads on `devices/<id>/raw`: what its filter held back, oldest first, from
    `measuredAtMs` on. A sample is its time and its value."""

    measuredAtMs: int
    reason: str
    samples: list[tuple[int, float]]


class DeviceMessage(TypedDict):
    """The body of a message in DeviceQueue."""

    deviceId: str
    kind: Literal["readings", "raw"]
    receivedAtMs: int
    measuredAtMs: int
    temperature: NotRequired[float]
    unit: NotRequired[Literal["C", "F"]]
    reason: NotRequired[str]
    samples: NotRequired[list[tuple[int, float]]]


class Alert(TypedDict):
    """What the topic of a device's group gets. It may come twice; device and time name it."""

    deviceId: str
    group: str
    measuredAt: str
    measuredAtMs: int
    celsius: float
    limitCelsius: float
