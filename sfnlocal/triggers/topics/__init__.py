"""SNS: topics, their subscriptions, and what is published to them."""

from __future__ import annotations

from sfnlocal.triggers.topics.api import Topics

__all__ = ["Topics"]
