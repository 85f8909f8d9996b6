"""The filter chain, running: events from rule to rule, and what stays behind when one fails.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns-content-based-filtering.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any, cast

import pytest

from lambdas.filters.payloads import DETAIL_TYPE, DONE, FILTERS, SOURCE, Hop
from sfnlocal.errors import ApiError
from sfnlocal.ports import ServiceCall
from sfnlocal.template import App
from sfnlocal.testing import CALL, Failure, LocalApp, Lost, load
from tests.stacks.test_grants import granted

TEXT = "  Refund my card 4111 1111 1111 1111,\n or mail ann@example.org "
DEAD_LETTERS = (
    *(f"{name.capitalize()}QueueDeadLetters" for name in FILTERS),
    "DoneQueueDeadLetters",
    "LostItems",
    "UnroutableItems",
)


@pytest.fixture
def chain(sfn_app: App, request: pytest.FixtureRequest) -> Iterator[LocalApp]:
    with load(sfn_app, seed=request.config.getoption("--sfn-seed")) as app:
        app.pause_schedules()
        yield app


def a_hop(item_id: str = "i-1", *way: str, **changes: Any) -> Hop:
    next_filter, *filters = way or FILTERS
    hop = Hop(
        itemId=item_id, nextFilter=next_filter, filters=filters, passed=[], item={"text": TEXT}
    )
    return cast(Hop, {**hop, **changes})


def put(app: LocalApp, hop: object) -> None:
    app.put_event(SOURCE, DETAIL_TYPE, hop, bus="FilterBus")


def stored(app: LocalApp) -> dict[str, tuple[str, dict[str, Any]]]:
    """The way and the content of each stored item."""
    return {
        item["itemId"]: (item["passed"], json.loads(item["item"]))
        for item in app.items("FilteredItems")
    }


def left(app: LocalApp) -> dict[str, list[Any]]:
    """The dead letters of the queues that have any."""
    return {queue: found for queue in DEAD_LETTERS if (found := app.messages(queue))}


def move_back(app: LocalApp, queue: str) -> None:
    """As the console's `Start DLQ redrive` does."""
    sqs = app.client("sqs")
    url = app.queue_url(f"{queue}DeadLetters")
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    sqs.start_message_move_task(SourceArn=answer["Attributes"]["QueueArn"])
    app.run_until_idle()


class BusDown:
    """A gate that refuses what the filters put onto the bus."""

    def __init__(self, item_id: str = "") -> None:
        self.is_down = True
        self._item_id = item_id

    def before(self, call: ServiceCall) -> None:
        is_filter = call.caller is not None and call.caller.service == "lambda.amazonaws.com"
        if (
            self.is_down
            and is_filter
            and call.operation == "PutEvents"
            and self._item_id in json.dumps(call.params)
        ):
            raise ApiError("InternalException", "the bus is down", 500)

    def after(self, call: ServiceCall) -> None:
        pass


def test_an_item_passes_its_filters_in_its_own_order_and_is_stored(chain: LocalApp) -> None:
    put(chain, a_hop(item={"text": TEXT, "email": " Ann@Example.org"}))
    chain.run_until_idle()
    item = {
        "text": "Refund my card [card], or mail [e-mail]",
        "email": "ann@example.org",
        "topic": "billing",
    }
    assert stored(chain) == {"i-1": ("normalize redact classify", item)}
    assert left(chain) == {}
    [run] = chain.executions("StoreItem")
    assert run.visited == ["PutItem", "Stored"]


@pytest.mark.parametrize("way", [*permutations(FILTERS, 2)], ids=" ".join)
def test_the_event_alone_says_the_way(chain: LocalApp, way: tuple[str, ...]) -> None:
    put(chain, a_hop("i-1", *way))
    chain.run_until_idle()
    passed, _ = stored(chain)["i-1"]
    assert (passed, left(chain)) == (" ".join(way), {})


def test_an_item_without_filters_is_stored_as_it_came(chain: LocalApp) -> None:
    put(chain, a_hop("i-1", DONE))
    chain.run_until_idle()
    assert stored(chain) == {"i-1": ("", {"text": TEXT})}


def test_the_same_item_twice_is_stored_once(chain: LocalApp) -> None:
    """EventBridge delivers at least once, and so do queues."""
    for text in (TEXT, TEXT, "another"):
        put(chain, a_hop(item={"text": text}))
    chain.run_until_idle()
    [(_, item)] = stored(chain).values()
    assert item["topic"] == "billing"
    outcomes = [(run.status, run.output) for run in chain.executions("StoreItem")]
    assert outcomes == [("SUCCEEDED", {"stored": n == 0}) for n in range(3)]
    assert left(chain) == {}


