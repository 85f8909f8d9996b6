"""Puts the build of a release into the queue. The execution is named after the release, so that
there is one build of it whichever deliveries tell of it, and however often.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#release
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import fastjsonschema

from lambdas.front.http import Refusal, parsed_json
from lambdas.front.payloads import StartMessage
from lambdas.release.logic.deliveries import (
    CLOCKS_DIFFER_S,
    NEW_FOR_S,
    claim_delivery,
    record_queued,
)
from lambdas.release.payloads import Release

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_sqs import SQSClient

    from lambdas.release.environments import AcceptReleaseEnvironment

BODY_BYTES_MAX = 262_144
# The host tells of drafts, corrections and deletions too.
BUILT_ACTIONS = ("published", "released")
_DELIVERY_ID = re.compile(r"[\x21-\x7e]{1,100}")

_check_schema = fastjsonschema.compile(
    json.loads((Path(__file__).parents[1] / "release.schema.json").read_text("utf-8"))
)


@dataclass(frozen=True, slots=True)
class Clients:
    dynamodb: DynamoDBClient
    sqs: SQSClient


class Accepted(TypedDict):
    buildId: str


class Ignored(TypedDict):
    ignored: str


def accept_release(
    clients: Clients,
    environment: AcceptReleaseEnvironment,
    headers: Mapping[str, str],
    body: bytes,
    signature: str,
    now_s: int,
) -> Accepted | Ignored:
    """`signature` has been checked. Refused: no release of today (400), repeated (409)."""
    delivery_id = headers.get("x-github-delivery", "")
    if not _DELIVERY_ID.fullmatch(delivery_id):
        raise Refusal(400, "DeliveryIdMissing", "the header x-github-delivery is missing")
    if (event := headers.get("x-github-event", "")) != "release":
        return Ignored(ignored=f"event {event}")
    told = checked_release(parsed_json(body))
    if told["action"] not in BUILT_ACTIONS:
        return Ignored(ignored=f"action {told['action']}")
    check_age(told["release"]["published_at"], now_s)
    release = Release(
        repository=told["repository"]["full_name"],
        releaseId=told["release"]["id"],
        tag=told["release"]["tag_name"],
    )
    build_id = f"release-{told['repository']['id']}-{release['releaseId']}"
    claim_delivery(clients.dynamodb, environment.deliveries_table, signature, delivery_id, now_s)
    clients.sqs.send_message(
        QueueUrl=environment.release_queue,
        MessageBody=json.dumps(StartMessage(name=build_id, input=release)),
    )
    record_queued(clients.dynamodb, environment.deliveries_table, signature)
    return Accepted(buildId=build_id)


def checked_release(body: object) -> Any:
    """Refused with 400 and the field's path where the body does not fit."""
    try:
        return _check_schema(body, name_prefix="body")
    except fastjsonschema.JsonSchemaValueException as error:
        raise Refusal(400, "ReleaseInvalid", error.message) from error


def check_age(published_at: str | None, now_s: int) -> None:
    """The time stands in what is signed: nobody can make an old release a new one."""
    try:
        published_s = datetime.fromisoformat(published_at or "").timestamp()
    except ValueError:
        published_s = 0
    if not -CLOCKS_DIFFER_S <= now_s - published_s <= NEW_FOR_S:
        raise Refusal(
            400, "ReleaseNotNew", f"body.release.published_at must be in the last {NEW_FOR_S} s"
        )
