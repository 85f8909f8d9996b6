"""What an upgrade refuses, and how it says so."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.testing import LocalApp


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ({}, "there is no target ; there are ValidateOrder, ReserveStock, ReleaseStock, "),
        ({"target": "Basket"}, "there is no target Basket; there are ValidateOrder"),
        ({"target": 7}, "there is no target 7"),
        ({"bakeSecond": 200}, "there is no field bakeSecond; there are target, strategy"),
        ({"strategy": "blue"}, "strategy must be canary or linear, not blue"),
        ({"percent": 0}, "percent must be a number from 1 to 100, not 0"),
        ({"percent": "10"}, "percent must be a number from 1 to 100, not 10"),
        ({"strategy": "linear", "percent": 4}, "percent must be a number from 5 to 100"),
        ({"bakeSeconds": 60}, "bakeSeconds must be a number from 180 to 3600, not 60"),
        ({"errorPointsMax": -1}, "errorPointsMax must be a number from 0 to 100"),
        ({"alarms": "one"}, "alarms must be a list of at most 50 names"),
        ({"alarms": [7]}, "alarms must be a list of at most 50 names"),
        ({"dryRun": "yes"}, "dryRun must be true or false"),
        ({"alarms": ["Siren"]}, "there is no alarm Siren"),
    ],
)
def test_a_request_is_refused_by_its_field(
    shop: LocalApp, request_: dict[str, Any], problem: str
) -> None:
    request_ = (
        request_
        if "target" in request_ or not request_
        else {
            "target": "ValidateOrder",
            **request_,
        }
    )
    run = shop.run("Upgrade", request_)
    assert run.output["outcome"] == "REFUSED"
    assert problem in run.output["reason"]
    assert shop.items("Leases") == []
