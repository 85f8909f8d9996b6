"""Faults that show a mistake which no error does: a batch taken in part, a transaction canceled, a
delivery made twice, an answer that comes too late, a cause that is cut off, a long time."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.errors import ApiError, InputError, LostAnswerError
from sfnlocal.ports import Caller, ServiceCall
from sfnlocal.proof import Scenario, faults
from sfnlocal.proof.call_faults import CallFaults
from sfnlocal.proof.results import Plan, Site
from sfnlocal.testing import LocalApp
from tests.sfnlocal.proof.conftest import INPUT, Prove, broken, plan, shop, states

ASKED = "https://sqs.us-east-1.amazonaws.com/123456789012/asked"
TRANSACTION = Site("call", "Charge", "dynamodb.TransactWriteItems", 1)


def with_queue(template: dict[str, Any]) -> dict[str, Any]:
    template["Resources"]["Asked"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"QueueName": "asked"},
    }
    return template


def charging_by(statements: str) -> dict[str, Any]:
    template = shop()
    code = template["Resources"]["Charge"]["Properties"]["Code"]
    put = next(line for line in code["ZipFile"].splitlines() if "put_item" in line)
    lines = "\n".join(f"    {line}" for line in statements.splitlines())
    code["ZipFile"] = code["ZipFile"].replace(put, lines)
    return template


# A part of a batch


def sending(*, looks: bool) -> dict[str, Any]:
    """Two messages in a batch. `looks`: what the answer says of them is looked at."""
    template = with_queue(shop())
    charge = states(template)["Charge"]
    charge |= {
        "Resource": "arn:aws:states:::aws-sdk:sqs:sendMessageBatch",
        "Arguments": {
            "QueueUrl": ASKED,
            "Entries": [{"Id": str(number), "MessageBody": f"m-{number}"} for number in (0, 1)],
        },
        "Output": "{% $states.result %}",
    }
    if looks:
        charge["Next"] = "Look"
        states(template)["Look"] = {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $exists($states.input.Failed[0]) %}",
                    "Assign": {"error": "Refused", "cause": "", "state": "Charge"},
                    "Next": "Letter",
                }
            ],
            "Default": "Done",
        }
    return template


def test_a_batch_of_which_a_part_is_refused_is_sent_again_where_somebody_looks(
    prove: Prove,
) -> None:
    in_part = plan(faults.IN_PART)
    # The message that was sent comes again.
    runner = prove(sending(looks=True), at_least_once=("Asked",))
    assert in_part in runner.plans()
    result = runner.run(in_part)
    assert (result.error, result.replayed, broken(result)) == ("Refused", "replay", set())


def test_a_batch_of_which_a_part_is_refused_is_found_where_nobody_looks(prove: Prove) -> None:
    result = prove(sending(looks=False)).run(plan(faults.IN_PART))
    assert (result.status, broken(result)) == ("SUCCEEDED", {"contents"})


def test_a_batch_may_be_refused_in_part_for_ever(prove: Prove) -> None:
    result = prove(sending(looks=True), at_least_once=("Asked",)).run(
        plan(faults.IN_PART, "for-ever")
    )
    assert (result.status, broken(result)) == ("FAILED", set())


WRITE_BOTH = """\
writes = [{"PutRequest": {"Item": {"id": {"S": event["id"] + end}}}} for end in "ab"]
answer = TABLE.batch_write_item(RequestItems={"charges": writes})"""

SEND_BOTH = f"""\
entries = [{{"Id": end, "MessageBody": event["id"] + end}} for end in "ab"]
answer = boto3.client("sqs").send_message_batch(QueueUrl="{ASKED}", Entries=entries)"""


@pytest.mark.parametrize(
    ("batch", "site", "left"),
    [
        (WRITE_BOTH, "dynamodb.BatchWriteItem", "UnprocessedItems"),
        (SEND_BOTH, "sqs.SendMessageBatch", "Failed"),
    ],
)
@pytest.mark.parametrize("looks", [True, False])
def test_what_is_left_of_a_handler_s_batch_is_found_missing_where_nobody_looks(
    prove: Prove, batch: str, site: str, left: str, *, looks: bool
) -> None:
    look = f'\nif answer.get("{left}"):\n    raise RuntimeError(answer)' if looks else ""
    runner = prove(
        with_queue(charging_by(batch + look)), at_least_once=("Asked",), options={"iam": False}
    )
    in_part = plan(faults.IN_PART, site=site)
    assert in_part in runner.plans()
    assert broken(runner.run(in_part)) == (set() if looks else {"contents"})


# A transaction


CHARGE_ONCE = """\
put = {"Put": {"TableName": "charges", "Item": {"id": {"S": event["id"]}},
               "ConditionExpression": "attribute_not_exists(id)"}}
