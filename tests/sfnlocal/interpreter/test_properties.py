"""What holds for every definition: random ones, valid by construction, with all state types in
both query languages, random inputs, and services that answer, fail or keep silent."""

from __future__ import annotations

import heapq
import json
import random
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfnlocal.history import api_events
from sfnlocal.history_diff import first_difference
from sfnlocal.interpreter import Execution, handle, link, start
from sfnlocal.language import compile_definition, diagnose
from sfnlocal.ports import (
    Effect,
    Input,
    InvokeTask,
    StartTimer,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)

START_MS = 1_767_225_600_000
DAY_MS = 86_400_000

_settings = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=75,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "é", 0.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abx"), inner),
    max_leaves=6,
)
# Mostly what the usual input has: a run that fails at once shows little.
_inputs = st.fixed_dictionaries(
    {"a": st.integers(0, 5), "x": st.lists(_values, max_size=3), "b": st.just({"a": "é"})}
)
_paths = st.sampled_from(["$", "$", "$", "$$.Execution.Input", "$.b", "$$.Execution.Name", "$v"])
_dynamic = st.sampled_from(
    [
        "$",
        "$$.State.Name",
        "$$.Execution.Input.x",
        "States.Format('{}', $$.Execution.Input.a)",
        "States.Array($, 1)",
        "States.UUID()",
        "States.ArrayLength($$.Execution.Input.x)",
        "States.JsonToString($)",
        "States.MathRandom(1, 9)",
        "$v",
        "$.gone",
    ]
)
_queries = st.sampled_from(
    [
        "{% $states.input %}",
        "{% $states.context.Execution.Input %}",
        "{% $exists($v) ? $v : 'none' %}",
        "{% $string($states.input) %}",
        "{% $states.context.State.Name %}",
        "{% $map([1..3], function($i) { $i * 2 }) %}",
        "{% $random() %}",
        "{% $uuid() %}",
        "{% $states.input.gone %}",
    ]
)
_conditions = st.sampled_from(
    ["{% $exists($states.input.a) %}", "{% $random() < 0.5 %}", "{% $states.input.gone %}"]
)
_errors = st.sampled_from(["Busy", "Gone", "States.TaskFailed", "States.Timeout"])


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    return _Builder(draw).machine(depth=0, outermost=True)


