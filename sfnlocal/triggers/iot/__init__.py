"""AWS IoT topic rules: messages of devices, chosen by topic and content, handed to services."""

from __future__ import annotations

from sfnlocal.triggers.iot.rules import IotRules

__all__ = ["IotRules"]
