"""What can fail at a site, and which of it takes the same path.

A fault is a short text, so that a plan is one line of JSON. At a Task state:

    refused:ERROR        the service does nothing and fails with the error
    lost:ERROR           the service does its work, the state hears the error
    long-cause           its work fails, and says more about it than a cause may hold: the JSON text
                         ends in the middle
    time-out             nothing is done, and nothing answers
    late-answer          it is done, and the answer comes after the time-out
    late-work            it is done after the time-out: the function may run for longer than that,
                         and who has the task token answers too late
    heartbeat-missed     nothing is done, and no heartbeat comes
    never-answered       it is done and heartbeats come, but never an answer
    twice                it is done twice, by a partner that then answers twice
    in-part              of a batch the first entry is refused, and the answer is a success
    too-large            it is done, and the answer is over the payload limit
    aborted, aborted-after, aborted-unheard
                         somebody stops the execution: before it is done, after it, or so that the
                         status-change event is lost as well
    machine-time-out, machine-time-out-after
                         nothing is heard until the state machine's own time-out: nothing is done,
                         or it is

At a call of a handler or a trigger: `refused:CODE`, `lost` (done, no answer); for handlers
`crash-before` and `crash-after`: the sandbox is gone there; for triggers `twice`: they deliver at
least once; for transactions `canceled:REASON`, which is that of the first item; for batches of
handlers `in-part`.

Errors that the same Retrier and the same Catcher take lead to the same path: one of them stands for
the others, unless every error is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from botocore.model import Shape

from sfnlocal.interpreter.steps import matches
from sfnlocal.language.program import Catcher, Retrier, State, TaskState
from sfnlocal.ports import TaskResource
from sfnlocal.proof.batches import batch_of, takes_batches
from sfnlocal.proof.results import Persistence
from sfnlocal.services import aws_sdk
from sfnlocal.services.optimized import OPTIMIZED
from sfnlocal.services.service_models import available_services, service_model

REFUSED, LOST = "refused:", "lost:"
TIME_OUT, LATE_ANSWER, LATE_WORK = "time-out", "late-answer", "late-work"
HEARTBEAT_MISSED, NEVER_ANSWERED = "heartbeat-missed", "never-answered"
LONG_CAUSE = "long-cause"
TWICE, IN_PART, TOO_LARGE = "twice", "in-part", "too-large"
ABORTED, ABORTED_AFTER, ABORTED_UNHEARD = "aborted", "aborted-after", "aborted-unheard"
MACHINE_TIME_OUT, MACHINE_TIME_OUT_AFTER = "machine-time-out", "machine-time-out-after"
CANCELED = "canceled"
LOST_ANSWER, CRASH_BEFORE, CRASH_AFTER = "lost", "crash-before", "crash-after"

CRASHES = frozenset({CRASH_BEFORE, CRASH_AFTER})
SILENCES = frozenset({TIME_OUT, LATE_ANSWER, HEARTBEAT_MISSED, NEVER_ANSWERED})

# https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
_LAMBDA_ERRORS = (
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
)
# Neither a Retrier nor a Catcher can know its name.
UNFORESEEN = "UnforeseenError"
_WILDCARDS = frozenset({"States.ALL", "States.TaskFailed"})
_TIME_OUTS = frozenset({"States.Timeout", "States.HeartbeatTimeout"})
# They say what is so in the world: a service that is not asked cannot say it. They come by
# themselves, after an answer that was lost.
_STATEMENTS = ("ConditionalCheckFailed", "AlreadyExists", "DataLimitExceeded")
# Nothing is done when these are answered.
_REFUSALS = ("Throttl", "TooManyRequests", "LimitExceeded", "ThroughputExceeded", "SlowDown")
# Of a call's errors: the service's own state. The others say that the caller is wrong.
_TRANSIENT = (*_REFUSALS, "InternalServer", "InternalFailure", "ServiceException", "Unavailable")
_COMMON_CODES = ("ThrottlingException", "ServiceUnavailable")
# Of a transaction's item: those that pass.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_CANCELLATIONS = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")
_TRANSACTIONS = frozenset({"TransactWriteItems", "TransactGetItems"})
# With these a trigger delivers.
_DELIVERIES = frozenset({"StartExecution", "Invoke", "SendMessage", "Publish", "PutEvents"})
# A message that is sent may come twice.
_AT_LEAST_ONCE = frozenset({"lambda", "sqs"})


@dataclass(frozen=True, slots=True)
class Choice:
    """A fault that a site can have. `like` are the errors for which it stands."""

    fault: str
    persistence: tuple[Persistence, ...]
    like: tuple[str, ...] = ()


def state_faults(
    state: TaskState,
    declared: Iterable[str],
    *,
    machine_time_out: bool,
    sends_letter: bool = False,
    outlived: bool = False,
    every_error: bool = False,
    statements: bool = False,
) -> Iterator[Choice]:
    """Of a Task state whose service raises `declared` errors. `outlived`: its service may still
    work when the state has timed out. `statements`: errors count too that say what is so."""
    names = _error_names(state, declared, statements)
    kept = names if every_error else _one_of_each(state, names)
    for name, like in kept.items():
        persistence = _persistence(state, name)
        yield Choice(f"{REFUSED}{name}", persistence, like)
    lost = {name: like for name, like in names.items() if _may_be_done(name)}
    for name, like in (lost if every_error else _one_of_each(state, lost)).items():
        yield Choice(f"{LOST}{name}", _persistence(state, name), like)
    if state.resource.service == "lambda" or state.resource.pattern == "RUN_A_JOB":
        yield Choice(LONG_CAUSE, ("once",))
    yield from _silences(state)
    if outlived:
        yield Choice(LATE_WORK, _persistence(state, "States.Timeout"))
    pattern, service = state.resource.pattern, state.resource.service
    if pattern == "REQUEST_RESPONSE" and service != "states":
        yield Choice(TOO_LARGE, ("once", "for-ever"))
    if service in _AT_LEAST_ONCE or pattern == "WAIT_FOR_TASK_TOKEN":
        yield Choice(TWICE, ("once",))
    if takes_batches(*batch_of(state.resource)):
        yield Choice(IN_PART, ("once", "for-ever"))
    for fault in (ABORTED, ABORTED_AFTER, ABORTED_UNHEARD):
        yield Choice(fault, ("once",))
    if machine_time_out:
        yield Choice(MACHINE_TIME_OUT, ("once",))
        # A letter that was sent would be older than a queue keeps it.
        if pattern == "REQUEST_RESPONSE" and not sends_letter:
            yield Choice(MACHINE_TIME_OUT_AFTER, ("once",))


def _silences(state: TaskState) -> Iterator[Choice]:
    """Nothing is heard until a time-out. Without one, the state machine's own ends it."""
    lasting = _persistence(state, "States.Timeout")
    waits = state.resource.pattern == "WAIT_FOR_TASK_TOKEN"
    beats = state.heartbeat_seconds is not None
    if beats:
        yield Choice(HEARTBEAT_MISSED, _persistence(state, "States.HeartbeatTimeout"))
    else:
        yield Choice(TIME_OUT, lasting)
    yield Choice(LATE_ANSWER, lasting)
    if waits and beats:
        yield Choice(NEVER_ANSWERED, lasting)


