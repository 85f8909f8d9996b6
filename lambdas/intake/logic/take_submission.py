"""One submission a key: the workflow checks and stores it, here its outcome becomes an answer.

A visitor waits, so nothing is tried again here: what does not work now is a 503 with a hint when
to send the same again, which is safe. StartSyncExecution answers 200 however the execution ended.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.front.client_key import client_key, request_id
from lambdas.front.http import RETRY_AFTER_S, Refusal, answer, parsed_json, raw_body
from lambdas.intake.form import FIELDS, Consent
from lambdas.intake.logic.show_form import page_answer
from lambdas.intake.payloads import IntakeInput, IntakeResult, Reply

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

    from lambdas.environment import StateMachineArn
    from lambdas.front.http import Answer, HttpEvent

# The fields at their longest, percent-encoded.
BODY_BYTES_MAX = 32_768
# Longer than the workflow takes at the most.
WAIT_SECONDS = 22
# Visitors have no names: the key alone makes the id.
VISITOR = "visitor"
FORM_TYPE = "application/x-www-form-urlencoded"

LOGGER = Logger(service="intake")


def take_submission(
    step_functions: SFNClient, machine: StateMachineArn, event: HttpEvent
) -> Answer:
    is_form = str(event["headers"].get("content-type", "")).startswith(FORM_TYPE)
    key, entries = "", dict[str, object]()
    try:
        key, entries = (form_entries if is_form else json_entries)(event)
        status, reply = started(step_functions, machine, key, entries)
    except Refusal as refusal:
        status = refusal.status
        reply = Reply(error=refusal.error, message=refusal.message)
    except (BotoCoreError, ClientError):
        LOGGER.exception("a service did not answer")
        status, reply = unavailable()
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else {}
    if is_form:
        return page_answer(status, key=key, entries=entries, reply=reply, headers=headers)
    return answer(status, reply, headers)


def json_entries(event: HttpEvent) -> tuple[str, dict[str, object]]:
    body = parsed_json(raw_body(event, BODY_BYTES_MAX))
    if not isinstance(body, dict):
        raise Refusal(400, "SubmissionInvalid", "the body has to be a JSON object")
    return client_key(event), body


def form_entries(event: HttpEvent) -> tuple[str, dict[str, object]]:
    """As a browser sends them: a box that is not ticked is not there, and what is, is a text."""
    text = raw_body(event, BODY_BYTES_MAX).decode("utf-8", "replace")
    sent = parse_qsl(text, keep_blank_values=True)
    # Forms are sent with CR LF; the page's script sees LF in the same entries.
    entries: dict[str, object] = {name: entry.replace("\r\n", "\n") for name, entry in sent}
    key = str(entries.pop("key", ""))
    for field in FIELDS:
        if isinstance(field, Consent):
            entries[field.name] = field.name in entries
    return client_key({"headers": {"idempotency-key": key}}), entries


def started(
    step_functions: SFNClient,
    machine: StateMachineArn,
    key: str,
    entries: dict[str, object],
) -> tuple[int, Reply]:
    submission_id = request_id(VISITOR, key)
    execution = step_functions.start_sync_execution(
        stateMachineArn=machine,
        name=submission_id,
        input=json.dumps(IntakeInput(submissionId=submission_id, entries=entries)),
    )
    if execution["status"] != "SUCCEEDED":
        LOGGER.error("the workflow failed", execution=execution["executionArn"])
        return unavailable()
    result = cast(IntakeResult, json.loads(execution["output"]))
    return _REPLIES[result["outcome"]](result)


def unavailable() -> tuple[int, Reply]:
    return 503, Reply(error="TryAgain", message="repeat the request with the same key")


def _stored(result: IntakeResult) -> tuple[int, Reply]:
    return 201, Reply(submissionId=result["submissionId"], receivedAt=result["receivedAt"])


def _invalid(result: IntakeResult) -> tuple[int, Reply]:
    problems = result["problems"]
    message = "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems)
    return 422, Reply(error="SubmissionInvalid", message=message, problems=problems)


def _key_reused(result: IntakeResult) -> tuple[int, Reply]:
    message = "this key came with other entries before, which are stored"
    return 422, Reply(error="IdempotencyKeyReused", message=message)


_REPLIES: Mapping[str, Callable[[IntakeResult], tuple[int, Reply]]] = {
    "STORED": _stored,
    "INVALID": _invalid,
    "KEY_REUSED": _key_reused,
}
