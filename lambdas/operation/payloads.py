"""The payloads of operations. Times are ISO 8601 in UTC.

The status document is what clients poll: it is written by the proxy (ACCEPTED), the workflow, and
the net behind the workflow, and always tells how the operation stands as far as its writer knew.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

# Below the bucket: `operations/ID/status.json` and `operations/ID/result.json`.
FOLDER = "operations"
STATUS_FILE = "status.json"
RESULT_FILE = "result.json"

ACCEPTED = "ACCEPTED"
RUNNING = "RUNNING"
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"


class OperationInput(TypedDict):
    """The input of the Operation machine."""

    operationId: str
    customerId: str
    orderIds: list[str]


class Progress(TypedDict):
    done: int
    total: int


class OperationResult(TypedDict):
    """How many orders the result has, and how many of those asked for are not the caller's."""

    orders: int
    missing: int


class StatusDocument(TypedDict):
    """`run` is the execution that writes; there is none yet when it is ACCEPTED."""

    operationId: str
    status: Literal["ACCEPTED", "RUNNING", "SUCCEEDED", "FAILED"]
    updatedAt: str
    run: str | None
    progress: Progress
    result: NotRequired[OperationResult]
    error: NotRequired[str]


class OperationLinks(TypedDict):
    """The answer of POST /operations. The links work until `linksExpireAt`, the result's from
    SUCCEEDED on."""

    operationId: str
    status: Literal["ACCEPTED"]
    statusUrl: str
    resultUrl: str
    linksExpireAt: str
    estimatedSeconds: int


class ExportedOrder(TypedDict):
    orderId: str
    customerId: str
    status: str
    totalCents: int
    currency: str
    shipAt: str


class FormatPageEvent(TypedDict):
    """`orders` are those of `orderIds` that there are, whoever's they are."""

    executionArn: str
    customerId: str
    orderIds: list[str]
    orders: list[ExportedOrder]


class ExportRow(TypedDict):
    """`total` is in the currency's main unit: 25.00."""

    orderId: str
    status: str
    total: str
    currency: str
    shipAt: str


class FormatPageResult(TypedDict):
    rows: list[ExportRow]
    missing: list[str]
