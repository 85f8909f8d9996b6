"""What runs on a device: it filters its samples, keeps them all for a while, and uploads those when
something goes wrong or somebody asks. The standard library only; how messages get out (MQTT or the
HTTP route) is the one function that a device brings.

    device = Device("pump-7", publish=mqtt_publish, unit="C", deadband=Deadband(0.5, 60_000))
    device.take(Sample(at_ms, value))       # for each sample
    device.failed("sensor: no answer")      # uploads what was kept
    device.requested(payload)               # somebody asks, on devices/pump-7/requests
"""

from __future__ import annotations

from edge.deadband import Deadband
from edge.device import Device
from edge.outbox import Outbox
from edge.samples import RawSamples, Sample

__all__ = ["Deadband", "Device", "Outbox", "RawSamples", "Sample"]
