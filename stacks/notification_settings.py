"""What the notifications of a stage need to know, read from the context once and checked there."""

from __future__ import annotations

from dataclasses import dataclass

from constructs import Node

from lambdas.environment import EmailAddress
from stacks.stage import Stage, StageError

SANDBOX_SENDER = EmailAddress("notifications@example.com")


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Context key: `notificationSender`, the address that e-mail comes from. Its domain is an
    identity that SES has verified; in dev nothing is sent, only recorded."""

    sender: EmailAddress

    @property
    def domain(self) -> str:
        return self.sender.partition("@")[2]

    @classmethod
    def from_context(cls, node: Node, stage: Stage) -> NotificationSettings | None:
        """None where the stage has no sender, and so no notifications."""
        sender = node.try_get_context("notificationSender")
        if not sender:
            return cls(SANDBOX_SENDER) if stage.has_sandbox else None
        name, _, domain = str(sender).partition("@")
        if not (name and "." in domain):
            raise StageError(f"the context notificationSender is no e-mail address: {sender!r}")
        return cls(EmailAddress(str(sender)))
