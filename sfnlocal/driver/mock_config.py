"""The mock configuration file of Step Functions Local: state machines' test cases, and what their
Task states' services answer in them.

Reading a file says what is wrong with it, and where; a Session uses it in the executions that are
started in a test case.
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-test-sm-exec.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sfnlocal.driver.machines import StateMachines
from sfnlocal.driver.mocks import Failure, MockedResponse, Outcome, Success, TestCase
from sfnlocal.errors import InputError
from sfnlocal.ports import Json
from sfnlocal.template import StateMachine

_INVOCATIONS = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)
_INVOCATIONS_HINT = 'number invocations from "0", several at once as "1-2"'


@dataclass(frozen=True, slots=True)
class MockConfig:
    """`test_cases` by the state machine that they are written for, and by their own names."""

    source: str
    test_cases: Mapping[str, Mapping[str, TestCase]]

    def test_case(self, state_machine: str, name: str) -> TestCase:
        cases = self.test_cases.get(state_machine)
        if cases is None:
            raise InputError(
                f"no test cases for the state machine '{state_machine}'",
                where=self._where("StateMachines"),
                hint=f"it has some for: {_listed(self.test_cases)}",
            )
        if name not in cases:
            raise InputError(
                f"no test case '{name}'",
                where=self._where("StateMachines", state_machine, "TestCases"),
                hint=f"there is: {_listed(cases)}",
            )
        return cases[name]

    def checked(self, state_machine: str, name: str, definition: Json) -> TestCase:
        """The same, and its states are Task states of the definition: a misspelt one would call
        its service."""
        test_case = self.test_case(state_machine, name)
        states = _task_states(definition)
        for state in test_case:
            if state not in states:
                raise InputError(
                    f"the state machine has no Task state '{state}'",
                    where=self._where("StateMachines", state_machine, "TestCases", name, state),
                    hint=f"there is: {_listed(states)}",
                )
        return test_case

    def _where(self, *path: str) -> str:
        return f"{self.source}#{_pointer(path)}"


def load_mock_config(path: Path) -> MockConfig:
    """Raises InputError, which names the place in the file."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"the mock configuration cannot be read: {reason}",
            where=str(path),
            hint="give the path of a JSON file such as MockConfigFile.json",
        ) from None
    return parse_mock_config(text, str(path))


def parse_mock_config(text: str, source: str) -> MockConfig:
    """`source` is what messages call the file."""
    try:
        root = json.loads(text, object_pairs_hook=_unique)
    except _TwiceError as error:
        raise InputError(
            f"{error.args[0]!r} stands twice in one object", where=source, hint="rename one of them"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", where=source) from None
    reader = _Reader(source)
    fields = reader.object(root, known=("StateMachines", "MockedResponses"))
    responses = {
        name: reader.response(name, value)
        for name, value in reader.object(
            fields.get("MockedResponses", {}), "MockedResponses"
        ).items()
    }
    return MockConfig(source, reader.test_cases(fields.get("StateMachines", {}), responses))


def find_test_case(
    config: MockConfig | None, machines: StateMachines, state_machine: StateMachine, name: str
) -> TestCase:
    """Of the state machine by its name, or by whatever else it is found by. Raises InputError."""
    if config is None:
        raise InputError(
            f"there is no mock configuration that has the test case '{name}'",
            hint="give the file: --mock-config, or SFN_MOCK_CONFIG for `sfnlocal serve`",
        )

    def means(text: str) -> bool:
        try:
            return machines.find(text).arn == state_machine.arn
        except InputError:
            return False

    known = state_machine.name
    if known not in config.test_cases:
        known = next(filter(means, config.test_cases), known)
    return config.checked(known, name, state_machine.definition)


class _TwiceError(Exception):
    pass


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return found


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source

    def wrong(self, message: str, *path: str, hint: str = "") -> InputError:
        return InputError(message, where=f"{self._source}#{_pointer(path)}", hint=hint)

    def object(self, value: Json, *path: str, known: tuple[str, ...] = ()) -> dict[str, Json]:
        if not isinstance(value, dict):
            raise self.wrong("this must be an object", *path)
        for name in value:
            if known and name not in known:
                raise self.wrong(
                    f"unknown field '{name}'", *path, name, hint=f"there is: {_listed(known)}"
                )
        return value

    def test_cases(
        self, machines: Json, responses: Mapping[str, MockedResponse]
    ) -> dict[str, dict[str, TestCase]]:
        found: dict[str, dict[str, TestCase]] = {}
        for machine, value in self.object(machines, "StateMachines").items():
            fields = self.object(value, "StateMachines", machine, known=("TestCases",))
            path = ("StateMachines", machine, "TestCases")
            found[machine] = {
                name: self._test_case(case, responses, (*path, name))
                for name, case in self.object(fields.get("TestCases", {}), *path).items()
            }
        return found

    def _test_case(
        self, value: Json, responses: Mapping[str, MockedResponse], path: tuple[str, ...]
    ) -> TestCase:
        found: dict[str, MockedResponse] = {}
        for state, name in self.object(value, *path).items():
            if not isinstance(name, str) or name not in responses:
                raise self.wrong(
                    f"no mocked response {json.dumps(name)}",
                    *path,
                    state,
                    hint=f"MockedResponses has: {_listed(responses)}",
                )
            found[state] = responses[name]
        return found

    def response(self, name: str, value: Json) -> MockedResponse:
        path = ("MockedResponses", name)
        outcomes: list[tuple[int, int, Outcome]] = []
        for numbers, answer in self.object(value, *path).items():
            matched = _INVOCATIONS.fullmatch(numbers)
            if matched is None:
                raise self.wrong(
                    f"'{numbers}' names no invocations", *path, numbers, hint=_INVOCATIONS_HINT
                )
            first = int(matched[1])
            last = first if matched[2] is None else int(matched[2])
            if last < first:
                raise self.wrong(
                    f"'{numbers}' ends before it begins", *path, numbers, hint=_INVOCATIONS_HINT
                )
            for other_first, other_last, _ in outcomes:
                if first <= other_last and other_first <= last:
                    raise self.wrong(
                        f"invocation {max(first, other_first)} is answered twice", *path, numbers
                    )
            outcomes.append((first, last, self._outcome(answer, (*path, numbers))))
        return MockedResponse(name, tuple(outcomes))

    def _outcome(self, value: Json, path: tuple[str, ...]) -> Outcome:
        fields = self.object(value, *path, known=("Return", "Throw"))
        if len(fields) != 1:
            raise self.wrong(
                "an invocation has one of Return and Throw",
                *path,
                hint='such as {"Return": {"StatusCode": 200}}',
            )
        if "Return" in fields:
            return Success(fields["Return"])
        path = (*path, "Throw")
        thrown = self.object(fields["Throw"], *path, known=("Error", "Cause"))
        for name in ("Error", "Cause"):
            if not isinstance(thrown.get(name), str):
                raise self.wrong(
                    f"Throw needs the text {name}",
                    *path,
                    hint='such as {"Error": "Lambda.TimeoutException", "Cause": "timed out"}',
                )
        return Failure(thrown["Error"], thrown["Cause"])


def _task_states(definition: Json) -> list[str]:
    """The names of the definition's Task states, those inside of Map and Parallel too."""
    found: list[str] = []
    waiting = [definition]
    while waiting:
        for name, state in waiting.pop()["States"].items():
            if state["Type"] == "Task":
                found.append(name)
            waiting += state.get("Branches", [])
            waiting += [state[field] for field in ("ItemProcessor", "Iterator") if field in state]
    return found


def _pointer(path: tuple[str, ...]) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