def call_faults(
    service: str, operation: str, *, of_handler: bool, retried: int
) -> Iterator[Choice]:
    """Of one service call. `retried` is how often the state that makes the handler call may be
    retried at most."""
    lasting: tuple[Persistence, ...] = ("once", "for-ever")
    if retried > 1:
        lasting = ("once", "until-last-retry", "for-ever")
    first, *others = transient_codes(service, operation)
    yield Choice(f"{REFUSED}{first}", lasting, tuple(others))
    yield Choice(LOST_ANSWER, lasting)
    if operation in _TRANSACTIONS:
        for reason in _CANCELLATIONS:
            yield Choice(f"{CANCELED}:{reason}", lasting)
    if of_handler and takes_batches(service, operation):
        yield Choice(IN_PART, lasting)
    if not of_handler and operation in _DELIVERIES:
        yield Choice(TWICE, ("once",))
    if of_handler:
        yield Choice(CRASH_BEFORE, lasting)
        yield Choice(CRASH_AFTER, lasting)


@cache
def transient_codes(service: str, operation: str) -> tuple[str, ...]:
    """The error codes of botocore's model that tell of the service and not of the request."""
    model = service_model(service).operation_model(operation)
    codes = [_code(shape) for shape in model.error_shapes]
    found = [code for code in codes if any(part in code for part in _TRANSIENT)]
    return tuple(dict.fromkeys((*found, *_COMMON_CODES)))


