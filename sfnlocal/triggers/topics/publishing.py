"""Publishing: a message to a topic, and its deliveries.

A message is delivered through the subscriber's own service, outside of its publisher's call: a
queue, or a function that is invoked asynchronously. Signatures are left out, for nobody here has
SNS's key; subscribers in the outside world (e-mail, HTTP, SMS) get nothing, and the timeline says
what was for them.
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sfnlocal.errors import ApiError
from sfnlocal.ports import Caller, Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.simulated import DELIVERED_PROTOCOLS
from sfnlocal.triggers.delivery import Deliveries, Delivery, RetryPolicy
from sfnlocal.triggers.targets import send_call
from sfnlocal.triggers.topics.messages import (
    Notification,
    body,
    checked_texts,
    deduplication_id,
    delivery_call,
)
from sfnlocal.triggers.topics.topic import Subscription, Topic, invalid

_DEDUPLICATED_MS = 300_000
_BATCH_MAX = 10
_RETRY = RetryPolicy(attempts_max=100_015, age_ms_max=23 * 86_400_000, delay_ms_max=20_000)


class Publisher:
    """`topic` finds a topic by its ARN, `new_id` makes a message's id."""

    def __init__(self, aws: Aws, topic: Callable[[str], Topic], new_id: Callable[[], str]) -> None:
        self._aws = aws
        self._topic = topic
        self._new_id = new_id
        self._deliveries = Deliveries(aws)

    def publish(self, params: dict[str, Json]) -> dict[str, Json]:
        arn = params.get("TopicArn") or params.get("TargetArn")
        if arn is None and "PhoneNumber" in params:
            checked_texts(params)
            message_id = self._new_id()
            # As AWS does: it takes the message, and says nothing of its fate.
            self._aws.timeline.add("", "SMS", params["PhoneNumber"], message_id)
            return {"MessageId": message_id}
        if arn is None:
            raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
        return self._published(self._topic(arn), params)

    def publish_batch(self, params: dict[str, Json]) -> dict[str, Json]:
        topic, entries = self._topic(params["TopicArn"]), params["PublishBatchRequestEntries"]
        if not entries:
            raise ApiError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
        if len(entries) > _BATCH_MAX:
            raise ApiError(
                "TooManyEntriesInBatchRequest",
                "The batch request contains more entries than permissible.",
            )
        if len({entry["Id"] for entry in entries}) < len(entries):
            raise ApiError(
                "BatchEntryIdsNotDistinct",
                "Two or more batch entries in the request have the same Id.",
            )
        successful, failed = [], []
        for entry in entries:
            try:
                successful.append({"Id": entry["Id"], **self._published(topic, entry)})
            except ApiError as error:
                reason = {"Code": error.aws_code, "Message": error.message, "SenderFault": True}
                failed.append({"Id": entry["Id"], **reason})
        return {"Successful": successful, "Failed": failed}

    def _published(self, topic: Topic, params: dict[str, Json]) -> dict[str, str]:
        texts, now_ms = checked_texts(params), self._aws.now_ms
        if not topic.is_fifo:
            if params.get("MessageDeduplicationId"):
                raise invalid(
                    "The request includes MessageDeduplicationId parameter that is not valid for "
                    "this topic type"
                )
            answer = {"MessageId": self._new_id()}
            self._deliver(topic, _notification(answer, texts, now_ms, params))
            return answer
        identifier = deduplication_id(topic, params)
        until_ms, earlier = topic.published.get(identifier, (0, {}))
        if until_ms > now_ms:
            return earlier
        topic.sequence += 1
        answer = {"MessageId": self._new_id(), "SequenceNumber": str(topic.sequence)}
        topic.published = {key: one for key, one in topic.published.items() if one[0] > now_ms}
        topic.published[identifier] = (now_ms + _DEDUPLICATED_MS, answer)
        self._deliver(topic, _notification(answer, texts, now_ms, params, identifier))
        return answer

    def _deliver(self, topic: Topic, notification: Notification) -> None:
        for subscription in list(topic.subscriptions.values()):
            policy = subscription.filter
            text = notification.text(subscription.protocol)
            if policy is not None and not policy.accepts(text, notification.attributes):
                continue
            why = f"message {notification.id}"
            if subscription.protocol in DELIVERED_PROTOCOLS:
                self._deliver_to(subscription, notification, why)
            else:
                self._aws.timeline.add(topic.arn, why, subscription.endpoint)

    def _deliver_to(self, subscription: Subscription, notification: Notification, why: str) -> None:
        caller = Caller("sns.amazonaws.com", subscription.topic_arn)
        call = delivery_call(subscription, notification)
        self._deliveries.deliver(
            Delivery(
                lambda number: send_call(self._aws, call, caller),
                caller,
                subscription.endpoint,
                why,
                body(subscription, notification),
                _RETRY,
                subscription.dead_letter_arn,
            )
        )


def _notification(
    answer: Mapping[str, str],
    texts: Mapping[str, str],
    at_ms: int,
    params: Mapping[str, Json],
    deduplication: str | None = None,
) -> Notification:
    return Notification(
        answer["MessageId"],
        texts,
        at_ms,
        params.get("Subject"),
        params.get("MessageAttributes", {}),
        params.get("MessageGroupId"),
        deduplication,
        answer.get("SequenceNumber"),
    )
