"""The views of sales: every single fault from a sale to the answer, and of every switch between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdas.views.payloads import Sale
from sfnlocal.proof import Fault, Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from
from tests.workflows.sales import DAY_MS, Shop, day_of

SKU = "mug"
SOLD_AT_MS = 1_767_225_600_000
DAY = day_of(SOLD_AT_MS)
RANGE = {"from": DAY, "to": DAY}


def a_sale(number: int = 1, **more: Any) -> dict[str, Any]:
    sale = Sale(
        eventId=f"e-{number}",
        sku=SKU,
        quantity=number,
        amountCents=250 * number,
        soldAtMs=SOLD_AT_MS,
    )
    return {**sale, **more}


def sold(*sales: Any) -> Callable[[LocalApp], None]:
    def act(app: LocalApp) -> None:
        for sale in sales:
            app.send("SalesQueue", sale)

    return act


def settled(app: LocalApp) -> None:
    """Two sales whose hour is over, and one that is not."""
    sold(a_sale(1), a_sale(2))(app)
    app.advance(hours=2)
    sold(a_sale(4))(app)
    app.advance(seconds=1)


def viewed(times: int) -> Callable[[LocalApp], None]:
    """The same, and views that were made before: `v-1`, `v-2`, ..."""

    def prepare(app: LocalApp) -> None:
        settled(app)
        for number in range(1, times + 1):
            app.run("RecomputeView", RANGE, f"v-{number}").assert_succeeded()
            app.advance(minutes=1)

    return prepare


def roll_back(app: LocalApp) -> dict[str, str]:
    return {**RANGE, "rollBack": Shop(app).pointer(DAY)["version"]}


def at_once(app: LocalApp) -> None:
    for name in ("one", "two"):
        app.start("RecomputeView", RANGE, name)


def overtaken(app: LocalApp) -> None:
    """Another run begins and ends while the first one waits to try its switch again."""
    app.start("RecomputeView", RANGE, "one")
    app.advance(milliseconds=1)
    app.start("RecomputeView", RANGE, "two")


def every_answer_is_true(app: LocalApp) -> None:
    shop = Shop(app)
    assert shop.counted(SKU, DAY) == shop.noted(SKU, DAY)


def every_noted_sale_is_archived(app: LocalApp) -> None:
    """Unless its message still waits, or is a dead letter."""
    waiting = [*app.messages("SalesQueue"), *app.messages("SalesQueueDeadLetters")]
    archived = {key.rsplit("/", 1)[1] for key in Shop(app).keys("sales/")}
    archived |= {f"{message['eventId']}.json" for message in waiting if "eventId" in message}
    assert {f"{item['eventId']}.json" for item in app.items("SalesLedger")} <= archived


def live_version_is_there(app: LocalApp) -> None:
    """And the one before it, for a rollback."""
    shop = Shop(app)
    for pointer in app.items("ViewPointers"):
        named = {pointer["version"], pointer["previousVersion"]} - {""}
        assert named <= shop.versions(pointer["day"]), pointer


INVARIANTS = [every_answer_is_true, every_noted_sale_is_archived, live_version_is_there]

RECORD_SALE = Proof(
    state_machine="RecordSale",
    scenarios=[
        Scenario(name="sold", start=sold(a_sale())),
        Scenario(name="twice", start=sold(a_sale(), a_sale(), a_sale(2))),
        Scenario(name="late", start=sold(a_sale(soldAtMs=SOLD_AT_MS - 31 * DAY_MS))),
        Scenario(name="invalid", start=sold(a_sale(quantity="two"))),
    ],
    invariants=INVARIANTS,
    at_least_once=("RejectedSales",),
    schedules=(),
    ignore={
        "SalesLedger.arrivedAt": "when it was noted",
        "SalesCounters": "a later arrival has a counter of its own; the answer is an invariant",
        "SalesFiles": "keys have the hour of arrival; the invariants look into them",
    },
)

RECOMPUTE_VIEW = Proof(
    state_machine="RecomputeView",
    scenarios=[
        Scenario(
            name="recomputed",
            about="the third version: the first one goes",
            prepare=viewed(2),
            input=RANGE,
            execution_name="again",
        ),
        Scenario(
            name="first",
            about="two days that have no view yet, one without sales",
            prepare=settled,
            input={"scheduledTime": f"{DAY}T02:30:00Z", "daysAgo": [0, 1]},
            execution_name="first",
        ),
        Scenario(name="rolled-back", prepare=viewed(2), input=roll_back, execution_name="back"),
        Scenario(
            name="nothing-to-roll-back",
            prepare=viewed(1),
            input=roll_back,
            execution_name="back",
        ),
        Scenario(
            name="at-once",
            about="two runs, of which the first is slower and loses",
            prepare=settled,
            start=at_once,
            given=[Fault("state:RecomputeView/ReadManifest#1", "refused:Lambda.ServiceException")],
            expect="FAILED",
        ),
        Scenario(
            name="overtaken",
            about="the answer of a switch is lost, and another run switches before it is repeated",
            prepare=settled,
            start=overtaken,
            given=[
                Fault("state:RecomputeView/SwitchPointers#1", "lost:DynamoDb.SdkClientException")
            ],
        ),
        Scenario(
            name="not-whole",
            about="a sale is noted, and not in the archive",
            prepare=settled,
            start=lambda app: lose_archived(app),
            expect="FAILED",
        ),
        Scenario(
            name="large",
            about="a run that fails, with an input too large for its letter",
            prepare=settled,
            input={**RANGE, "note": "x" * 200_000},
            execution_name="large",
            given=[Fault("state:RecomputeView/ReadPointers#1", "refused:UnforeseenError")],
            only=("StoreInput",),
            expect="FAILED",
        ),
        Scenario(name="rejected", input={"from": DAY}, execution_name="no"),
    ],
    dead_letters="ViewDeadLetters",
    replay=replay_from("ViewLetters"),
    letter_states=LETTER_STATES,
    schedules=("Views/ViewSweep/Hourly",),
    invariants=INVARIANTS[:1] + INVARIANTS[2:],
    ignore={
        "ViewLetters": "the archive keeps each letter",
        "ViewLostEvents": "what net 2 could not be started for; the letter is there without it",
        "ViewPointers": "versions have the names of the runs; the invariants follow them",
        "SalesFiles": "as above",
    },
)


def lose_archived(app: LocalApp) -> None:
    shop = Shop(app)
    key = next(key for key in shop.keys(f"sales/{DAY}/") if key.endswith("/e-1.json"))
    app.client("s3").delete_object(Bucket=shop.bucket, Key=key)
    app.start("RecomputeView", RANGE, "not-whole")
