"""A request to an HTTP API as a handler sees it (payload format 2.0), and what the handler answers.

Refusals are answers with a status of their own. A service that does not answer now is a 503 with
a hint when to come back: with the same key, the same request is safe to repeat.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypedDict

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LOGGER = Logger(service="front")
RETRY_AFTER_S = 5

HttpEvent = dict[str, Any]


class Answer(TypedDict):
    statusCode: int
    headers: dict[str, str]
    body: str


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """`message` names the field or header that does not fit."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message


def answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(
        statusCode=status,
        headers={
            "content-type": "application/json",
            "cache-control": "no-store",
            **(headers or {}),
        },
        body=json.dumps(body),
    )


def caller_of(event: HttpEvent) -> str:
    """The subject of the token that the authorizer has verified."""
    return str(event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"])


def raw_body(event: HttpEvent, bytes_max: int) -> bytes:
    """The bytes that the caller has sent. Refused where they are more than `bytes_max` (413)."""
    text = event.get("body") or ""
    content = base64.b64decode(text) if event["isBase64Encoded"] else text.encode()
    if len(content) > bytes_max:
        raise Refusal(413, "BodyTooLarge", f"the body has more than {bytes_max} bytes")
    return content


def json_body(event: HttpEvent, bytes_max: int) -> Any:
    """Refused: larger than `bytes_max` (413), no JSON (400)."""
    return parsed_json(raw_body(event, bytes_max))


def parsed_json(content: bytes) -> Any:
    """Refused with 400 where it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "BodyNotJson", f"the body is no JSON: {error}") from error


def http_proxy(
    handler: Callable[[HttpEvent, LambdaContext], Answer],
) -> Callable[[HttpEvent, LambdaContext], Answer]:
    """Decorates the handler of a route."""

    @wraps(handler)
    def answering(event: HttpEvent, context: LambdaContext) -> Answer:
        try:
            return handler(event, context)
        except Refusal as refusal:
            LOGGER.info("refused", status=refusal.status, error=refusal.error)
            return answer(refusal.status, {"error": refusal.error, "message": refusal.message})
        except (BotoCoreError, ClientError):
            LOGGER.exception("a service did not answer")
            return answer(
                503,
                {"error": "TryAgain", "message": "repeat the request with the same key"},
                {"retry-after": str(RETRY_AFTER_S)},
            )

    return LOGGER.inject_lambda_context(answering, correlation_id_path="requestContext.requestId")
