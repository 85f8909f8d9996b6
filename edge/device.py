"""One device: what it does with a sample, with an error, and with somebody's request.

Topics and messages are the contract of `lambdas/devices/payloads.py`; a test holds both together.
"""

from __future__ import annotations

import json
from typing import Literal

from edge.deadband import Deadband
from edge.outbox import Outbox, Publish
from edge.samples import RawSamples, Sample, parts

# A message has at most 128 KB. https://docs.aws.amazon.com/general/latest/gr/iot-core.html
SAMPLES_PER_MESSAGE = 1_000
REASON_CHARACTERS_MAX = 200


class Device:
    """`unit` is that of all samples, Celsius or Fahrenheit."""

    def __init__(
        self,
        device_id: str,
        publish: Publish,
        unit: Literal["C", "F"],
        deadband: Deadband,
        raw: RawSamples | None = None,
    ) -> None:
        self._topic = f"devices/{device_id}"
        self._outbox = Outbox(publish)
        self._unit = unit
        self._deadband = deadband
        self._raw = raw or RawSamples()

    @property
    def requests_topic(self) -> str:
        """What the device subscribes to."""
        return f"{self._topic}/requests"

    def take(self, sample: Sample) -> None:
        """Keeps the sample, and sends it if it says something new."""
        self._raw.add(sample)
        if self._deadband.passes(sample):
            reading = {
                "measuredAtMs": sample.at_ms,
                "temperature": sample.value,
                "unit": self._unit,
            }
            self._outbox.send(f"{self._topic}/readings", reading)
        else:
            self._outbox.flush()

    def failed(self, reason: str) -> None:
        """Something went wrong: all samples that are kept are uploaded."""
        self._upload(self._raw.between(0, 2**63), f"error: {reason}")

    def requested(self, payload: bytes) -> None:
        """Somebody wants `{"fromMs", "toMs"}`. What is no such request is left alone."""
        try:
            request = json.loads(payload)
            from_ms, to_ms = int(request["fromMs"]), int(request["toMs"])
        except (ValueError, KeyError, TypeError):
            return
        self._upload(self._raw.between(from_ms, to_ms), "request")

    def _upload(self, samples: list[Sample], reason: str) -> None:
        for part in parts(samples, SAMPLES_PER_MESSAGE):
            message = {
                "measuredAtMs": part[0].at_ms,
                "reason": reason[:REASON_CHARACTERS_MAX],
                "samples": [[sample.at_ms, sample.value] for sample in part],
            }
            self._outbox.send(f"{self._topic}/raw", message)