class _Builder:
    """States lead to later states only, so that every execution ends."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.states = 0
        self.jsonata_machine = draw(st.booleans())

    def maybe(self, fields: dict[str, Any], name: str, strategy: st.SearchStrategy[Any]) -> None:
        if self.draw(st.integers(0, 2)) == 0:
            fields[name] = self.draw(strategy)

    def machine(self, depth: int, *, outermost: bool = False) -> dict[str, Any]:
        count = self.draw(st.integers(1, 4 if depth == 0 else 2))
        names = [self.new_name() for _ in range(count)]
        states = {name: self.state(names[index + 1 :], depth) for index, name in enumerate(names)}
        machine: dict[str, Any] = {"StartAt": names[0], "States": states}
        if outermost and self.jsonata_machine:
            machine["QueryLanguage"] = "JSONata"
        if outermost:
            self.maybe(machine, "TimeoutSeconds", st.integers(1, 500))
        return machine

    def new_name(self) -> str:
        self.states += 1
        return f"S{self.states}"

    def state(self, later: list[str], depth: int) -> dict[str, Any]:
        types = ["Pass", "Wait", "Task"]
        types += ["Parallel", "Map"] if depth < 2 else []
        types += ["Choice"] if later else ["Succeed", "Fail"]
        type = self.draw(st.sampled_from(types))
        jsonata = self.jsonata_machine or self.draw(st.booleans())
        fields: dict[str, Any] = {"Type": type}
        if jsonata and not self.jsonata_machine:
            fields["QueryLanguage"] = "JSONata"
        if type not in ("Choice", "Succeed", "Fail"):
            fields |= {"Next": later[0]} if later else {"End": True}
        if type != "Fail":
            self.data_flow(fields, type, jsonata=jsonata)
        if type != "Succeed":
            writers = {
                "Pass": self.pass_,
                "Wait": self.wait,
                "Task": self.task,
                "Parallel": self.parallel,
                "Map": self.map,
                "Choice": self.choice,
                "Fail": self.fail,
            }
            writers[type](fields, later, depth, jsonata)
        return fields

    def data_flow(self, fields: dict[str, Any], type: str, *, jsonata: bool) -> None:
        if jsonata:
            self.maybe(fields, "Output", _queries | _values)
        else:
            self.maybe(fields, "InputPath", _paths | st.none())
            self.maybe(fields, "OutputPath", _paths | st.none())
        if type != "Succeed":
            name, value = ("v", _queries) if jsonata else ("v.$", _dynamic)
            self.maybe(fields, "Assign", st.fixed_dictionaries({name: value, "w": _values}))
        if type in ("Pass", "Task", "Parallel", "Map") and not jsonata:
            self.maybe(fields, "ResultPath", st.sampled_from(["$.r", "$.b.r", "$", None]))

    def pass_(self, fields: dict[str, Any], later: list[str], depth: int, jsonata: bool) -> None:
        if not jsonata:
            self.maybe(fields, "Parameters", st.fixed_dictionaries({"a.$": _dynamic, "b": _values}))
            self.maybe(fields, "Result", _values)

    def fail(self, fields: dict[str, Any], later: list[str], depth: int, jsonata: bool) -> None:
        self.maybe(fields, "Error", st.just("Mine"))
        if jsonata:
            self.maybe(fields, "Cause", _queries)
        else:
            self.maybe(fields, "CausePath", _dynamic)

    def wait(self, fields: dict[str, Any], later: list[str], depth: int, jsonata: bool) -> None:
        choices: list[tuple[str, Any]] = [("Seconds", 0), ("Seconds", 100)]
        choices += [("Timestamp", "2020-01-01T00:00:00Z")]
        if jsonata:
            choices += [("Seconds", "{% $states.context.Execution.Input.a %}")]
        else:
            choices += [("SecondsPath", "$$.Execution.Input.a"), ("TimestampPath", "$.x")]
        name, value = self.draw(st.sampled_from(choices))
        fields[name] = value

    def choice(self, fields: dict[str, Any], later: list[str], depth: int, jsonata: bool) -> None:
        if jsonata:
            condition = {"Condition": self.draw(_conditions)}
        else:
            condition = self.draw(
                st.sampled_from(
                    [
                        {"Variable": "$$.Execution.Input.a", "NumericGreaterThan": 1},
                        {"Variable": "$.a", "IsPresent": True},
                        {"Not": {"Variable": "$", "IsNull": True}},
                        {"Or": [{"Variable": "$.gone", "IsString": True}]},
                    ]
                )
            )
        fields["Choices"] = [{**condition, "Next": self.draw(st.sampled_from(later))}]
        fields["Default"] = later[0]

    def task(self, fields: dict[str, Any], later: list[str], depth: int, jsonata: bool) -> None:
        resources = ["lambda:invoke", "sqs:sendMessage.waitForTaskToken", "aws-sdk:sqs:sendMessage"]
        fields["Resource"] = f"arn:aws:states:::{self.draw(st.sampled_from(resources))}"
        if jsonata:
            self.maybe(fields, "Arguments", st.fixed_dictionaries({"x": _queries}))
        else:
            self.maybe(fields, "Parameters", st.fixed_dictionaries({"x.$": _dynamic}))
        self.maybe(fields, "TimeoutSeconds", st.integers(50, 90))
        self.maybe(fields, "HeartbeatSeconds", st.integers(5, 40))
        self.errors(fields, later)

    def parallel(self, fields: dict[str, Any], later: list[str], depth: int, jsonata: bool) -> None:
        count = self.draw(st.integers(1, 3))
        fields["Branches"] = [self.machine(depth + 1) for _ in range(count)]
        self.errors(fields, later)

    def map(self, fields: dict[str, Any], later: list[str], depth: int, jsonata: bool) -> None:
        fields["ItemProcessor"] = self.machine(depth + 1)
        if jsonata:
            items = st.lists(_values, max_size=3) | st.just("{% [1..3] %}") | _queries
            fields["Items"] = self.draw(items)
        else:
            fields["ItemsPath"] = self.draw(st.sampled_from(["$$.Execution.Input.x", "$.x"]))
        self.maybe(fields, "MaxConcurrency", st.integers(0, 2))
        self.errors(fields, later)

    def errors(self, fields: dict[str, Any], later: list[str]) -> None:
        retrier = st.fixed_dictionaries(
            {"ErrorEquals": st.lists(_errors, min_size=1, max_size=2)},
            optional={
                "MaxAttempts": st.integers(0, 2),
                "IntervalSeconds": st.integers(1, 9),
                "JitterStrategy": st.just("FULL"),
            },
        )
        self.maybe(fields, "Retry", st.lists(retrier, max_size=2))
        if later:
            catcher = {"ErrorEquals": ["States.ALL"], "Next": self.draw(st.sampled_from(later))}
            self.maybe(fields, "Catch", st.just([catcher]))


class Case(NamedTuple):
    definition: dict[str, Any]
    input: Any
    seed: int


_cases = st.builds(Case, definitions(), _inputs | _inputs | _values, st.integers(0, 9))


def run(case: Case, start_ms: int = START_MS) -> Execution:
    """Carries effects out. A service answers, fails or keeps silent, by the case's seed."""
    services = random.Random(case.seed)
    execution = Execution(
        arn="arn:aws:states:us-east-1:123456789012:execution:m:x",
        name="x",
        machine=link(compile_definition(case.definition)),
        state_machine_arn="arn:aws:states:us-east-1:123456789012:stateMachine:m",
        state_machine_name="m",
        role_arn="arn:aws:iam::123456789012:role/m",
        region="us-east-1",
        input_text=json.dumps(case.input),
        input=case.input,
        start_ms=start_ms,
        rng=random.Random(case.seed),
    )
    due: list[tuple[int, int, Input]] = []
    serial = 0

    def carry_out(effects: list[Effect]) -> None:
        nonlocal serial
        for effect in effects:
            serial += 1
            if isinstance(effect, StartTimer):
                heapq.heappush(due, (effect.at_ms, serial, TimerFired(effect.timer_id)))
            elif isinstance(effect, InvokeTask):
                at_ms = execution.now_ms + services.randrange(60_000)
                answer = services.choice(["answer", "answer", "fail", "keep silent"])
                if answer == "answer":
                    fact: Input = TaskSucceeded(effect.task_id, {"a": services.randrange(9)})
                elif answer == "fail":
                    fact = TaskFailed(effect.task_id, services.choice(["Busy", "Gone"]), "why")
                else:
                    continue
                heapq.heappush(due, (at_ms, serial, fact))

    carry_out(start(execution))
    while due and execution.status == "RUNNING":
        at_ms, _, fact = heapq.heappop(due)
        if not isinstance(fact, TimerFired) or fact.timer_id in execution.timers:
            carry_out(handle(execution, fact, at_ms))
    return execution