try:
    TABLE.transact_write_items(TransactItems=[put])
except TABLE.exceptions.TransactionCanceledException as error:
    reasons = {one["Code"] for one in error.response["CancellationReasons"]}
    if not reasons <= KNOWN:
        raise"""


@pytest.mark.parametrize(
    ("known", "wrong"),
    [
        ('{"None", "ConditionalCheckFailed"}', set()),
        # Whoever takes each reason for a charge made before loses one.
        ('{*reasons, "None"}', {"contents"}),
    ],
)
def test_a_canceled_transaction_says_for_which_item_and_why(
    prove: Prove, known: str, wrong: set[str]
) -> None:
    runner = prove(charging_by(CHARGE_ONCE.replace("KNOWN", known)))
    canceled = Plan("paid", TRANSACTION, "canceled:TransactionConflict", "once")
    assert canceled in runner.plans()
    result = runner.run(canceled)
    assert broken(result) == wrong
    assert result.error == (None if wrong else "TransactionCanceledException")


# Twice


def nightly(app: LocalApp) -> None:
    app.advance(hours=1)


def counted(app: LocalApp) -> dict[str, int]:
    return {item["id"]: int(item.get("times", 1)) for item in app.items("Charges")}


COUNT = """\
TABLE.update_item(TableName="charges", Key={"id": {"S": event["id"]}},
                  UpdateExpression="ADD times :one",
                  ExpressionAttributeValues={":one": {"N": "1"}})"""


@pytest.mark.parametrize("once", [True, False])
def test_a_schedule_that_fires_twice_is_found_where_work_is_done_twice(
    prove: Prove, once: bool
) -> None:
    template = shop() if once else charging_by(COUNT)
    template["Resources"]["Nightly"] = {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Name": "nightly",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": "rate(1 day)",
            "Target": {
                "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:shop",
                "RoleArn": "arn:aws:iam::123456789012:role/schedule",
                "Input": '{"id": "o-1", "card": "good"}',
            },
        },
    }
    runner = prove(
        template,
        scenarios=[Scenario(name="nightly", start=nightly)],
        effects={"charge": counted},
        options={"iam": False},
    )
    site = Site("call", "Nightly", "stepfunctions.StartExecution", 1)
    twice = Plan("nightly", site, faults.TWICE, "once")
    assert twice in runner.plans()
    result = runner.run(twice)
    assert result.executions == 2
    assert ("twice" in broken(result)) is not once


# A partner with a task token


def handed_over(*, expects: bool, heartbeat: bool = False) -> tuple[dict[str, Any], Scenario]:
    """The charge is asked for in a queue. `expects`: its partner knows that it may be too late."""
    template = with_queue(shop())
    states(template)["Charge"] |= {
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {
            "QueueUrl": ASKED,
            "MessageBody": {"token": "{% $states.context.Task.Token %}"},
        },
        "TimeoutSeconds": 600,
        **({"HeartbeatSeconds": 60} if heartbeat else {}),
    }

    def answered(app: Any) -> None:
        def take(message: Any) -> None:
            try:
                app.session.send_task_success(message.body["token"], "o-1")
            except ApiError as error:
                if not expects or error.aws_code != "TaskTimedOut":
                    raise

        app.on_message("Asked", take)

    return template, Scenario(name="paid", input=INPUT, execution_name="o-1", prepare=answered)


@pytest.mark.parametrize("heartbeat", [False, True])
@pytest.mark.parametrize(
    ("fault", "status"), [(faults.LATE_WORK, "FAILED"), (faults.TWICE, "SUCCEEDED")]
)
def test_a_partner_may_answer_too_late_or_twice(
    prove: Prove, fault: str, status: str, heartbeat: bool
) -> None:
    template, scenario = handed_over(expects=True, heartbeat=heartbeat)
    runner = prove(template, scenarios=[scenario])
    assert plan(fault) in runner.plans()
    result = runner.run(plan(fault))
    assert (result.status, broken(result)) == (status, set())


@pytest.mark.parametrize("fault", [faults.LATE_WORK, faults.TWICE])
def test_a_partner_that_does_not_expect_that_is_told_of(prove: Prove, fault: str) -> None:
    template, scenario = handed_over(expects=False)
    with pytest.raises(InputError, match="an actor does not expect TaskTimedOut"):
        prove(template, scenarios=[scenario]).run(plan(fault))


# A long cause


def test_a_cause_that_is_cut_off_fits_a_letter_that_takes_it_as_text(prove: Prove) -> None:
    result = prove().run(plan(faults.LONG_CAUSE))
    assert (result.error, broken(result)) == ("UnforeseenError", set())


def test_a_cause_that_is_cut_off_is_found_where_it_is_parsed(prove: Prove) -> None:
    template = shop()
    parsed = "{% $parse($states.errorOutput.Cause) %}"
    states(template)["Charge"]["Catch"][-1]["Assign"]["cause"] = parsed
    result = prove(template).run(plan(faults.LONG_CAUSE))
    assert result.error == "States.QueryEvaluationError"
    assert "letter" in broken(result)


# A long time


@pytest.mark.parametrize("fault", [faults.MACHINE_TIME_OUT, faults.MACHINE_TIME_OUT_AFTER])
def test_a_machine_times_out_when_its_time_is_over(prove: Prove, fault: str) -> None:
    result = prove(dead_letters=None, replay=None).run(plan(fault), with_path=True)
    assert (result.status, result.error, result.replayed) == ("TIMED_OUT", None, "redrive")
    assert result.virtual_ms >= 3_600_000
    assert not result.violations


def test_what_has_only_expired_meanwhile_is_no_difference(prove: Prove) -> None:
    template = charging_by(
        'import time\nTABLE.put_item(TableName="charges", Item={"id": {"S": "o-1"},\n'
        '    "expires": {"N": str(int(time.time()) + 60)}})'
    )
    template["Resources"]["Charges"]["Properties"]["TimeToLiveSpecification"] = {
        "AttributeName": "expires",
        "Enabled": True,
    }
    result = prove(template, dead_letters=None, replay=None).run(plan(faults.MACHINE_TIME_OUT))
    assert result.virtual_ms > 60_000
    assert not result.violations


# What is lost


def test_only_the_call_that_was_struck_loses_its_answer(prove: Prove) -> None:
    """One that failed by itself never comes to its end: the next call is another one."""
    session, _ = prove().open()
    calls = CallFaults(session.aws)
    caller = Caller("lambda.amazonaws.com", "arn:aws:lambda:us-east-1:123456789012:function:f")
    struck = ServiceCall("dynamodb", "PutItem", {"TableName": "t"}, caller)
    same = ServiceCall("dynamodb", "PutItem", {"TableName": "t"}, caller)
    calls.before(struck, faults.LOST_ANSWER)
    calls.after(same)
    with pytest.raises(LostAnswerError):
        calls.after(struck)
    calls.after(struck)
