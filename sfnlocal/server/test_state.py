"""TestState: one state of a definition, by itself, with a mock of its work where one is given.

The interpreter runs it as it runs every state; here is what AWS asks of the request, and how the
answer is written. https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
"""

from __future__ import annotations

import json
import random
from concurrent.futures import Future
from typing import Any, Final

from sfnlocal.driver.isolated import run_isolated
from sfnlocal.driver.requests import parse_input
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.interpreter import Execution
from sfnlocal.interpreter.isolated import IsolatedState, StateOutcome
from sfnlocal.interpreter.isolated_steps import Circumstances
from sfnlocal.jsontext import json_text
from sfnlocal.language.program import ParallelState, State, TaskState
from sfnlocal.ports import InvokeTask, Json, TaskAnswer
from sfnlocal.server.names import checked_arn
from sfnlocal.server.tested_state import TestedState, find_state

Params = dict[str, Any]

_MOCKABLE = ("Task", "Map", "Parallel")
# Those of InspectionData that are no texts of JSON.
_NUMBERS = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")
_MOCK_CHOICE: Final = (
    "A test mock should have only one of the following fields: [result, errorOutput]."
)


class StateTests:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._ids = random.Random(f"{session.seed}/state tests")

    def test_state(self, params: Params) -> Future[Params]:
        """Answered when the state has ended: what it calls may be a function that asks this
        server."""
        _check_request(params)
        tested = find_state(params["definition"], params.get("stateName"))
        state, mock = tested.state, _mock(params)
        _check_state(state, params, mock)
        tested.check_simulated(mocked=mock is not None)
        if "roleArn" in params:
            checked_arn(params["roleArn"])
        input_text = params.get("input", "{}")
        isolated = IsolatedState(
            state,
            Circumstances(
                variables=_object(params, "variables") or {},
                context=_context(params, state),
                mock=mock,
                **_configuration(tested, params.get("stateConfiguration", {})),
            ),
        )
        execution = self._execution(isolated, params, input_text)
        answer: Future[Params] = Future()

        def run() -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                outcome = run_isolated(isolated, execution, self._answering(mock))
                answer.set_result(_shown(outcome, isolated, params, input_text))
            except Exception as error:
                answer.set_exception(error)

        self._session.at(self._session.now_ms, run)
        return answer

    def _execution(self, state: IsolatedState, params: Params, input_text: str) -> Execution:
        app, name, machine = self._session.app, self._new_id(), self._new_id()
        prefix = f"arn:{app.partition}:states:{app.region}:{app.account}"
        return Execution(
            arn=f"{prefix}:express:{machine}:{name}",
            name=name,
            machine=state.machine,
            state_machine_arn=f"{prefix}:stateMachine:{machine}",
            state_machine_name=machine,
            role_arn=params.get("roleArn", ""),
            region=app.region,
            input_text=input_text,
            input=parse_input(input_text),
            start_ms=self._session.now_ms,
            rng=random.Random(f"{self._session.seed}/{name}"),
            mistakes=self._session.tasks.mistakes,
        )

    def _new_id(self) -> str:
        bits = f"{self._ids.getrandbits(128):032x}"
        return "-".join((bits[:8], bits[8:12], bits[12:16], bits[16:20], bits[20:]))

    def _answering(self, mock: TaskAnswer | None) -> Any:
        def answer(task: InvokeTask, now_ms: int) -> TaskAnswer:
            return self._session.tasks.invoke(task, now_ms) if mock is None else mock

        return answer


# The request


def _check_request(params: Params) -> None:
    mock = params.get("mock", {})
    if "result" in mock and "errorOutput" in mock:
        raise _invalid(_MOCK_CHOICE)
    configuration = params.get("stateConfiguration", {})
    if "mock" in params:
        return
    for name in configuration:
        shown = f"{name[0].upper()}{name[1:]}"
        raise _invalid(f"TestState does not support {shown} when a mock is not specified.")
    if "context" in params:
        raise _invalid("TestState does not support Context when a mock is not specified.")


def _mock(params: Params) -> TaskAnswer | None:
    mock = params.get("mock")
    if mock is None:
        return None
    if "errorOutput" in mock:
        error = mock["errorOutput"]
        return TaskAnswer(error=error.get("error", ""), cause=error.get("cause"))
    if "result" not in mock:
        raise _invalid(_MOCK_CHOICE)
    try:
        return TaskAnswer(output=json.loads(mock["result"]))
    except (ValueError, RecursionError):
        raise _invalid("Mock result must be valid JSON.") from None


