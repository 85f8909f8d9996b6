"""The application's state machines as they are deployed, with mocked services, through the API:
JSONata and variables, which AWS's Step Functions Local does not know."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.template import App, find_resource
from tests.api.conftest import Api

ORDER = {
    "orderId": "o-1",
    "customerId": "c-7",
    "shipAt": "2026-01-01T09:00:00Z",
    "currency": "EUR",
    "cardToken": "tok_visa",
    "lines": [{"sku": "mug", "quantity": 2, "unitPriceCents": 1250}],
}
COMPLETED = {
    "orderId": "o-1",
    "status": "COMPLETED",
    "chargeId": "ch-1",
    "totalCents": 2500,
    "shipments": [],
}
REPORT = {"scheduledTime": "2026-01-01T06:00:00Z", "account": {"accountId": "a-1", "size": 2}}
DEAD_LETTER = ["ArchiveLetter", "SendLetter", "MarkLetterSent", "Failed"]


@pytest.fixture(scope="module")
def order(api: Api, definitions: dict[str, dict[str, Any]]) -> str:
    return api.create("Order", definitions["Order"])


@pytest.fixture(scope="module")
def report(api: Api, definitions: dict[str, dict[str, Any]]) -> str:
    return api.create("Report", definitions["Report"])


@pytest.mark.parametrize(("test_case", "retries"), [("Completed", 0), ("ProviderRecovers", 2)])
def test_an_order_is_completed(api: Api, order: str, test_case: str, retries: int) -> None:
    run = api.run(order, ORDER, test_case)
    assert run.status == "SUCCEEDED"
    assert run.output == COMPLETED
    assert run.visited[-4:] == ["WaitForShipDate", "Fulfil", "RecordCompleted", "Completed"]
    assert run.count("TaskFailed") == retries


def test_a_declined_card_is_an_outcome(api: Api, order: str) -> None:
    run = api.run(order, ORDER, "CardDeclined")
    assert run.status == "SUCCEEDED"
    assert run.output == {"orderId": "o-1", "status": "REJECTED", "reason": "no money"}
    assert run.visited[-4:] == ["ChargePayment", "ReleaseStock", "RecordRejected", "Rejected"]


def test_a_provider_that_stays_down_gives_back_the_stock_and_leaves_a_letter(
    api: Api, order: str
) -> None:
    run = api.run(order, ORDER, "ProviderStaysDown")
    assert (run.status, run.error) == ("FAILED", "PaymentProviderUnavailable")
    assert "GiveStockBack" in run.visited
    assert run.visited[-4:] == DEAD_LETTER


def test_a_report_is_fetched_until_it_is_ready(api: Api, report: str) -> None:
    run = api.run(report, REPORT, "ReadyAtTheThirdFetch")
    assert run.status == "SUCCEEDED"
    assert (run.output["reportId"], run.output["messages"]) == ("r-1", 2)
    assert run.visited.count("FetchReport") == 3


def test_a_message_that_sqs_refused_is_sent_again_alone(api: Api, report: str) -> None:
    run = api.run(report, REPORT, "OneMessageRefused")
    assert run.status == "SUCCEEDED"
    [sent_again] = [
        event["taskScheduledEventDetails"]["parameters"]
        for event in run.events
        if event["type"] == "TaskScheduled" and "second" in str(event) and "first" not in str(event)
    ]
    assert '"Id":"1"' in sent_again


def test_a_report_that_is_never_ready_is_a_dead_letter(api: Api, report: str) -> None:
    run = api.run(report, REPORT, "NeverReady")
    assert (run.status, run.error) == ("FAILED", "ReportNeverReady")
    assert run.visited.count("FetchReport") == 8
    assert run.visited[-4:] == DEAD_LETTER


@pytest.mark.usefixtures("deployed_there")
def test_an_order_runs_on_the_services_that_are_deployed(
    api: Api, order: str, deployed: App
) -> None:
    stock = find_resource(deployed, "Stock", "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
    api.put_item(stock.name, {"sku": {"S": "mug"}, "available": {"N": "5"}})
    run = api.run(order, {**ORDER, "orderId": "o-2"})
    assert run.status == "SUCCEEDED"
    assert (run.output["orderId"], run.output["status"]) == ("o-2", "COMPLETED")
