"""Alarm evaluations from AWS's documentation, as data."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.triggers.alarm_state import judge
from sfnlocal.triggers.alarm_watch import MetricWatch
from tests.sfnlocal.triggers.alarm_world import ERRORS, MINUTE_MS, START_MS, resource, world

DATA = Path(__file__).parent / "data"
STATES: list[dict[str, Any]] = json.loads((DATA / "alarm_states.json").read_text())["cases"]
TIMELINES: list[dict[str, Any]] = json.loads((DATA / "alarm_timelines.json").read_text())["cases"]
VALUES = {"0": 0.0, "X": 1.0, "-": None}


@pytest.mark.parametrize("treatment", ["missing", "ignore", "breaching", "notBreaching"])
@pytest.mark.parametrize(
    "case", STATES, ids=lambda case: f"{case['datapointsToAlarm']} of {case['points']}"
)
def test_data_points_lead_to_the_documented_state(case: dict[str, Any], treatment: Any) -> None:
    verdict = judge(
        [VALUES[point] for point in case["points"].split()],
        evaluation_periods=case["evaluationPeriods"],
        datapoints_to_alarm=case["datapointsToAlarm"],
        treatment=treatment,
        breaches=lambda value: value >= 1,
    )
    assert (verdict.state or "KEEP") == case["states"][treatment]


@pytest.mark.parametrize("case", TIMELINES, ids=lambda case: case["name"])
def test_an_alarm_changes_its_state_when_its_data_do(case: dict[str, Any]) -> None:
    properties = case["alarm"]
    if "Metrics" not in properties:
        properties = {"Namespace": "Shop", "MetricName": "Errors", **properties}
    with world(resource("Watch", **properties)) as here:
        for minute, value, *more in case["data"]:
            count, name = more[0] if more else 1, more[1] if len(more) > 1 else "Errors"
            here.advance(minute - here.minute)
            here.aws.metrics.metric("Shop", name, {}).add(value, count=count)
        here.advance(case["minutes"] - here.minute)
        assert [[at, state] for at, _, state in here.changes] == case["changes"]


def test_a_high_resolution_alarm_is_evaluated_every_10_seconds() -> None:
    with world(resource("Watch", **{**ERRORS, "Period": 10})) as here:
        here.session.advance(13_000)
        here.aws.metrics.metric("Shop", "Errors", {}).add(1, high_resolution=True)
        here.advance(5)
        assert [(at * 60, state) for at, _, state in here.changes] == [(20, "ALARM"), (50, "OK")]


def test_what_was_jumped_over_is_evaluated_when_time_is_let_pass() -> None:
    with world(resource("Watch", **ERRORS)) as here:
        here.add()
        here.session.at(START_MS + 150_000, lambda: None)
        here.session.run_until_idle()
        assert (here.minute, here.changes) == (2.5, [])
        here.advance(1)
        assert here.changes == [(3.0, "Watch", "ALARM")]


@pytest.mark.parametrize("seed", range(20))
def test_evaluating_when_it_matters_is_as_good_as_every_minute(seed: int) -> None:
    rng = random.Random(seed)
    periods = rng.choice([1, 2, 3])
    alarm = {
        **ERRORS,
        "Period": rng.choice([60, 300, 600]),
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": rng.randint(1, periods),
        "Statistic": rng.choice(["Sum", "Maximum", "Average"]),
        "Threshold": 10,
        "TreatMissingData": rng.choice(["missing", "ignore", "breaching", "notBreaching"]),
    }
    values = [(minute, rng.choice([0, 5, 10, 20])) for minute in range(200) if rng.random() < 0.1]
    grows = rng.random() < 0.5
    with world(resource("Watch", **alarm)) as here:
        watch = here.alarm("Watch")
        assert isinstance(watch, MetricWatch)
        state, expected = watch.state.value, []
        metric = here.aws.metrics.metric("Shop", "Errors", {})
        for minute, value in values:
            here.advance(minute - here.minute)
            if grows:
                metric.set(value, per_second=rng.choice([0, 0.01]))
            else:
                metric.add(value)
        here.advance(400 - here.minute)
        stat = watch.definition.watched.stat
        assert stat is not None
        count = watch.definition.range_periods
        for minute in range(1, 400):
            at_ms = START_MS + minute * MINUTE_MS
            verdict = judge(
                stat.points(metric, at_ms - count * stat.period_ms, count),
                evaluation_periods=periods,
                datapoints_to_alarm=watch.definition.datapoints_to_alarm,
                treatment=watch.definition.treatment,
                breaches=watch.definition.breaches,
            )
            if verdict.state not in (None, state):
                state = verdict.state
                expected.append((minute, "Watch", state))
        assert here.changes == expected
