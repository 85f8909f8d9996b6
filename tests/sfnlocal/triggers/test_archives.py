"""Archives keep events, and replays send them again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sfnlocal.errors import ApiError
from tests.sfnlocal.triggers.events_world import EVENTS, QUEUE, World, world

BUS = f"{EVENTS}:event-bus/default"
ARCHIVE = f"{EVENTS}:archive/kept"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def shop() -> Iterator[World]:
    with world() as shop:
        shop.call("CreateArchive", ArchiveName="kept", EventSourceArn=BUS, RetentionDays=2)
        yield shop


def put(shop: World, number: int, minute: int = 0) -> None:
    shop.put(json.dumps({"n": number}), Time=START + timedelta(minutes=minute))


def replay(shop: World, name: str = "again", **changes: Any) -> dict[str, Any]:
    params = {
        "ReplayName": name,
        "EventSourceArn": ARCHIVE,
        "EventStartTime": START,
        "EventEndTime": START + timedelta(hours=1),
        "Destination": {"Arn": BUS},
    }
    return shop.call("StartReplay", **{**params, **changes})


def numbers(shop: World) -> list[int]:
    return [json.loads(body)["detail"]["n"] for body in shop.bodies()]


def described(shop: World) -> dict[str, Any]:
    return shop.call("DescribeReplay", ReplayName="again")


def test_an_archive_counts_what_it_keeps(shop: World) -> None:
    put(shop, 1)
    archive = shop.call("DescribeArchive", ArchiveName="kept")
    assert (archive["ArchiveArn"], archive["EventSourceArn"]) == (ARCHIVE, BUS)
    assert (archive["State"], archive["RetentionDays"], archive["EventCount"]) == ("ENABLED", 2, 1)
    assert archive["SizeBytes"] > 100


def test_an_archive_forgets_after_its_retention(shop: World) -> None:
    put(shop, 1)
    shop.session.advance(86_400_000)
    put(shop, 2)
    shop.session.advance(86_400_001)
    assert shop.call("DescribeArchive", ArchiveName="kept")["EventCount"] == 1


def test_an_archive_keeps_only_what_its_pattern_matches(shop: World) -> None:
    shop.call("UpdateArchive", ArchiveName="kept", EventPattern='{"detail":{"n":[2]}}')
    put(shop, 1)
    put(shop, 2)
    archive = shop.call("DescribeArchive", ArchiveName="kept")
    assert archive["EventCount"] == 1
    assert archive["EventPattern"] == '{"detail":{"n":[2]}}'


def test_a_replay_sends_the_events_of_its_time_in_the_order_of_their_minutes(shop: World) -> None:
    for number, minute in ((1, 59), (2, 5), (3, 61), (4, 0), (5, 5)):
        put(shop, number, minute)
    shop.rule("r")
    answer = replay(shop)
    assert (answer["ReplayArn"], answer["State"]) == (f"{EVENTS}:replay/again", "STARTING")
    shop.session.run_until_idle()
    assert numbers(shop) == [4, 2, 5, 1]
    assert all(json.loads(body)["replay-name"] == "again" for body in shop.bodies())
    done = described(shop)
    assert done["State"] == "COMPLETED"
    assert done["EventLastReplayedTime"] == (START + timedelta(minutes=59)).timestamp()
    assert done["ReplayEndTime"] > done["ReplayStartTime"]


def test_what_is_replayed_is_not_archived_again(shop: World) -> None:
    put(shop, 1)
    replay(shop)
    shop.session.run_until_idle()
    assert shop.call("DescribeArchive", ArchiveName="kept")["EventCount"] == 1


def test_a_replay_goes_to_chosen_rules(shop: World) -> None:
    put(shop, 1)
    shop.rule("a", Input='"a"')
    arn = shop.rule("b", Input='"b"')
    replay(shop, Destination={"Arn": BUS, "FilterArns": [arn]})
    shop.session.run_until_idle()
    assert shop.bodies() == ['"b"']


def test_a_replay_can_be_cancelled_while_it_runs(shop: World) -> None:
    put(shop, 1, 0)
    put(shop, 2, 1)
    shop.rule("r", QUEUE)
    replay(shop)
    shop.session.advance(0)
    assert described(shop)["State"] == "RUNNING"
    assert shop.call("CancelReplay", ReplayName="again")["State"] == "CANCELLING"
    shop.session.run_until_idle()
    assert described(shop)["State"] == "CANCELLED"
    assert numbers(shop) == [1]
    with pytest.raises(ApiError, match="not in a valid state") as caught:
        shop.call("CancelReplay", ReplayName="again")
    assert caught.value.aws_code == "IllegalStatusException"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"EventSourceArn": f"{EVENTS}:archive/no"}, "Archive no does not exist."),
        ({"Destination": {"Arn": f"{EVENTS}:event-bus/other"}}, "Cross event bus replay"),
        ({"EventEndTime": START}, "EventStartTime must be before EventEndTime."),
    ],
)
def test_a_replay_that_cannot_be_is_refused(
    shop: World, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ApiError, match=message) as caught:
        replay(shop, **changes)
    assert caught.value.aws_code == "ValidationException"


def test_names_are_used_once_and_what_is_not_there_is_not_found(shop: World) -> None:
    replay(shop)
    for operation, params, code in (
        ("StartReplay", {}, "ResourceAlreadyExistsException"),
        ("DescribeReplay", {"ReplayName": "no"}, "ResourceNotFoundException"),
        ("DescribeArchive", {"ArchiveName": "no"}, "ResourceNotFoundException"),
        (
            "CreateArchive",
            {"ArchiveName": "kept", "EventSourceArn": BUS},
            "ResourceAlreadyExistsException",
        ),
        (
            "CreateArchive",
            {"ArchiveName": "new", "EventSourceArn": BUS + "x"},
            "ResourceNotFoundException",
        ),
        (
            "CreateArchive",
            {"ArchiveName": "new", "EventSourceArn": BUS, "EventPattern": "{}"},
            "InvalidEventPatternException",
        ),
    ):
        with pytest.raises(ApiError) as caught:
            replay(shop) if operation == "StartReplay" else shop.call(operation, **params)
        assert caught.value.aws_code == code


def test_archives_and_replays_are_listed(shop: World) -> None:
    shop.call("CreateArchive", ArchiveName="other", EventSourceArn=BUS)
    replay(shop)

    def archives(**params: str) -> list[str]:
        listed = shop.call("ListArchives", **params)["Archives"]
        return [archive["ArchiveName"] for archive in listed]

    assert archives() == ["kept", "other"]
    assert archives(NamePrefix="o") == ["other"]
    assert archives(EventSourceArn=BUS + "x") == []
    assert archives(State="DISABLED") == []
    assert [one["State"] for one in shop.call("ListReplays")["Replays"]] == ["STARTING"]
    assert shop.call("ListReplays", State="COMPLETED")["Replays"] == []
    shop.call("DeleteArchive", ArchiveName="other")
    assert archives() == ["kept"]