def _code(shape: Shape) -> str:
    """As the service answers it: a shape may bear a name of its own."""
    return str(shape.metadata.get("error", {}).get("code", shape.name))


def longest_retries(state: State) -> int:
    return max((retrier.max_attempts for retrier in state.retry), default=0)


def _error_names(
    state: TaskState, declared: Iterable[str], statements: bool
) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    retried = [name for one in state.retry for name in one.error_equals]
    caught = [name for one in state.catch for name in one.error_equals]
    for name in (*retried, *caught, *_service_errors(state), *declared, UNFORESEEN):
        stated = not statements and any(part in name for part in _STATEMENTS)
        if name not in _WILDCARDS and name not in _TIME_OUTS and not stated:
            names[name] = ()
    return names


def _service_errors(state: TaskState) -> tuple[str, ...]:
    service = state.resource.service
    return _LAMBDA_ERRORS if service == "lambda" else _modeled_errors(state.resource)


@cache
def _modeled_errors(resource: TaskResource) -> tuple[str, ...]:
    """What the operation's model tells of the service and not of the request, as states hear it."""
    action = resource.action.partition(".")[0]
    optimized = OPTIMIZED.get(resource.service)
    if optimized is not None:
        client, prefix = optimized.client, optimized.prefix
    else:
        named = resource.service.removeprefix("aws-sdk:")
        found = aws_sdk.client_name(named, available_services())
        if named == resource.service or found is None:
            # An activity, or what no engine here runs.
            return ()
        client = found
        prefix = aws_sdk.class_name(service_model(client).service_id)
    model = service_model(client)
    operations = [one for one in model.operation_names if one.lower() == action.lower()]
    shapes = [shape for one in operations for shape in model.operation_model(one).error_shapes]
    return tuple(
        f"{prefix}.{aws_sdk.exception_name(shape.name)}"
        for shape in shapes
        if any(part in _code(shape) or part in shape.name for part in _TRANSIENT)
    )


def _one_of_each(state: TaskState, names: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """One error for all that the same Retrier and the same Catcher take."""
    classes: dict[tuple[int, int], list[str]] = {}
    for name in names:
        classes.setdefault((_first(state.retry, name), _first(state.catch, name)), []).append(name)
    return {name: tuple(others) for name, *others in classes.values()}


def _first(handlers: Sequence[Retrier | Catcher], name: str) -> int:
    """The index of the one that takes the error; -1 where none does."""
    return next((n for n, one in enumerate(handlers) if matches(one.error_equals, name, None)), -1)


def _persistence(state: TaskState, name: str) -> tuple[Persistence, ...]:
    """Without a retry `once` is for ever; with one retry it is until the last."""
    retries = next(
        (one.max_attempts for one in state.retry if matches(one.error_equals, name, None)), 0
    )
    if not retries:
        return ("once",)
    return ("once", "for-ever") if retries == 1 else ("once", "until-last-retry", "for-ever")


def _may_be_done(name: str) -> bool:
    """Errors of services have a prefix; those that a handler raises come before its work."""
    if name == UNFORESEEN:
        return True
    return "." in name and not any(part in name for part in _REFUSALS)
