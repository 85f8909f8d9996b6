"""Nothing is lost: properties of every definition, read from the synthesized templates."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from lambdas.order import errors as order_errors
from lambdas.order.logic.validate_order import SHIP_DAYS_AHEAD_MAX
from lambdas.report import errors as report_errors
from sfnlocal.language import compile_definition
from sfnlocal.limits import EXPRESS_DURATION_MS_MAX
from sfnlocal.template import App
from tests.workflows.states import every_state, reachable, retried, tasks
from workflows.retry_policy import FAULTY_VERSION

MACHINES = (
    "Order",
    "Fulfilment",
    "Recorder",
    "Sweep",
    "Report",
    "DailyReports",
    "ReportRecorder",
    "ReportSweep",
)
BUSINESS_ERRORS = {
    "OrderInvalid",
    "OutOfStock",
    "OutOfStockAfterCharge",
    "CardDeclined",
    "IdempotencyValidationError",
    "ReportEmpty",
    "ReportInvalid",
    "ReportTooLarge",
    "MessageTooLarge",
}
TRANSIENT_ERRORS = {
    "PaymentProviderUnavailable",
    "ReportProviderUnavailable",
    "TransactionConflict",
}
TIME_OUTS = {"States.Timeout", "States.HeartbeatTimeout", "Sandbox.Timedout"}
LAMBDA_FAULTS = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
# A fault that each service's callers must retry, by the resource's service.
SERVICE_FAULTS = {
    "lambda": LAMBDA_FAULTS,
    "dynamodb": {"DynamoDB.ProvisionedThroughputExceededException", "DynamoDB.ThrottlingException"},
    "sqs": {"SQS.AmazonSQSException", "SQS.ThrottlingException"},
    "states": {
        "StepFunctions.ExecutionLimitExceededException",
        "StepFunctions.ThrottlingException",
    },
    "aws-sdk:sfn": {"Sfn.SfnException", "Sfn.ThrottlingException"},
    "aws-sdk:sqs": {"Sqs.SqsException", "Sqs.SdkClientException"},
    "aws-sdk:s3": {"S3.S3Exception", "S3.SdkClientException"},
}

Definitions = dict[str, dict[str, Any]]


def service(state: dict[str, Any]) -> str:
    parts = state["Resource"].split(":states:::")[1].split(":")
    return ":".join(parts[: 2 if parts[0] == "aws-sdk" else 1])


def test_every_error_of_the_functions_is_known_here() -> None:
    declared = {
        name
        for errors in (order_errors, report_errors)
        for name, value in vars(errors).items()
        if inspect.isclass(value)
    }
    assert declared <= BUSINESS_ERRORS | TRANSIENT_ERRORS


@pytest.mark.parametrize("machine", MACHINES)
def test_the_definition_is_one_that_aws_accepts(deployed: App, machine: str) -> None:
    [one] = [m for m in deployed.state_machines if m.resource.path.rsplit("/", 1)[-1] == machine]
    assert compile_definition(one.definition, type=one.type).timeout_seconds


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_can_be_reached(definitions: Definitions, machine: str) -> None:
    definition = definitions[machine]
    assert reachable(definition, definition["StartAt"]) == set(definition["States"])


@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_and_every_task_has_a_time_out(
    definitions: Definitions, machine: str
) -> None:
    limit = definitions[machine]["TimeoutSeconds"]
    assert limit <= 365 * 86_400
    for name, state in tasks(definitions[machine]):
        assert state["TimeoutSeconds"] < limit, name
        if "HeartbeatSeconds" in state:
            assert state["HeartbeatSeconds"] < state["TimeoutSeconds"], name


@pytest.mark.parametrize("machine", MACHINES)
def test_every_task_retries_the_faults_of_its_service(
    definitions: Definitions, machine: str
) -> None:
    for name, state in tasks(definitions[machine]):
        assert retried(state) >= SERVICE_FAULTS[service(state)], name


@pytest.mark.parametrize("machine", MACHINES)
def test_every_task_but_a_child_is_tried_again_a_few_times_after_a_time_out(
    definitions: Definitions, machine: str
) -> None:
    for name, state in tasks(definitions[machine]):
        if state["Resource"].endswith("startExecution.sync:2"):
            assert not retried(state) & (TIME_OUTS | {"States.TaskFailed"}), name
            continue
        attempts = [r["MaxAttempts"] for r in state["Retry"] if TIME_OUTS & {*r["ErrorEquals"]}]
        assert attempts == [2], name
        assert retried(state) >= TIME_OUTS, name


@pytest.mark.parametrize("machine", MACHINES)
def test_no_business_error_is_retried(definitions: Definitions, machine: str) -> None:
    for name, state in every_state(definitions[machine]):
        assert not retried(state) & (BUSINESS_ERRORS | {"States.ALL", "States.TaskFailed"}), name


@pytest.mark.parametrize("machine", MACHINES)
def test_back_off_has_a_cap_and_full_jitter(definitions: Definitions, machine: str) -> None:
    for name, state in tasks(definitions[machine]):
        for retrier in state["Retry"]:
            # Both outlast something, so full jitter could use their attempts up at once.
            faulty = tuple(retrier["ErrorEquals"]) == FAULTY_VERSION.errors
            in_progress = retrier["ErrorEquals"] == ["IdempotencyAlreadyInProgressError"]
            jitter = "NONE" if faulty or in_progress else "FULL"
            assert retrier["JitterStrategy"] == jitter, name
            cap = FAULTY_VERSION.max_delay_seconds if faulty else 120
            assert retrier["IntervalSeconds"] <= retrier["MaxDelaySeconds"] <= cap, name


def test_no_error_is_matched_by_two_retriers(definitions: Definitions) -> None:
    for machine in MACHINES:
        for name, state in tasks(definitions[machine]):
            matched = [error for r in state["Retry"] for error in r["ErrorEquals"]]
            assert len(matched) == len(set(matched)), name


def test_the_tasks_retry_the_transient_errors_they_declare(definitions: Definitions) -> None:
    states = definitions["Order"]["States"]
    assert "PaymentProviderUnavailable" in retried(states["ChargePayment"])
    assert "IdempotencyAlreadyInProgressError" in retried(states["ChargePayment"])
    for name in ("ReserveStock", "ReleaseStock", "GiveStockBack"):
        assert "TransactionConflict" in retried(states[name])


def test_an_attempt_in_progress_is_outwaited(definitions: Definitions, deployed: Any) -> None:
    """A killed attempt's idempotency record stands until its function's time-out."""
    charge = definitions["Order"]["States"]["ChargePayment"]
    function = next(f for f in deployed.functions if f.handler.endswith("charge_payment.handler"))
    (retrier,) = [
        r for r in charge["Retry"] if "IdempotencyAlreadyInProgressError" in r["ErrorEquals"]
    ]
    pauses = [
        min(
            retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt,
            retrier["MaxDelaySeconds"],
        )
        for attempt in range(retrier["MaxAttempts"])
    ]
    assert sum(pauses) > function.timeout_seconds


def test_every_task_of_the_order_leads_whatever_else_fails_to_the_dead_letter(
    definitions: Definitions,
) -> None:
    order = definitions["Order"]
    for name, state in tasks(order):
        last = state["Catch"][-1]
        assert last["ErrorEquals"] == ["States.ALL"], name
        path = reachable(order, last["Next"])
        assert "Failed" in path, name
        assert not path & {"Completed", "Rejected", "Fulfil"}, name
        ends = {n for n in path if order["States"][n]["Type"] in ("Fail", "Succeed")}
        assert ends == {"Failed"}, name


def test_every_way_into_the_dead_letter_says_what_failed(definitions: Definitions) -> None:
    order = definitions["Order"]
    entrances = {"ParseCause", "GiveStockBack"}
    for name, state in every_state(order):
        for edge in [*state.get("Catch", []), *state.get("Choices", [])]:
            if edge["Next"] in entrances and name != "WhereItStands":
                assert "failure" in edge["Assign"], name
        if state.get("Default") in entrances:
            assert "failure" in state["Assign"], name


@pytest.mark.parametrize("name", ["ReserveStock", "ChargePayment"])
def test_a_technical_failure_before_the_charge_gives_the_stock_back_first(
    definitions: Definitions, name: str
) -> None:
    states = definitions["Order"]["States"]
    assert states[name]["Catch"][-1]["Next"] == "GiveStockBack"
    assert states["GiveStockBack"]["Next"] == "ParseCause"


@pytest.mark.parametrize("name", ["RecordPaid", "SendInvoice", "Fulfil", "RecordCompleted"])
def test_nothing_is_given_back_after_the_charge(definitions: Definitions, name: str) -> None:
    order = definitions["Order"]
    release = {"GiveStockBack", "ReleaseStock"}
    assert not reachable(order, name) & release


@pytest.mark.parametrize(
    ("task", "error", "path"),
    [
        ("ReserveStock", "OutOfStock", ["RecordRejected", "Rejected"]),
        ("ChargePayment", "CardDeclined", ["ReleaseStock", "RecordRejected", "Rejected"]),
    ],
)
def test_a_refusal_is_an_outcome(
    definitions: Definitions, task: str, error: str, path: list[str]
) -> None:
    states = definitions["Order"]["States"]
    (name,) = [c["Next"] for c in states[task]["Catch"] if c["ErrorEquals"] == [error]]
    found = [name]
    while "Next" in states[found[-1]]:
        found.append(states[found[-1]]["Next"])
    assert found == path


def test_the_order_outlasts_the_longest_wait_and_the_fulfilment(definitions: Definitions) -> None:
    child = definitions["Order"]["States"]["Fulfil"]["TimeoutSeconds"]
    assert definitions["Fulfilment"]["TimeoutSeconds"] < child
    longest_wait = SHIP_DAYS_AHEAD_MAX * 86_400
    # A repeated start may have to wait for a first child that had just begun.
    assert longest_wait + 2 * child <= definitions["Order"]["TimeoutSeconds"]


def test_the_rules_do_not_hear_of_the_recorders(deployed: Any) -> None:
    names = {m.arn: m.resource.path.rsplit("/", 1)[-1] for m in deployed.state_machines}
    watched = {
        resource.path.rsplit("/", 2)[-2]: {
            names[arn] for arn in resource.properties["EventPattern"]["detail"]["stateMachineArn"]
        }
        for resource in deployed.resources
        if resource.type == "AWS::Events::Rule"
        and resource.properties["EventPattern"]["source"] == ["aws.states"]
    }
    assert watched["Recorder"] == {"Order"}
    assert watched["ReportRecorder"] == {"Report", "DailyReports"}
    assert not set().union(*watched.values()) & watched.keys()


def test_rules_and_schedules_have_a_queue_for_what_they_could_not_deliver(deployed: Any) -> None:
    queues = {r.arn for r in deployed.resources if r.type == "AWS::SQS::Queue"}
    targets = [
        target
        for r in deployed.resources
        if r.type in ("AWS::Events::Rule", "AWS::Scheduler::Schedule")
        for target in r.properties.get("Targets") or [r.properties["Target"]]
    ]
    assert targets
    for target in targets:
        assert target["DeadLetterConfig"]["Arn"] in queues


def test_sweeps_overlap(definitions: Definitions, deployed: Any) -> None:
    """Each failed run is listed by several sweeps; they are Express, which ends them soon."""
    schedules = {
        r.path.split("/")[1]: r.properties
        for r in deployed.resources
        if r.type == "AWS::Scheduler::Schedule"
    }
    for sweep in ("Sweep", "ReportSweep"):
        assert schedules[sweep]["ScheduleExpression"] == "rate(1 hour)"
        since = definitions[sweep]["States"]["SetWindow"]["Assign"]["since"]
        assert int(since.rsplit("-", 1)[1].removesuffix("%}").strip(" )")) >= 3 * 3_600_000
        assert definitions[sweep]["TimeoutSeconds"] * 1000 <= EXPRESS_DURATION_MS_MAX


def test_sweeps_list_what_can_be_listed(deployed: App) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html"""
    standard = {machine.arn for machine in deployed.state_machines if machine.type == "STANDARD"}
    listed = {
        one["stateMachineArn"]
        for schedule in deployed.resources
        if schedule.type == "AWS::Scheduler::Schedule"
        for one in json.loads(schedule.properties["Target"]["Input"]).get("lists", [])
    }
    assert len(listed) >= 10
    assert listed <= standard


def test_a_letter_is_taken_over_only_when_its_recorder_has_ended(definitions: Definitions) -> None:
    recorder = definitions["Recorder"]
    values = recorder["States"]["TakeOver"]["Arguments"]["ExpressionAttributeValues"]
    long_ago_ms = int(values[":longAgo"]["S"].rsplit("-", 1)[1].removesuffix("%}").strip(" )"))
    assert long_ago_ms > recorder["TimeoutSeconds"] * 1000
