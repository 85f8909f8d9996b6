"""The payloads of the report workflow: the contract with the report provider, and what the task is
given and answers.

The provider is one function with two actions. A report is asked for under a key of ours, so that
asking twice makes one report, and is put as one JSON object (`Report`) where we want it: no state
ever carries a whole report. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Account(TypedDict):
    """`size` is the provider's own estimate of its work, in minutes."""

    accountId: str
    size: int


class ReportInput(TypedDict):
    """The input of the Report machine: one account's report of one scheduled time."""

    scheduledTime: str
    account: Account


class DailyReportsInput(TypedDict):
    """The input of the DailyReports machine."""

    scheduledTime: str
    accounts: list[Account]


class Location(TypedDict):
    bucket: str
    key: str


class ReportRequest(TypedDict):
    action: Literal["request"]
    requestKey: str
    accountId: str
    size: int
    deliverTo: Location


class ReportRequested(TypedDict):
    reportId: str


class FetchRequest(TypedDict):
    action: Literal["fetch"]
    reportId: str


class FetchAnswer(TypedDict):
    """READY has the location, REFUSED the reason."""

    status: Literal["PENDING", "READY", "REFUSED"]
    location: NotRequired[Location]
    reason: NotRequired[str]


class Report(TypedDict):
    """The JSON object that the provider delivers."""

    reportId: str
    messages: list[object]


class ReportMessage(TypedDict):
    """The body of a message in the reports queue. A message may come twice, and does after a
    replay: `messageId` is the same then."""

    messageId: str
    reportId: str
    accountId: str
    content: object


class TakeBatchEvent(TypedDict):
    """`number` counts from 0."""

    executionArn: str
    accountId: str
    location: Location
    number: int


class Entry(TypedDict):
    """An entry of SendMessageBatch; `Id` is its place in the batch, from "0"."""

    Id: str
    MessageBody: str


class Batch(TypedDict):
    """One batch, and how much there is in all."""

    entries: list[Entry]
    batches: int
    messages: int