@pytest.mark.parametrize(
    ("hop", "kept"),
    [
        (a_hop("i-1", "spellcheck", "redact"), a_hop("i-1", "spellcheck", "redact")),
        (
            a_hop("i-1", "redact", "spellcheck"),
            a_hop(
                "i-1",
                "spellcheck",
                passed=["redact"],
                item={
                    "text": TEXT.replace("4111 1111 1111 1111", "[card]").replace(
                        "ann@example.org", "[e-mail]"
                    )
                },
            ),
        ),
        ({"itemId": "i-1"}, {"itemId": "i-1"}),
        ({**a_hop(), "nextFilter": None}, {**a_hop(), "nextFilter": None}),
    ],
    ids=["first", "later", "no filter", "null"],
)
def test_a_filter_that_nobody_is_keeps_the_item_where_it_was(
    chain: LocalApp, hop: Any, kept: Any
) -> None:
    put(chain, hop)
    chain.run_until_idle()
    assert left(chain) == {"UnroutableItems": [kept]}
    assert stored(chain) == {}


@pytest.mark.parametrize(
    "item", [{}, {"text": ""}, {"text": 5}, {"text": "x", "colour": "red"}, "text"], ids=str
)
def test_an_item_that_does_not_fit_stays_with_the_filter_that_refuses_it(
    chain: LocalApp, item: Any
) -> None:
    put(chain, a_hop(item=item))
    put(chain, a_hop("i-2"))
    chain.run_until_idle()
    assert left(chain) == {"NormalizeQueueDeadLetters": [a_hop(item=item)]}
    assert list(stored(chain)) == ["i-2"]


def test_a_filter_that_fails_leaves_the_item_where_it_was_and_goes_on_from_there(
    chain: LocalApp,
) -> None:
    normalized = " ".join(TEXT.split())
    bus = BusDown("i-1")
    chain.session.aws.add_gate(bus)
    put(chain, a_hop("i-1", "redact", passed=["normalize"], item={"text": normalized}))
    put(chain, a_hop("i-2", "redact"))
    chain.run_until_idle()
    where = a_hop("i-1", "redact", passed=["normalize"], item={"text": normalized})
    assert left(chain) == {"RedactQueueDeadLetters": [where]}
    assert list(stored(chain)) == ["i-2"]

    bus.is_down = False
    move_back(chain, "RedactQueue")
    assert left(chain) == {}
    assert stored(chain)["i-1"][0] == "normalize redact"


def test_a_bus_that_is_back_in_time_needs_nobody(chain: LocalApp) -> None:
    bus = BusDown()
    chain.session.aws.add_gate(bus)
    put(chain, a_hop())
    chain.advance(minutes=5)
    bus.is_down = False
    chain.run_until_idle()
    assert (list(stored(chain)), left(chain)) == (["i-1"], {})


def test_what_cannot_be_stored_comes_back_and_then_waits(chain: LocalApp) -> None:
    chain.mock("StoreItem", "PutItem", [Failure("Broken", "for good")])
    put(chain, a_hop())
    chain.run_until_idle()
    assert [run.status for run in chain.executions("StoreItem")] == ["FAILED"] * 5
    [letter] = left(chain)["DoneQueueDeadLetters"]
    assert (letter["nextFilter"], letter["passed"]) == (DONE, list(FILTERS))

    chain.session.mocks.clear()
    move_back(chain, "DoneQueue")
    assert (list(stored(chain)), left(chain)) == (["i-1"], {})


def test_a_lost_answer_of_the_table_stores_no_second_item(chain: LocalApp) -> None:
    chain.mock("StoreItem", "PutItem", [Lost("DynamoDB.SdkClientException"), CALL])
    put(chain, a_hop())
    chain.run_until_idle()
    [run] = chain.executions("StoreItem")
    run.assert_succeeded({"stored": False})
    assert (list(stored(chain)), left(chain)) == (["i-1"], {})


def test_an_event_of_somebody_else_passes_by(chain: LocalApp) -> None:
    chain.put_event("another-app", DETAIL_TYPE, a_hop(), bus="FilterBus")
    chain.run_until_idle()
    assert (stored(chain), left(chain)) == ({}, {})


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_may_put_events_on_the_bus_and_read_its_queue(deployed: App, name: str) -> None:
    title = name.capitalize()
    queue_actions = {"DeleteMessage", "GetQueueAttributes", "ReceiveMessage"}
    # What the CDK grants a consumer besides.
    queue_actions |= {"ChangeMessageVisibility", "GetQueueUrl"}
    assert granted(deployed, f"FilterChain/{title}") == {
        ("events:PutEvents", "FilterBus"),
        ("logs:CreateLogStream", "Logs"),
        ("logs:PutLogEvents", "Logs"),
        *((f"sqs:{action}", f"{title}Queue") for action in queue_actions),
    }
