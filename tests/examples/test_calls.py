"""Examples that are started by calls: what they leave behind is what their texts say."""

from __future__ import annotations

import json

import pytest

from examples.calls import FOLDER, read_calls
from sfnlocal.testing import LocalApp

SCENARIOS = {scenario.name: scenario for scenario in read_calls()}


def test_every_example_is_known_here() -> None:
    assert set(SCENARIOS) >= {"7-filter-chain", "8-device-ingest", "9-order-by-http"}
    assert set(SCENARIOS) == {path.stem for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_execution_of_an_example_fails(sfn: LocalApp, name: str) -> None:
    SCENARIOS[name].run(sfn)
    assert sfn.executions()
    assert {run.status for run in sfn.executions()} == {"SUCCEEDED"}


def test_an_item_passes_its_filters(sfn: LocalApp) -> None:
    SCENARIOS["7-filter-chain"].run(sfn)
    [item] = sfn.items("FilteredItems")
    assert (item["itemId"], item["passed"]) == ("message-1", "normalize redact classify")
    assert json.loads(item["item"])["text"] == "Refund my card [card], or mail [e-mail]"
    [unroutable] = sfn.messages("UnroutableItems")
    assert unroutable["nextFilter"] == "translate"


def test_a_device_reports_late_and_twice(sfn: LocalApp) -> None:
    SCENARIOS["8-device-ingest"].run(sfn)
    [device] = sfn.items("Devices")
    assert (int(device["measuredAtMs"]), int(device["celsius"])) == (1767225599000, 93)
    outcomes = [run.output.get("alert") for run in sfn.executions()]
    assert outcomes == ["TOLD", "NONE", "NONE", None]


def test_an_order_comes_twice_over_http(sfn: LocalApp, capsys: pytest.CaptureFixture[str]) -> None:
    SCENARIOS["9-order-by-http"].run(sfn)
    answers = [line for line in capsys.readouterr().out.splitlines() if line]
    first, again, other, bad = answers
    assert first == again
    assert first.startswith("POST /orders -> 202 ")
    assert "422" in other
    assert "order.lines[0].quantity must be" in bad
    [run] = sfn.executions("Order")
    assert run.status == "SUCCEEDED"


def test_an_operation_is_polled(sfn: LocalApp, capsys: pytest.CaptureFixture[str]) -> None:
    SCENARIOS["9-operation-polled"].run(sfn)
    posted, *polled = [line for line in capsys.readouterr().out.splitlines() if line]
    assert "status.json?..." in posted
    assert '"result":{"orders":2,"missing":2}' in polled[-1]


def test_files_of_companies_get_their_scores(sfn: LocalApp) -> None:
    SCENARIOS["11-company-scores"].run(sfn)
    scored = sfn.executions("ScoreCompanies")[0].output
    assert (scored["scored"], scored["refused"]) == (2, 1)
    [letter] = sfn.messages("ScoreWorkDeadLetters")
    assert [line["line"] for line in letter["lines"]] == [2]


def test_a_release_is_built_once_though_its_builder_dies(
    sfn: LocalApp, capsys: pytest.CaptureFixture[str]
) -> None:
    SCENARIOS["13-release-build"].run(sfn)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("POST")]
    assert [line.split(" -> ")[1][:3] for line in lines] == ["202", "202", "202"]
    built, broken = sfn.executions("ReleaseBuild")
    assert (built.attempts("Build"), built.output["state"]) == (2, "success")
    assert (broken.attempts("Build"), broken.output["state"]) == (1, "failure")


def test_sales_are_counted_by_both_layers(
    sfn: LocalApp, capsys: pytest.CaptureFixture[str]
) -> None:
    SCENARIOS["16-sales-views"].run(sfn)
    answers = [
        json.loads(line.split(" 200 ")[1]) for line in capsys.readouterr().out.splitlines() if line
    ]
    assert [answer["total"]["sales"] for answer in answers] == [2, 3, 3]
    first, second, third = (answer["watermark"] for answer in answers)
    assert first is None
    assert second < third


def test_a_form_is_taken_once_it_is_right(sfn: LocalApp) -> None:
    SCENARIOS["17-form-intake"].run(sfn)
    outcomes = [run.output["outcome"] for run in sfn.executions()]
    assert outcomes == ["INVALID", "STORED", "STORED"]
    [item] = sfn.items("Submissions")
    assert item["entries"]["email"] == "ada@example.com"


def test_a_new_version_goes_live(sfn: LocalApp) -> None:
    SCENARIOS["19-upgrade"].run(sfn)
    [upgrade] = sfn.executions("Upgrade")
    assert (upgrade.output["outcome"], upgrade.output["changes"]) == ("UPGRADED", ["MemorySize"])
    assert sum(check["newCalls"] for check in upgrade.output["checks"]) > 0


def test_an_order_waits_for_a_heal(sfn: LocalApp) -> None:
    SCENARIOS["20-heal"].run(sfn)
    assert [run.output["outcome"] for run in sfn.executions("Heal")] == ["HEALED"]
    [order] = sfn.executions("Order")
    assert order.attempts("ReserveStock") == 3
