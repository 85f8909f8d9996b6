"""Messages of a dead-letter queue, as what they are: whose letters, of which cause, and under which
names their work may be started again.

A state holds 256 KiB, a message up to 1 MiB: what does not fit beside the others stays in the
queue for the next page.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lambdas.dead_letters.letter import LetterError, parse_letter, replay_name
from lambdas.dead_letters.payloads import LETTER, LOST_START, MESSAGE, UNKNOWN

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from lambdas.dead_letters.payloads import ReceivedLetter, ReceiveLettersEvent

MESSAGES_PER_CALL_MAX = 10
PAGE_BYTES_MAX = 200_000
# Short polling asks some of the servers only.
WAIT_S = 1
CAUSE_CHARACTERS_MAX = 200


def receive_letters(sqs: SQSClient, event: ReceiveLettersEvent) -> list[ReceivedLetter]:
    """A page of messages, hidden for `hiddenSeconds`. None where there are no others than those
    that were seen."""
    messages = sqs.receive_message(
        QueueUrl=event["queueUrl"],
        MaxNumberOfMessages=min(event["wanted"], MESSAGES_PER_CALL_MAX),
        VisibilityTimeout=event["hiddenSeconds"],
        WaitTimeSeconds=WAIT_S,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages", [])
    page: list[ReceivedLetter] = []
    left = PAGE_BYTES_MAX
    for message in messages:
        if message["MessageId"] in event["seen"]:
            continue
        letter = describe(message, event["maxTries"])
        size = _size(letter)
        if size > PAGE_BYTES_MAX:
            letter = _too_large(letter)
            size = _size(letter)
        if size > left:
            sqs.change_message_visibility(
                QueueUrl=event["queueUrl"],
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=0,
            )
            continue
        left -= size
        page.append(letter)
    return page


def describe(message: MessageTypeDef, tries_max: int) -> ReceivedLetter:
    """What a message is."""
    system = message.get("Attributes", {})
    told = {k: v.get("StringValue", "") for k, v in message.get("MessageAttributes", {}).items()}
    sent_ms = int(system.get("SentTimestamp", "0"))
    letter: ReceivedLetter = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "digest": message["MD5OfBody"],
        "body": message["Body"],
        "kind": UNKNOWN,
        "cause": "",
        "sentAt": datetime.fromtimestamp(sent_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        "stateMachineArn": "",
        "executionArn": "",
        "redriveCount": 0,
        "caught": False,
        "replays": [],
        "why": "",
    }
    if source := system.get("DeadLetterQueueSourceArn"):
        letter["kind"] = MESSAGE
        letter["cause"] = f"consumer of {source.rpartition(':')[2]}"
    elif ":stateMachine:" in (target := told.get("TARGET_ARN", "")):
        machine = target.rpartition(":")[2]
        letter["kind"] = LOST_START
        letter["cause"] = f"start of {machine}: {told.get('ERROR_CODE', 'unknown')}"
        letter["stateMachineArn"] = target
        letter["replays"] = _names(f"lost-{message['MessageId']}", tries_max)
    else:
        _describe_letter(letter, tries_max)
    return letter


def _describe_letter(letter: ReceivedLetter, tries_max: int) -> None:
    try:
        told = parse_letter(letter["body"])
    except LetterError as error:
        letter["cause"] = "no letter of a workflow"
        letter["why"] = str(error)
        return
    content = told.content
    machine = told.state_machine_arn.rpartition(":")[2]
    what = f"{machine}, {content.get('state') or 'no state'}: {content.get('error')}"
    if reason := _reason(content.get("cause")):
        what += f" ({reason})"
    letter["kind"] = LETTER
    letter["cause"] = what[:CAUSE_CHARACTERS_MAX]
    letter["stateMachineArn"] = told.state_machine_arn
    letter["executionArn"] = told.execution_arn
    letter["redriveCount"] = told.redrive_count
    # Only a Catch knows which state failed.
    letter["caught"] = content.get("state") is not None
    letter["replays"] = _names(told.execution_name, tries_max)


def _reason(cause: Any) -> str:
    """The words of the error without what differs from letter to letter."""
    text = str(cause.get("errorMessage", "")) if isinstance(cause, dict) else str(cause or "")
    return re.sub(r"[0-9a-f]*\d[0-9a-f-]*", "#", text.split("\n")[0])[:100]


def _names(name: str, tries_max: int) -> list[str]:
    """The names of the replays that are still to be tried, up to `-replay-<tries_max>`."""
    names: list[str] = []
    while int((name := replay_name(name)).rpartition("-")[2]) <= tries_max:
        names.append(name)
    return names


def _too_large(letter: ReceivedLetter) -> ReceivedLetter:
    return {
        **letter,
        "body": "",
        "kind": UNKNOWN,
        "replays": [],
        "why": f"it is larger than the {PAGE_BYTES_MAX} bytes that a state can take",
    }


def _size(letter: ReceivedLetter) -> int:
    return len(json.dumps(letter, ensure_ascii=False).encode())
