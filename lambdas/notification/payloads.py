"""The payloads of the notification workflow: what comes in, what waits in the channels' queues,
what each task is given and answers. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Literal, TypedDict

Channel = Literal["email", "sms", "push", "webhook"]
CHANNELS: tuple[Channel, ...] = ("email", "sms", "push", "webhook")


class NotificationRequest(TypedDict):
    """The body of POST /notifications, and each of the batch route's `notifications`."""

    recipientId: str
    subject: str
    text: str


class Message(TypedDict):
    """The body of a message in a channel's queue. `tried` are the recipient's channels that have
    failed before this one."""

    notificationId: str
    recipientId: str
    subject: str
    text: str
    channel: Channel
    tried: list[Channel]


class FindQuietEndEvent(TypedDict):
    """`start` and `end` are local times (`22:00`) in `zone`, an IANA name."""

    notificationId: str
    zone: str
    start: str
    end: str


class QuietEnd(TypedDict):
    """As at() of a schedule wants it, `2026-03-29T05:00:00` in UTC; null when it is not quiet."""

    until: str | None


class SendEvent(TypedDict):
    """What every provider's function is given."""

    notificationId: str
    channel: Channel
    address: str
    subject: str
    text: str


class SendResult(TypedDict):
    """The provider's own id of the message."""

    providerMessageId: str


class ProviderEvent(TypedDict):
    """One of the `events` in a callback."""

    notificationId: str
    event: Literal["delivered", "opened", "clicked", "failed", "unsubscribed"]
    at: str
