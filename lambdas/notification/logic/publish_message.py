"""Text messages to phone numbers, and push notifications to the endpoints of devices, by SNS.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.notification.logic.provider_errors import told_apart

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from lambdas.notification.payloads import SendEvent

# A wrong number; a device that has gone, or has switched off notifications.
REFUSALS = frozenset({"InvalidParameter", "EndpointDisabled", "NotFound", "OptedOut"})


class SnsProvider:
    def __init__(self, sns: SNSClient) -> None:
        self._sns = sns

    def send(self, message: SendEvent) -> str:
        with told_apart(REFUSALS):
            if message["channel"] == "sms":
                text = f"{message['subject']}\n{message['text']}"
                sent = self._sns.publish(PhoneNumber=message["address"], Message=text)
            else:
                sent = self._sns.publish(
                    TargetArn=message["address"],
                    Subject=message["subject"][:100],
                    Message=message["text"],
                )
        return sent["MessageId"]