def _check_state(state: State, params: Params, mock: TaskAnswer | None) -> None:
    if mock is None:
        _check_unmocked(state, params)
        return
    if state.type not in _MOCKABLE:
        raise _invalid(f"State type '{state.type}' is not supported when a mock is specified")
    if mock.error is not None:
        return
    mode = params["mock"].get("fieldValidationMode", "STRICT")
    if isinstance(state, TaskState):
        if mode != "NONE":
            # Loaded here: it imports botocore, which a server's start does without.
            from sfnlocal.server.mock_results import check_mock_result

            check_mock_result(state.resource, mock.output, mode)
        return
    if not isinstance(mock.output, list):
        raise _invalid("Mocked result must be an array.")
    if isinstance(state, ParallelState) and len(mock.output) != len(state.branches):
        raise _invalid(
            "Mocked result must contain the same number of items as number of Parallel branches."
        )


def _check_unmocked(state: State, params: Params) -> None:
    if state.type in ("Map", "Parallel"):
        raise ApiError(
            "InvalidDefinition",
            "TestState API does not support Map or Parallel states. Supported state types include: "
            "[Task, Wait, Pass, Succeed, Fail, Choice]",
        )
    if not isinstance(state, TaskState):
        return
    if "roleArn" not in params:
        raise _invalid("RoleArn must be specified when testing a Task state")
    resource = state.resource
    if resource.pattern != "REQUEST_RESPONSE" or resource.service == "activity":
        raise ApiError(
            "InvalidDefinition",
            "TestState API supports activities and the '.sync' and '.waitForTaskToken' service "
            "integration patterns only when a mock is specified",
        )


def _configuration(tested: TestedState, given: Params) -> Params:
    """What Circumstances take of the request's stateConfiguration."""
    is_map = tested.state.type == "Map"
    for name in ("mapIterationFailureCount", "mapItemReaderData"):
        if name in given and not is_map:
            raise _invalid(f"The field '{name}' is only supported for Map states")
    cause = given.get("errorCausedByState")
    if cause is not None and cause not in tested.inner_states():
        raise _invalid(f"There is no state '{cause}' in the state under test")
    configuration: Params = {
        "retry_count": given.get("retrierRetryCount", 0),
        "failed_iterations": given.get("mapIterationFailureCount", 0),
    }
    if is_map and "ItemReader" in tested.definition:
        items = _json(given.get("mapItemReaderData", "[]"))
        if not isinstance(items, list):
            raise _invalid("The field 'mapItemReaderData' must be a JSON array")
        configuration["items"] = items
    elif "mapItemReaderData" in given:
        raise _invalid("The field 'mapItemReaderData' is only supported with an ItemReader")
    return configuration


def _context(params: Params, state: State) -> dict[str, Json] | None:
    context = _object(params, "context")
    if context is not None and "Task" in context:
        waits = isinstance(state, TaskState) and state.resource.pattern != "REQUEST_RESPONSE"
        if not waits:
            raise _invalid(
                "Invalid Context object provided: Context object contains 'Task' when state is not "
                "a Task state with a '.sync' or '.waitForTaskToken' service integration pattern"
            )
    return context


def _object(params: Params, name: str) -> dict[str, Json] | None:
    if name not in params:
        return None
    value = _json(params[name])
    if not isinstance(value, dict):
        raise _invalid(f"The field '{name}' must be a JSON object")
    return value


def _json(text: str) -> Json:
    """None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


# The answer


def _shown(outcome: StateOutcome, state: IsolatedState, params: Params, input_text: str) -> Params:
    answer: Params = {"status": outcome.status}
    if outcome.status in ("SUCCEEDED", "CAUGHT_ERROR"):
        answer["output"] = json_text(outcome.output)
    for name, value in (
        ("error", outcome.error),
        ("cause", outcome.cause),
        ("nextState", outcome.next_state),
    ):
        if value is not None:
            answer[name] = value
    if params.get("inspectionLevel", "INFO") != "INFO":
        answer["inspectionData"] = {"input": input_text} | {
            name: value if name in _NUMBERS else json_text(value)
            for name, value in state.inspection.data.items()
        }
        if outcome.details:
            answer["inspectionData"]["errorDetails"] = dict(outcome.details)
    return answer
