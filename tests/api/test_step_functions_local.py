"""What AWS's own Step Functions Local can run: JSONPath, inline states, mocked services.

`docker compose up` starts it, docs/decisions/0008-step-functions-local.md says what is known of it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.definitions import HAND_OVER, json_path_story

pytestmark = pytest.mark.step_functions_local

ORDER = {"orderId": "o-1", "lines": [{"sku": "mug", "quantity": 2}]}
SHIPPED_TWO = {"shipped": [{"sku": "mug", "quantity": 2}], "backordered": []}


@pytest.fixture(scope="module")
def hand_over(api: Api) -> str:
    return api.create("HandOver", HAND_OVER)


@pytest.fixture(scope="module")
def story(definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return json_path_story(definitions["DailyReports"])


@pytest.fixture(scope="module")
def daily_reports(api: Api, story: dict[str, Any]) -> str:
    return api.create("DailyReports", story)


def test_a_task_token_is_answered_at_once(api: Api, hand_over: str) -> None:
    run = api.run(hand_over, ORDER, "ShippedAtOnce")
    assert (run.status, run.output) == ("SUCCEEDED", SHIPPED_TWO)
    assert run.visited == ["HandOverToWarehouse", "AllShipped", "Shipped"]


def test_the_rest_is_handed_over_in_a_second_turn(api: Api, hand_over: str) -> None:
    run = api.run(hand_over, ORDER, "TheRestLater")
    assert run.status == "SUCCEEDED"
    assert run.output == {"shipped": [{"sku": "mug", "quantity": 1}], "backordered": []}
    again = ["HandOverToWarehouse", "AllShipped"]
    assert run.visited == [*again, "WaitForRestock", "OrderTheRest", *again, "Shipped"]


def test_time_outs_are_retried(api: Api, hand_over: str) -> None:
    run = api.run(hand_over, ORDER, "WarehouseIsSlow")
    assert (run.status, run.output) == ("SUCCEEDED", SHIPPED_TWO)
    assert run.count("TaskScheduled") == 3


def test_a_failure_that_lasts_is_a_dead_letter(api: Api, hand_over: str) -> None:
    run = api.run(hand_over, ORDER, "WarehouseIsGone")
    assert (run.status, run.error) == ("FAILED", "HandOverFailed")
    assert run.visited == ["HandOverToWarehouse", "ArchiveLetter", "SendLetter", "Failed"]
    [scheduled] = [
        event["taskScheduledEventDetails"]
        for event in run.events
        if event["type"] == "TaskScheduled"
        and event["taskScheduledEventDetails"]["resourceType"] == "dynamodb"
    ]
    item = json.loads(scheduled["parameters"])["Item"]
    assert json.loads(item["letter"]["S"]) == {"Error": "States.Timeout", "Cause": "no answer"}


def test_a_letter_that_is_there_is_not_sent_again(api: Api, hand_over: str) -> None:
    run = api.run(hand_over, ORDER, "LetterIsThere")
    assert run.visited == ["HandOverToWarehouse", "ArchiveLetter", "Failed"]
    assert (run.status, run.cause) == ("FAILED", "the letter says why")


# The DailyReports machine as it is deployed, up to its dead-letter branch


def of_accounts(*account_ids: str) -> dict[str, Any]:
    return {
        "scheduledTime": "2026-01-01T06:00:00Z",
        "accounts": [{"accountId": one, "size": 1} for one in account_ids],
    }


def test_the_story_has_nothing_that_the_image_does_not_know(story: dict[str, Any]) -> None:
    text = json.dumps(story)
    assert not [word for word in ("JSONata", "Assign", "{%", "JitterStrategy") if word in text]
    assert {"HasAccounts", "StartReports", "FindNotStarted", "Started"} <= story["States"].keys()


@pytest.mark.parametrize(
    ("test_case", "outcomes", "retries"),
    [
        ("AllStarted", ["STARTED", "STARTED", "STARTED"], 0),
        ("OneStartedBefore", ["STARTED", "ALREADY_STARTED", "STARTED"], 0),
        ("ThrottledOnce", ["STARTED", "STARTED", "STARTED"], 1),
    ],
)
def test_a_report_is_started_for_each_account(
    api: Api, daily_reports: str, test_case: str, outcomes: list[str], retries: int
) -> None:
    run = api.run(daily_reports, of_accounts("a-1", "a-2", "a-3"), test_case)
    assert run.status == "SUCCEEDED"
    assert [report["outcome"] for report in run.output] == outcomes
    assert run.count("TaskScheduled") == 3 + retries


def test_a_report_that_cannot_be_started_holds_up_no_other(api: Api, daily_reports: str) -> None:
    run = api.run(daily_reports, of_accounts("a-1", "a-2", "a-3"), "OneCannotBeStarted")
    assert (run.status, run.error) == ("FAILED", "SomeNotStarted")
    assert run.count("TaskSucceeded") == 2
    assert run.visited[-3:] == ["FindNotStarted", "AllStarted", "SomeNotStarted"]


def test_an_account_without_an_id_calls_no_service(api: Api, daily_reports: str) -> None:
    given = of_accounts("a-1", "a-2", "a-3")
    given["accounts"].append({"size": 1})
    run = api.run(daily_reports, given, "AllStarted")
    assert (run.status, run.error) == ("FAILED", "SomeNotStarted")
    assert run.count("TaskSucceeded") == 3


@pytest.mark.parametrize(
    "given", [{}, {**of_accounts("a-1"), "scheduledTime": "today"}, of_accounts()]
)
def test_a_day_without_a_time_or_accounts_starts_nothing(
    api: Api, daily_reports: str, given: dict[str, Any]
) -> None:
    run = api.run(daily_reports, given, "AllStarted")
    assert (run.status, run.error) == ("FAILED", "InputIncomplete")
    assert run.visited == ["HasAccounts", "InputIncomplete"]
