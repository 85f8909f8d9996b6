"""What a project says about a workflow in its proof: a small Python file of its tests.

    ORDER = Proof(
        state_machine="Order",
        machines=("Order", "Fulfilment"),
        scenarios=[Scenario("paid", input=an_order(), name="o-1", prepare=stock_up)],
        dead_letters="OrderDeadLetters",
        replay=replay_letter,
        invariants=[stock_is_constant],
    )

`app` is what tests have: the app in virtual time (`sfnlocal.testing.LocalApp`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from sfnlocal.errors import InputError
from sfnlocal.ports import Json
from sfnlocal.proof.results import Persistence

# What the project's functions are given; `Any`, since this layer does not know LocalApp.
Act: TypeAlias = Callable[[Any], object]
# Gives the input, or an event or a request where `start` says so.
InputOf: TypeAlias = Callable[[Any], Json]
# Brings the work of a dead letter back.
Replay: TypeAlias = Callable[[Any, dict[str, Any]], object]
# Raises AssertionError where something is wrong.
Invariant: TypeAlias = Callable[[Any], object]
# How often each side effect was done, by its business key.
Count: TypeAlias = Callable[[Any], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One that belongs to a scenario: `site` and `fault` are as in a plan."""

    site: str
    fault: str
    persistence: Persistence = "once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way in which the workflow is used. `prepare` sets the world up (items, actors); the
    execution gets `input` (or what it gives when called) and `execution_name`; `start` is called
    instead where something else starts it. `recover` is the proof's, and what else brings this
    scenario's work back: a client that asks again. `expect` is how the run ends without a fault.

    `given` are faults that belong to it: what is tried is what comes after them, such as a
    compensation. They may state what the service would say of the world (`AlreadyExists`). `only`
    names the states and calls (`dynamodb.PutItem`) that are tried, where other scenarios try the
    rest. Without `caught` it ends beyond every Catcher (`States.DataLimitExceeded`), so that its
    letter cannot say in which state. Work that has failed is brought back in the end, unless it
    fails without any fault (`bring_back` says otherwise)."""

    name: str
    about: str = ""
    input: Json | InputOf = None
    execution_name: str | None = None
    prepare: Act | None = None
    start: Act | None = None
    recover: Act | None = None
    given: Sequence[Fault] = ()
    only: Sequence[str] = ()
    expect: Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"] = "SUCCEEDED"
    caught: bool = True
    bring_back: bool | None = None

    @property
    def is_brought_back(self) -> bool:
        if self.bring_back is not None:
            return self.bring_back
        return self.expect != "FAILED" or bool(self.given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """`state_machine` is the subject: each of its runs ends done, or as one letter in the queue
    `dead_letters`. `name` is the proof's, where it is not called like its subject. Faults happen in
    the Task states of `machines` (the subject's, unless others are named) and at the calls of all
    handlers and triggers.

    `replay(app, letter)` brings a letter's work back; without it the run is redriven, and an
    Express one left to its queue. `recover(app)` is what an operator does besides, once the
    messages of queues' own dead-letter queues have gone back: with what a trigger could not
    deliver, for instance. `effects`
    count side effects by business key: none happens twice. `invariants` hold after each run.
    `outcomes` are errors that are answers, such as a declined card: a run that ends well after one
    need not leave what the fault-free run leaves. `errors` are those of a state that its handler
    raises and nothing here can see. `at_least_once` are queues in which a message may come again.
    `ignore` are tables, attributes (`Orders.paidAt`), queues and buckets that may differ, with the
    reason. The nets have `nets_within_hours` to find what failed; meanwhile the `schedules` start
    what they start (None: those of the subject's stack).
    """

    state_machine: str
    scenarios: Sequence[Scenario]
    name: str = ""
    machines: tuple[str, ...] = ()
    dead_letters: str | None = None
    replay: Replay | None = None
    recover: Act | None = None
    effects: Mapping[str, Count] = field(default_factory=dict)
    invariants: Sequence[Invariant] = ()
    outcomes: tuple[str, ...] = ()
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    at_least_once: tuple[str, ...] = ()
    letter_states: tuple[str, ...] = ()
    ignore: Mapping[str, str] = field(default_factory=dict)
    nets_within_hours: int = 2
    schedules: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        names = [scenario.name for scenario in self.scenarios]
        if not names:
            raise InputError("a proof needs a scenario", where=f"proof of {self.state_machine}")
        for name in names:
            if names.count(name) > 1:
                raise InputError(
                    f"two scenarios are named {name!r}", where=f"proof of {self.state_machine}"
                )

    @property
    def title(self) -> str:
        return self.name or self.state_machine

    @property
    def faulted_machines(self) -> tuple[str, ...]:
        return self.machines or (self.state_machine,)

    def scenario(self, name: str) -> Scenario:
        for scenario in self.scenarios:
            if scenario.name == name:
                return scenario
        raise InputError(
            f"there is no scenario {name!r}",
            where=f"proof of {self.state_machine}",
            hint="it has " + ", ".join(one.name for one in self.scenarios),
        )
