"""The states that do no work outside: Pass, Succeed, Fail, Choice, Wait."""

from __future__ import annotations

from typing import Any

from sfnlocal.errors import StateError
from sfnlocal.interpreter.dataflow import bound, choice_finish, effective_input, finish
from sfnlocal.interpreter.execution import Frame
from sfnlocal.interpreter.quotas import cut_cause, cut_error
from sfnlocal.interpreter.steps import (
    Step,
    enter,
    evaluation_failed,
    fail_frame,
    leave,
    start_timer,
)
from sfnlocal.language.program import (
    ChoiceState,
    Evaluator,
    FailState,
    PassState,
    SucceedState,
    WaitState,
)


class InstantStep(Step):
    """A state that does no work outside: a redrive enters it again."""

    __slots__ = ()

    def redrive(self, frame: Frame) -> Step | None:
        return self.run(frame)


class PassStep(InstantStep):
    __slots__ = ("finish", "prepare", "result")

    def __init__(self, state: PassState | SucceedState) -> None:
        super().__init__(state)
        self.prepare = effective_input(state)
        self.finish = finish(state, default_is_input=True)
        self.result: Evaluator | None = state.result if isinstance(state, PassState) else None

    def run(self, frame: Frame) -> Step | None:
        before = frame.previous
        enter(frame, self)
        try:
            value, size = self.prepare(frame)
            if self.result is not None:
                value = self.result.call(value, frame)
                size = bound(self.result, frame, size, value)
            assigned = self.finish(frame, value, size)
        except StateError as error:
            # AWS evaluates these states before it records that they were entered.
            jsonata = error.error == "States.QueryEvaluationError"
            return evaluation_failed(frame, error, before if jsonata else None)
        return leave(frame, self, assigned, self.next)


class FailStep(InstantStep):
    __slots__ = ()

    def run(self, frame: Frame) -> Step | None:
        enter(frame, self)
        state: FailState = self.state
        jsonata = state.query_language == "JSONata"
        try:
            data = {"input": frame.value} if jsonata else frame.value
            error = None if state.error is None else state.error.call(data, frame)
            cause = None if state.cause is None else state.cause.call(data, frame)
        except StateError as failure:
            return evaluation_failed(frame, failure)
        return fail_frame(frame, cut_error(error), cut_cause(cause))


class ChoiceStep(InstantStep):
    """Rules are asked in order; the first that holds decides."""

    __slots__ = ("choices", "default", "prepare")

    def __init__(self, state: ChoiceState) -> None:
        super().__init__(state)
        self.prepare = effective_input(state)

    def link(self, steps: dict[str, Step]) -> None:
        state: ChoiceState = self.state
        self.choices = tuple(
            (
                rule.condition.call,
                steps[rule.next],
                choice_finish(state, rule.output, rule.assign),
            )
            for rule in state.choices
        )
        self.default = None if state.default is None else steps[state.default]

    def run(self, frame: Frame) -> Step | None:
        enter(frame, self)
        state: ChoiceState = self.state
        try:
            value, size = self.prepare(frame)
            data = {"input": value} if state.query_language == "JSONata" else value
            for condition, target, finish_rule in self.choices:
                if condition(data, frame):
                    return leave(frame, self, finish_rule(frame, value, size), target)
            if self.default is not None:
                finish_default = choice_finish(state, state.output, state.assign)
                return leave(frame, self, finish_default(frame, value, size), self.default)
        except StateError as error:
            return evaluation_failed(frame, error)
        cause = "Failed to transition out of the state. The state does not point to a next state."
        return evaluation_failed(frame, StateError("States.Runtime", cause))


class WaitStep(Step):
    __slots__ = ("finish", "prepare")

    def __init__(self, state: WaitState) -> None:
        super().__init__(state)
        self.aborted = "WaitStateAborted"
        self.prepare = effective_input(state)
        self.finish = finish(state, default_is_input=True)

    def start(self, frame: Frame) -> Step | None:
        state: WaitState = self.state
        try:
            value, _ = self.prepare(frame)
            data = {"input": value} if state.query_language == "JSONata" else value
            until_ms = state.until_ms.call(data, frame)
        except StateError as error:
            return evaluation_failed(frame, error)
        if until_ms > frame.now_ms:
            start_timer(frame, until_ms, "wait")
            return None
        return self.resume(frame, None)

    def resume(self, frame: Frame, fact: Any) -> Step | None:
        try:
            value, size = self.prepare(frame)
            assigned = self.finish(frame, value, size)
        except StateError as error:
            return evaluation_failed(frame, error)
        return leave(frame, self, assigned, self.next)
