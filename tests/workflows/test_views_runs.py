"""The views of sales, running: from a sale to what both layers answer, and every switch between.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest

from scripts import replay_dead_letters
from sfnlocal.errors import ApiError
from sfnlocal.ports import ServiceCall
from sfnlocal.template import App
from sfnlocal.testing import CALL, Failure, LocalApp, Lost, Run, load
from tests.callers import BAD_TOKENS, ask, bad_token, trust_issuer
from tests.workflows.sales import DAY_MS, Shop, day_of, totals

BROKEN = Failure("Broken", "for good")
NO_ANSWER = Lost("States.Timeout")
CANCELED = Failure("DynamoDb.TransactionCanceledException", "[TransactionConflict]")


@pytest.fixture(scope="module")
def sales_app(sfn_app: App) -> Iterator[LocalApp]:
    with load(sfn_app) as app:
        app.pause_schedules()
        trust_issuer(app)
        # An hour later, there is a watermark in the first day.
        app.advance(hours=1)
        yield app


@pytest.fixture(scope="module")
def the_shop(sales_app: LocalApp) -> Shop:
    return Shop(sales_app)


@pytest.fixture
def shop(the_shop: Shop) -> Iterator[Shop]:
    """In the middle of a day of its own, as is the day before."""
    app = the_shop.app
    app.advance(milliseconds=2 * DAY_MS - app.session.now_ms % DAY_MS + DAY_MS // 2)
    yield the_shop
    app.session.mocks.clear()
    the_shop.gate.watch = None
    app.run_until_idle()
    for queue in ("SalesQueueDeadLetters", "RejectedSales", "ViewDeadLetters"):
        app.client("sqs").purge_queue(QueueUrl=app.queue_url(queue))


@pytest.fixture
def sku(shop: Shop) -> str:
    return shop.new_sku()


def switched(run: Run) -> list[Any]:
    """The views that a run has switched to."""
    run.assert_succeeded()
    assert run.output["status"] == "SWITCHED"
    views: list[Any] = run.output["views"]
    return views


def replay(app: LocalApp) -> None:
    with redirect_stdout(StringIO()):
        replay_dead_letters.main(
            [
                *("--queue-url", app.queue_url("ViewDeadLetters")),
                *("--table", app.table("ViewLetters"), "--wait-s", "0"),
            ]
        )
    app.run_until_idle()


# The speed layer and the archive


def test_a_sale_counts_as_it_comes_and_is_archived_unchanged(shop: Shop, sku: str) -> None:
    sold = {**shop.sale(sku, quantity=3), "till": {"id": "t-7", "lane": 2.5}}
    shop.send(sold)
    assert shop.counted(sku, shop.today) == totals([sold])
    hour = f"{shop.app.now:%H}"
    assert shop.read(f"sales/{shop.today}/{shop.today}T{hour}/{sold['eventId']}.json") == sold


def test_a_sale_that_comes_again_counts_once_and_is_one_object(shop: Shop, sku: str) -> None:
    sold = shop.sell(sku)
    shop.app.advance(hours=2)
    shop.send(sold, sold)
    assert shop.counted(sku, shop.today) == totals([sold])
    assert (
        len([key for key in shop.keys("sales/") if key.endswith(f"/{sold['eventId']}.json")]) == 1
    )


def test_of_two_sales_by_one_name_the_first_is_the_sale_in_both_layers(
    shop: Shop, sku: str
) -> None:
    sold = shop.sell(sku, quantity=1)
    shop.send({**sold, "quantity": 9, "soldAtMs": sold["soldAtMs"] - DAY_MS})
    shop.app.advance(hours=2)
    switched(shop.recompute(shop.today))
    assert shop.counted(sku, shop.today) == totals([sold])
    assert shop.counted(sku, day_of(sold["soldAtMs"] - DAY_MS)) == {}


@pytest.mark.parametrize(
    "attempts",
    [
        [NO_ANSWER, CALL],
        [Lost("DynamoDb.InternalServerErrorException"), CALL],
        [CANCELED, CALL],
        [CANCELED] * 6 + [CALL],
    ],
    ids=["no answer", "fault after the work", "conflict", "conflicts"],
)
def test_a_count_whose_answer_is_lost_or_that_meets_another_counts_once(
    shop: Shop, sku: str, attempts: list[Any]
) -> None:
    shop.app.mock("RecordSale", "CountOnce", attempts)
    sold = shop.sell(sku)
    shop.app.advance(minutes=3)
    assert shop.counted(sku, shop.today) == totals([sold])
    assert shop.noted(sku, shop.today) == totals([sold])
    assert len(shop.keys(f"sales/{shop.today}/")) == 1


def test_copies_at_the_same_moment_count_once(shop: Shop, sku: str) -> None:
    sold = shop.sale(sku)
    for _ in range(4):
        shop.app.send("SalesQueue", sold)
    shop.app.advance(minutes=1)
    assert shop.counted(sku, shop.today) == totals([sold])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"eventId": "a/b"}, "INVALID"),
        ({"eventId": None}, "INVALID"),
        ({"sku": "a#b"}, "INVALID"),
        ({"sku": 7}, "INVALID"),
        ({"quantity": 0}, "INVALID"),
        ({"quantity": 1.5}, "INVALID"),
        ({"quantity": "2"}, "INVALID"),
        ({"amountCents": -1}, "INVALID"),
        ({"soldAtMs": "2026-01-01"}, "INVALID"),
        ({"soldAtMs": 4_102_444_800_000}, "INVALID"),
        ({"soldAtMs": 1_600_000_000_000}, "LATE"),
    ],
)
def test_what_is_no_sale_or_comes_too_late_is_kept_and_never_counted(
    shop: Shop, sku: str, change: dict[str, Any], reason: str
) -> None:
    shop.send({**shop.sale(sku), **change})
    [message] = shop.app.client("sqs").receive_message(
        QueueUrl=shop.app.queue_url("RejectedSales"), MessageAttributeNames=["All"]
    )["Messages"]
    assert message["MessageAttributes"]["reason"]["StringValue"] == reason
    assert not [item for item in shop.app.items("SalesCounters") if item["cell"].startswith(sku)]


@pytest.mark.parametrize("body", ["no JSON", [], 7, None])
def test_a_message_that_is_no_object_is_kept(shop: Shop, body: object) -> None:
    shop.send(body)
    assert shop.app.messages("RejectedSales") == [body]
    assert shop.app.executions("RecordSale")[-1].status == "SUCCEEDED"


# The seam


def test_a_view_has_what_arrived_before_the_watermark_and_the_speed_layer_the_rest(
    shop: Shop, sku: str
) -> None:
    first = shop.sell(sku)
    shop.app.advance(hours=2)
    second = shop.sell(sku, quantity=5)
    [view] = switched(shop.recompute(shop.today))
    assert view["watermark"] < f"{shop.app.now:%Y-%m-%dT%H}"
    batch = shop.read(f"views/{shop.today}/{view['version']}.json")
    assert batch["skus"][sku] == totals([first])
    third = shop.sell(sku, quantity=7)
    assert shop.counted(sku, shop.today) == totals([first, second, third])


def test_an_hour_of_arrivals_is_open_until_nothing_can_arrive_in_it(shop: Shop, sku: str) -> None:
    sold = shop.sell(sku)
    hour = f"{shop.app.now:%Y-%m-%dT%H}"
    shop.app.advance(minutes=69)
    [view] = switched(shop.recompute(shop.today))
    assert view["watermark"] == hour
    assert shop.counted(sku, shop.today) == totals([sold])
    shop.app.advance(minutes=1)
    [view] = switched(shop.recompute(shop.today))
    assert view["watermark"] > hour
    assert shop.counted(sku, shop.today) == totals([sold])


def test_a_late_sale_counts_at_once_and_by_the_batch_with_its_next_recompute(
    shop: Shop, sku: str
) -> None:
    sold = shop.sell(sku)
    day = shop.today
    shop.app.advance(days=1)
    [before] = switched(shop.recompute(day))
    late = shop.sell(sku, hours_ago=24, quantity=40)
    assert shop.counted(sku, day) == totals([sold, late])
    shop.app.advance(hours=2)
    [after] = switched(shop.recompute(day))
    for view, counted in ((before, [sold]), (after, [sold, late])):
        batch = shop.read(f"views/{day}/{view['version']}.json")
        assert batch["skus"][sku] == totals(counted)
    assert shop.counted(sku, day) == totals([sold, late])


def test_every_answer_during_a_recompute_is_true(shop: Shop, sku: str) -> None:
    """Sales go on, and somebody asks before every single call that the machine makes."""
    day, asked = shop.today, []
    shop.sell(sku)
    shop.app.advance(hours=2)

    def check(call: ServiceCall) -> None:
        assert shop.counted(sku, day) == shop.noted(sku, day)
        asked.append(call.operation)

    shop.gate.watch = check
    run = shop.app.start("RecomputeView", {"from": day, "to": day})
    shop.app.send("SalesQueue", shop.sale(sku))
    shop.app.send("SalesQueue", shop.sale(sku, hours_ago=1))
    shop.app.run_until_idle()
    switched(run)
    assert {"TransactGetItems", "Invoke", "TransactWriteItems", "ListObjectsV2"} <= set(asked)
    shop.gate.watch = None
    assert shop.counted(sku, day) == shop.noted(sku, day)
    assert sum(hour["sales"] for hour in shop.counted(sku, day).values()) == 3


def test_a_range_is_switched_as_one(shop: Shop, sku: str) -> None:
    days = [day_of(shop.app.session.now_ms - n * DAY_MS) for n in (2, 1, 0)]
    sold = [shop.sell(sku, hours_ago=24 * n, quantity=n + 1) for n in (2, 1)]
    shop.app.advance(hours=2)
    views = switched(shop.recompute(days[0], days[-1]))
    assert [view["day"] for view in views] == days
    assert len({view["version"] for view in views}) == 1
    for day, sale in zip(days, sold, strict=False):
        assert shop.counted(sku, day) == totals([sale])
    # A day without sales has an empty view.
    assert shop.read(f"views/{days[2]}/{views[2]['version']}.json")["skus"] == {}


def test_a_day_of_many_sales_is_counted_in_batches(shop: Shop, sku: str) -> None:
    sold = [shop.sale(sku, quantity=n + 1) for n in range(450)]
    arrival = f"{shop.today}T00"
    s3 = shop.app.client("s3")
    for sale in sold:
        key = f"sales/{shop.today}/{arrival}/{sale['eventId']}.json"
        s3.put_object(Bucket=shop.bucket, Key=key, Body=json.dumps(sale).encode())
    sums = totals(sold)[f"{shop.app.now:%H}"]
    shop.app.put_item(
        "SalesCounters",
        {"day": shop.today, "cell": f"{sku}#{arrival}#{shop.app.now:%H}", **sums},
    )
    [view] = switched(shop.recompute(shop.today))
    assert shop.read(f"views/{shop.today}/{view['version']}.json")["skus"] == {sku: totals(sold)}


def test_the_schedule_recomputes_yesterday_and_the_day_that_is_closed(shop: Shop, sku: str) -> None:
    triggers = shop.app.session.triggers
    shop.sell(sku)
    yesterday, closed = shop.today, day_of(shop.app.session.now_ms - 30 * DAY_MS)
    triggers.schedules.enable("Views/RecomputeView/Nightly")
    shop.app.advance(days=1)
    triggers.schedules.disable("Views/RecomputeView/Nightly")
    run = shop.app.executions("RecomputeView")[-1]
    assert [view["day"] for view in switched(run)] == [yesterday, closed]
    assert shop.ask(sku, yesterday)["watermark"] == f"{shop.today}T02"


# What fails


def failed(shop: Shop, day: str, error: str) -> Run:
    """A recompute that fails with a letter, without a trace in the views."""
    before, versions = shop.pointer(day), shop.versions(day)
    run = shop.recompute(day)
    run.assert_failed(error)
    assert (shop.pointer(day), shop.versions(day)) == (before, versions)
    [letter] = shop.letters()
    assert (letter["error"], letter["executionArn"]) == (error, run.arn)
    return run


def test_a_sale_that_is_not_archived_fails_the_check_until_it_is_brought_back(
    shop: Shop, sku: str
) -> None:
    first = shop.sell(sku)
    shop.app.advance(hours=2)
    switched(shop.recompute(shop.today))
    day = shop.today
    shop.app.mock("RecordSale", "Archive", [BROKEN])
    second = shop.sell(sku, quantity=9)
    shop.app.advance(hours=3)
    assert shop.app.messages("SalesQueueDeadLetters") == [second]
    assert shop.counted(sku, day) == totals([first, second])
    failed(shop, day, "ViewNotWhole")
    [letter] = shop.letters()
    assert letter["state"] == "BuildViews"
    assert "counted" in letter["cause"]
    shop.app.session.mocks.clear()
    # Weeks later it is too late for a new sale, but this one is noted.
    shop.app.advance(days=9)
    move_back(shop.app)
    replay(shop.app)
    [view] = switched(shop.app.executions("RecomputeView")[-1])
    assert shop.read(f"views/{day}/{view['version']}.json")["skus"][sku] == totals([first, second])


def move_back(app: LocalApp) -> None:
    sqs = app.client("sqs")
    source, destination = (
        sqs.get_queue_attributes(QueueUrl=app.queue_url(queue), AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        for queue in ("SalesQueueDeadLetters", "SalesQueue")
    )
    sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
    app.advance(minutes=1)


def test_a_noted_sale_is_archived_however_late_it_comes_back(shop: Shop, sku: str) -> None:
    shop.app.mock("RecordSale", "Archive", [BROKEN])
    sold = shop.sell(sku)
    day = shop.today
    shop.app.session.mocks.clear()
    shop.app.client("sqs").purge_queue(QueueUrl=shop.app.queue_url("SalesQueue"))
    assert shop.keys(f"sales/{day}/") == []
    shop.app.advance(days=31)
    shop.send(sold)
    assert [key.split("/")[2][:10] for key in shop.keys(f"sales/{day}/")] == [day]


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("ReadPointers", "Broken"),
        ("ReadManifest", "Broken"),
        ("CountSales", "States.ExceedToleratedFailureThreshold"),
        ("BuildView", "Broken"),
    ],
)
def test_a_run_that_fails_leaves_the_live_view_and_a_letter(
    shop: Shop, sku: str, state: str, error: str
) -> None:
    sold = shop.sell(sku)
    shop.app.advance(hours=2)
    shop.app.mock("RecomputeView", state, [BROKEN])
    failed(shop, shop.today, error)
    assert shop.counted(sku, shop.today) == totals([sold])
    shop.app.session.mocks.clear()
    replay(shop.app)
    switched(shop.app.executions("RecomputeView")[-1])


def test_what_a_failed_run_has_written_is_removed(shop: Shop, sku: str) -> None:
    shop.sell(sku)
    shop.app.advance(hours=2)
    shop.app.mock("RecomputeView", "BuildView", [Lost("Broken")])
    failed(shop, shop.today, "Broken")
    assert shop.versions(shop.today) == set()


def test_a_switch_that_cannot_be_made_leaves_the_live_view_and_its_files(
    shop: Shop, sku: str
) -> None:
    """Nobody can tell whether the last attempt is still on its way: the next run tidies."""
    shop.sell(sku)
    shop.app.advance(hours=2)
    shop.app.mock("RecomputeView", "SwitchPointers", [Failure("States.Timeout")])
    shop.recompute(shop.today).assert_failed("States.Timeout")
    assert shop.pointer(shop.today) == {}
    assert len(shop.versions(shop.today)) == 1
    shop.app.session.mocks.clear()
    shop.app.advance(minutes=1)
    [view] = switched(shop.recompute(shop.today))
    assert shop.versions(shop.today) == {view["version"]}


def test_old_versions_that_cannot_be_removed_go_with_the_next_run(shop: Shop, sku: str) -> None:
    shop.sell(sku)
    shop.app.advance(hours=2)
    versions = []
    for outcome in (CALL, CALL, BROKEN):
        shop.app.mock("RecomputeView", "RemoveOld", [outcome])
        versions += [view["version"] for view in switched(shop.recompute(shop.today))]
        shop.app.advance(minutes=1)
    assert shop.versions(shop.today) == set(versions)
    shop.app.session.mocks.clear()
    versions += [view["version"] for view in switched(shop.recompute(shop.today))]
    assert shop.versions(shop.today) == set(versions[-2:])


def test_what_an_aborted_run_has_left_goes_with_the_next_run(shop: Shop, sku: str) -> None:
    shop.sell(sku)
    shop.app.advance(hours=2)
    shop.app.mock("RecomputeView", "SwitchPointers", [Failure("DynamoDb.ThrottlingException")])
    run = shop.app.start("RecomputeView", {"from": shop.today, "to": shop.today})
    shop.app.advance(milliseconds=100)
    shop.app.session.stop_execution(run.arn)
    assert len(shop.versions(shop.today)) == 1
    shop.app.session.mocks.clear()
    shop.app.advance(minutes=1)
    [view] = switched(shop.recompute(shop.today))
    assert shop.versions(shop.today) == {view["version"]}


# Two at once


def test_of_two_recomputes_at_once_the_second_to_switch_is_told_and_removed(
    shop: Shop, sku: str
) -> None:
    sold = shop.sell(sku)
    day = shop.today
    shop.app.advance(hours=2)
    runs = [shop.app.start("RecomputeView", {"from": day, "to": day}) for _ in range(2)]
    shop.app.run_until_idle()
    [winner] = [run for run in runs if run.status == "SUCCEEDED"]
    [loser] = [run for run in runs if run is not winner]
    loser.assert_failed("ViewSwitchedMeanwhile")
    [view] = switched(winner)
    [letter] = shop.letters()
    assert view["version"] in letter["cause"]
    assert shop.versions(day) == {view["version"]}
    assert shop.pointer(day)["version"] == view["version"]
    assert shop.counted(sku, day) == totals([sold])
    replay(shop.app)
    switched(shop.app.executions("RecomputeView")[-1])


def test_of_ranges_that_overlap_the_loser_switches_no_day(shop: Shop, sku: str) -> None:
    today, yesterday = shop.today, day_of(shop.app.session.now_ms - DAY_MS)
    shop.app.advance(hours=2)
    one = shop.app.start("RecomputeView", {"from": today, "to": today})
    two = shop.app.start("RecomputeView", {"from": yesterday, "to": today})
    shop.app.run_until_idle()
    switched(one)
    two.assert_failed("ViewSwitchedMeanwhile")
    assert shop.pointer(yesterday) == {}
    assert shop.versions(yesterday) == set()


@pytest.mark.parametrize("error", ["States.Timeout", "DynamoDb.InternalServerErrorException"])
def test_a_switch_whose_answer_is_lost_is_made_once(shop: Shop, sku: str, error: str) -> None:
    shop.app.advance(hours=2)
    shop.app.mock("RecomputeView", "SwitchPointers", [Lost(error), CALL])
    run = shop.recompute(shop.today)
    [view] = switched(run)
    assert run.attempts("SwitchPointers") == 2
    assert (shop.pointer(shop.today)["version"], shop.pointer(shop.today)["switches"]) == (
        view["version"],
        1,
    )


def test_a_switch_whose_answer_is_lost_before_another_run_s_has_been_made(
    shop: Shop, sku: str
) -> None:
    """Its version is the one before now: it stays, for a rollback."""
    sold = shop.sell(sku)
    day = shop.today
    shop.app.advance(hours=2)
    shop.app.mock("RecomputeView", "SwitchPointers", [Lost("States.Timeout"), CALL])
    first = shop.app.start("RecomputeView", {"from": day, "to": day}, "first")
    shop.app.advance(milliseconds=1)
    assert shop.pointer(day)["switches"] == 1
    shop.app.session.mocks.clear()
    # In the pause before the first one's second attempt.
    point = dict(shop.pointer(day))
    texts = {name: {"S": str(point[name])} for name in ("day", "version", "watermark")}
    shop.app.client("dynamodb").put_item(
        TableName=shop.app.table("ViewPointers"),
        Item={
            **texts,
            "version": {"S": point["version"]},
            "previousVersion": {"S": point["version"]},
            "previousWatermark": {"S": point["watermark"]},
            "switches": {"N": "2"},
        },
    )
    shop.app.run_until_idle()
    switched(first)
    assert shop.counted(sku, day) == totals([sold])


# Rollback


def test_a_rollback_makes_the_version_before_live_and_no_answer_changes(
    shop: Shop, sku: str
) -> None:
    first = shop.sell(sku)
    shop.app.advance(hours=2)
    day = shop.today
    [old] = switched(shop.recompute(day))
    second = shop.sell(sku, quantity=5)
    shop.app.advance(hours=2)
    [new] = switched(shop.recompute(day))
    [back] = switched(shop.recompute(day, rollBack=new["version"]))
    assert back == old
    assert shop.counted(sku, day) == totals([first, second])
    # The same order again finds nothing to do, so a replay does no harm.
    again = shop.recompute(day, rollBack=new["version"])
    again.assert_succeeded({"status": "NOTHING_TO_ROLL_BACK"})
    # And back again.
    assert switched(shop.recompute(day, rollBack=old["version"])) == [new]
    assert shop.counted(sku, day) == totals([first, second])


def test_what_has_no_version_before_is_not_rolled_back(shop: Shop) -> None:
    [view] = switched(shop.recompute(shop.today))
    for version in (view["version"], "another", ""):
        run = shop.recompute(shop.today, rollBack=version)
        run.assert_succeeded({"status": "NOTHING_TO_ROLL_BACK"})
    assert shop.pointer(shop.today)["version"] == view["version"]


def test_a_rollback_during_a_recompute_makes_the_recompute_lose(shop: Shop, sku: str) -> None:
    day = shop.today
    sold = shop.sell(sku)
    shop.app.advance(hours=2)
    [old] = switched(shop.recompute(day))
    [new] = switched(shop.recompute(day))
    recompute = shop.app.start("RecomputeView", {"from": day, "to": day})
    back = shop.app.start("RecomputeView", {"from": day, "to": day, "rollBack": new["version"]})
    shop.app.run_until_idle()
    assert switched(back) == [old]
    recompute.assert_failed("ViewSwitchedMeanwhile")
    assert shop.versions(day) == {old["version"], new["version"]}
    assert shop.counted(sku, day) == totals([sold])


# Bad input, and who may ask


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"from": "2026-01-01"},
        {"from": "2026-01-32", "to": "2026-01-32"},
        {"from": "2025-02-29", "to": "2025-02-29"},
        {"from": 1, "to": 2},
        {"from": "2024-02-29", "to": "2024-02-29"},
        {"from": "2099-01-01", "to": "2099-01-01"},
        {"scheduledTime": "today", "daysAgo": [1]},
        {"scheduledTime": "2026-01-01T02:30:00Z"},
        {"scheduledTime": "2026-01-01T02:30:00Z", "daysAgo": 1},
        {"scheduledTime": "2026-01-01T02:30:00Z", "daysAgo": []},
        {"scheduledTime": "2026-01-01T02:30:00Z", "daysAgo": [1, 1]},
        {"scheduledTime": "2026-01-01T02:30:00Z", "daysAgo": [1, "2"]},
        {"scheduledTime": "2026-01-01T02:30:00Z", "daysAgo": [-1]},
        {"scheduledTime": "2026-01-01T02:30:00Z", "daysAgo": list(range(32))},
    ],
    ids=json.dumps,
)
def test_what_asks_for_no_range_is_rejected_without_a_letter(
    shop: Shop, asked: dict[str, Any]
) -> None:
    run = shop.app.run("RecomputeView", asked)
    run.assert_succeeded()
    assert run.output["status"] == "REJECTED"
    assert shop.letters() == []


@pytest.mark.parametrize("ago", [(1, 2), (32, 1), (31, 0)], ids=str)
def test_a_range_that_is_no_range_or_too_long_is_rejected(shop: Shop, ago: tuple[int, int]) -> None:
    first, last = (day_of(shop.app.session.now_ms - n * DAY_MS) for n in ago)
    run = shop.recompute(first, last, **({"rollBack": 7} if ago == (1, 2) else {}))
    assert run.output["status"] == "REJECTED"


def test_the_longest_range_is_recomputed(shop: Shop) -> None:
    first = day_of(shop.app.session.now_ms - 30 * DAY_MS)
    assert len(switched(shop.recompute(first, shop.today))) == 31


def test_the_route_answers_with_both_layers(shop: Shop, sku: str) -> None:
    shop.sell(sku, quantity=3)
    shop.app.advance(hours=2)
    [view] = switched(shop.recompute(shop.today))
    shop.sell(sku)
    answered = ask(shop.app, "GET", f"/sales/{sku}/{shop.today}", api="SalesApi")
    assert answered.status == 200
    assert answered.json == {
        "sku": sku,
        "day": shop.today,
        "total": {"sales": 2, "quantity": 5, "amountCents": 1250},
        "hours": [
            {"hour": "12", "sales": 1, "quantity": 3, "amountCents": 750},
            {"hour": "14", "sales": 1, "quantity": 2, "amountCents": 500},
        ],
        "version": view["version"],
        "watermark": view["watermark"],
    }


@pytest.mark.parametrize(
    ("sku", "day", "error"),
    [
        ("a%23b", "today", "SkuInvalid"),
        ("x" * 65, "today", "SkuInvalid"),
        ("mug", "yesterday", "DayInvalid"),
        ("mug", "2026-02-30", "DayInvalid"),
        ("mug", "2024-12-31", "DayInvalid"),
        ("mug", "2099-01-01", "DayInvalid"),
    ],
)
def test_what_cannot_be_asked_is_answered_with_the_field(
    shop: Shop, sku: str, day: str, error: str
) -> None:
    path = f"/sales/{sku}/{shop.today if day == 'today' else day}"
    answered = ask(shop.app, "GET", path, api="SalesApi")
    assert (answered.status, answered.json["error"]) == (400, error)
    assert answered.json["message"].split()[0] == error.removesuffix("Invalid").lower()


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_nobody_without_a_good_token_may_ask(shop: Shop, name: str) -> None:
    headers = bad_token(shop.app, name)
    answered = shop.app.request("GET", f"/sales/mug/{shop.today}", api="SalesApi", headers=headers)
    assert answered.status == 401


def test_a_layer_that_does_not_answer_is_a_503_and_no_half_of_the_truth(
    shop: Shop, sku: str
) -> None:
    class Down:
        def before(self, call: ServiceCall) -> None:
            if self.is_down and call.operation == "Query":
                raise ApiError("ThrottlingException", "slow down")

        def after(self, call: ServiceCall) -> None: ...

        is_down = True

    gate = Down()
    shop.app.session.aws.add_gate(gate)
    answered = ask(shop.app, "GET", f"/sales/{sku}/{shop.today}", api="SalesApi")
    gate.is_down = False
    assert (answered.status, answered.json["error"]) == (503, "TryAgain")
