"""E-mail by SES. The notification's id goes along as a tag, by which SES's events name it.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdas.notification.logic.provider_errors import told_apart

if TYPE_CHECKING:
    from lambdas.environment import EmailAddress
    from lambdas.notification.payloads import SendEvent

# The message or its address, not the service.
REFUSALS = frozenset({"MessageRejected", "BadRequestException"})


class SesProvider:
    def __init__(self, ses: Any, sender: EmailAddress) -> None:
        self._ses = ses
        self._sender = sender

    def send(self, message: SendEvent) -> str:
        with told_apart(REFUSALS):
            sent = self._ses.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [message["address"]]},
                Content={
                    "Simple": {
                        "Subject": {"Data": message["subject"]},
                        "Body": {"Text": {"Data": message["text"]}},
                    }
                },
                EmailTags=[{"Name": "notificationId", "Value": message["notificationId"]}],
            )
        return str(sent["MessageId"])