@_settings
@given(_cases)
def test_an_execution_ends_or_waits_for_a_task(case: Case) -> None:
    assert [one for one in diagnose(case.definition) if one.severity == "ERROR"] == []
    execution = run(case)
    if execution.status == "RUNNING":
        assert execution.frames_by_task
        assert not execution.timers
    else:
        assert execution.status in ("SUCCEEDED", "FAILED", "TIMED_OUT")
        assert (execution.error is None) or execution.status != "SUCCEEDED"
        assert execution.stop_ms is not None
        assert not execution.frames_by_task


@_settings
@given(_cases)
def test_events_are_numbered_follow_one_another_and_end_with_the_execution(case: Case) -> None:
    execution = run(case)
    events = list(api_events(execution.history))
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert all(event["previousEventId"] < event["id"] for event in events)
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    ended = [event["type"] for event in events if event["type"].startswith("Execution")][1:]
    if execution.status == "RUNNING":
        assert ended == []
    else:
        assert [events[-1]["type"]] == ended
        assert ended == [f"Execution{execution.status.title().replace('_O', 'O')}"]


@_settings
@given(_cases)
def test_the_same_input_and_seed_give_the_same_history_byte_for_byte(case: Case) -> None:
    first, second = (json.dumps(list(api_events(run(case).history))) for _ in range(2))
    assert first == second


@_settings
@given(_cases)
def test_another_day_gives_the_same_history_but_for_its_times(case: Case) -> None:
    today, tomorrow = (
        list(api_events(run(case, at).history)) for at in (START_MS, START_MS + DAY_MS)
    )
    assert first_difference(today, tomorrow) is None
