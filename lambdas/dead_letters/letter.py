"""What a replay reads in a dead letter, and the name it gives to the new execution."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 1
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
NAME_CHARACTERS_MAX = 80


class LetterError(Exception):
    """A letter that cannot be replayed: says why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a replay needs of a dead letter; `content` is all of it."""

    execution_arn: str
    execution_name: str
    state_machine_arn: str
    redrive_count: int
    content: dict[str, Any]


def parse_letter(body: str) -> Letter:
    """The letter in a message's body; LetterError names what is wrong with it."""
    try:
        content = json.loads(body)
    except ValueError as error:
        raise LetterError(f"it is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise LetterError("it is no JSON object")
    if content.get("schemaVersion") != SCHEMA_VERSION:
        version = content.get("schemaVersion")
        raise LetterError(f"its schemaVersion is {version}; replays read {SCHEMA_VERSION}")
    for field in ("executionArn", "executionName", "stateMachineArn"):
        if not isinstance(content.get(field), str):
            raise LetterError(f"its {field} is missing or no text")
    if type(content.get("redriveCount")) is not int:
        raise LetterError("its redriveCount is missing or no integer")
    if "input" not in content and not isinstance(content.get("inputLocation"), dict):
        raise LetterError("it has neither input nor inputLocation")
    if ":express:" in content["executionArn"]:
        raise LetterError("names of Express executions are not unique; replay what started it")
    return Letter(
        content["executionArn"],
        content["executionName"],
        content["stateMachineArn"],
        content["redriveCount"],
        content,
    )


def replay_name(name: str) -> str:
    """`o-1` becomes `o-1-replay-1`, that one `o-1-replay-2`. A name that would grow too long is
    cut, and its hash keeps it apart from others that begin alike."""
    replay = re.search(r"-replay-(\d+)\Z", name)
    first = name[: replay.start()] if replay else name
    suffix = f"-replay-{int(replay[1]) + 1 if replay else 1}"
    if len(first) + len(suffix) > NAME_CHARACTERS_MAX:
        digest = f"-{hashlib.sha256(first.encode()).hexdigest()[:8]}"
        first = first[: NAME_CHARACTERS_MAX - len(suffix) - len(digest)] + digest
    return first + suffix
