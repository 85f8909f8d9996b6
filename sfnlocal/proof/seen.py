"""What a run passes on its way: the Task states and the service calls at which a fault can happen,
with what is known of them there."""

from __future__ import annotations

from dataclasses import dataclass

from sfnlocal.language.program import TaskState
from sfnlocal.proof.results import Site


@dataclass(frozen=True, slots=True)
class SeenState:
    """`path` are the states that its execution had entered before, `function` is what a Lambda
    task invokes."""

    state: TaskState
    path: tuple[str, ...]
    machine_time_out: bool
    function: str
    timeout_seconds: int | None


@dataclass(frozen=True, slots=True)
class SeenCall:
    """`of_handler`: a function makes it, no trigger; where that is the function of a Task state,
    `state` is that one, with its longest `retries`."""

    service: str
    operation: str
    of_handler: bool
    state: Site | None
    retries: int
