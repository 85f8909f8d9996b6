"""The deployed alarms in virtual time: they ring when something waits for a person, and stop."""

from __future__ import annotations

from typing import Any

from sfnlocal.testing import LocalApp
from tests.workflows.shop import an_order, empty, place, stock_up

# Of an alarm that looks at one period of five minutes.
MINUTES_IN_RANGE = 15


def ringing(app: LocalApp) -> set[str]:
    """The construct paths of the alarms that are in ALARM, without their stack."""
    alarms: list[dict[str, Any]] = app.session.aws.call(
        "cloudwatch", "DescribeAlarms", {"StateValue": "ALARM"}
    )["MetricAlarms"]
    names = {alarm["AlarmName"] for alarm in alarms}
    resources = app.app.of_type("AWS::CloudWatch::Alarm")
    return {
        resource.path.removesuffix("/Resource").partition("/")[2]
        for resource in resources
        if resource.name in names
    }


def test_no_alarm_rings_while_all_goes_well(sfn: LocalApp) -> None:
    stock_up(sfn, "mug")
    place(sfn, an_order("o-1")).assert_succeeded()
    sfn.advance(days=1)
    assert ringing(sfn) == set()


def test_a_failed_order_rings_until_its_letter_is_taken(sfn: LocalApp) -> None:
    sfn.pause_schedules(except_for=["Orders/Sweep/Hourly"])
    place(sfn, an_order("o-1", customerId=7))
    sfn.advance(minutes=1)
    assert ringing(sfn) == {"Order/Order/Failed", "OrderDeadLetters/NotEmpty"}
    sfn.advance(minutes=MINUTES_IN_RANGE)
    assert ringing(sfn) == {"OrderDeadLetters/NotEmpty"}
    sfn.advance(days=7)
    assert ringing(sfn) == {"OrderDeadLetters/NotEmpty", "OrderDeadLetters/Old"}
    empty(sfn, "OrderDeadLetters")
    sfn.advance(hours=1)
    assert ringing(sfn) == set()


def test_a_function_rings_when_its_calls_fail_for_a_quarter_of_an_hour(sfn: LocalApp) -> None:
    for minute in range(11):
        assert "ValidateOrder/Failing" not in ringing(sfn), minute
        sfn.start("Order", an_order(f"o-{minute}", customerId=7))
        sfn.advance(minutes=1)
    assert "ValidateOrder/Failing" in ringing(sfn)
