"""What runs cost; every figure is worked out by hand beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.mocks import CALL, Failure
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, InputError
from sfnlocal.ports import Caller
from sfnlocal.proof.cost import Cause, CostMeter
from sfnlocal.proof.cost_faults import expected_retries, retries_bill
from sfnlocal.proof.cost_prices import read_prices
from sfnlocal.proof.cost_text import bill_line, dollars, quantity_text, render_bill
from sfnlocal.proof.cost_usage import usage_of
from sfnlocal.template import load_app

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
CHUNK = 64 * 1024
TEMPLATE = """\
Resources:
  Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
  Seen:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: seen
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
  Sleepy:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: sleepy
      Runtime: python3.12
      Handler: index.handler
      Role: &role arn:aws:iam::123456789012:role/any
      MemorySize: 512
      Timeout: 60
      Architectures: [arm64]
      Code:
        ZipFile: |
          import time
          def handler(event, context):
              time.sleep(event["seconds"])
              return event
  Order:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: Order
      RoleArn: *role
      Definition:
        StartAt: Sleep
        States:
          Sleep:
            Type: Task
            Resource: arn:aws:states:::lambda:invoke
            Parameters: {FunctionName: sleepy, Payload.$: $}
            OutputPath: $.Payload
            Retry: [{ErrorEquals: [Lambda.ServiceException], MaxAttempts: 2}]
            Next: Store
          Store:
            Type: Task
            Resource: arn:aws:states:::dynamodb:putItem
            Parameters:
              TableName: seen
              Item: {id: {S: o-1}}
              ConditionExpression: attribute_not_exists(id)
            ResultPath: null
            Catch: [{ErrorEquals: [States.ALL], Next: Send}]
            Next: Send
          Send:
            Type: Task
            Resource: arn:aws:states:::sqs:sendMessage
            Parameters:
              QueueUrl: https://sqs.us-east-1.amazonaws.com/123456789012/jobs
              MessageBody: done
            End: true
  Quick:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: Quick
      StateMachineType: EXPRESS
      RoleArn: *role
      Definition:
        StartAt: Sleep
        States:
          Sleep:
            Type: Task
            Resource: arn:aws:states:::lambda:invoke
            Parameters: {FunctionName: sleepy, Payload.$: $}
            End: true
  Logged:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: Logged
      RoleArn: *role
      LoggingConfiguration:
        Level: ALL
        Destinations:
          - CloudWatchLogsLogGroup:
              LogGroupArn: arn:aws:logs:us-east-1:123456789012:log-group:l:*
      Definition: {StartAt: Echo, States: {Echo: {Type: Pass, End: true}}}
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    path = tmp_path_factory.mktemp("app") / "app.yaml"
    path.write_text(TEMPLATE)
    app = load_app(path)

    @contextmanager
    def opened() -> Iterator[Session]:
        with Session(app) as session:
            yield session

    return opened


# A call


def sqs(size: int) -> dict[str, Any]:
    return {"QueueUrl": QUEUE, "MessageBody": "x" * size}


def item(size: int) -> dict[str, Any]:
    """An item of so many bytes: `id` and its value, `v` and its value."""
    return {"id": {"S": "o"}, "v": {"S": "x" * (size - 4)}}


USAGES: list[tuple[str, str, dict[str, Any], dict[str, Any], dict[str, float]]] = [
    ("sqs", "SendMessage", sqs(CHUNK), {}, {"sqsRequests": 1}),
    ("sqs", "SendMessage", sqs(CHUNK + 1), {}, {"sqsRequests": 2}),
    ("sqs", "SendMessage", {**sqs(1), "QueueUrl": f"{QUEUE}.fifo"}, {}, {"sqsFifoRequests": 1}),
    # Four bytes are two characters; `k`, `String` and the value are 1 + 6 + 65,529 more.
    (
        "sqs",
        "SendMessage",
        {
            "QueueUrl": QUEUE,
            "MessageBody": "éé",
            "MessageAttributes": {"k": {"DataType": "String", "StringValue": "x" * (CHUNK - 11)}},
        },
        {},
        {"sqsRequests": 1},
    ),
    # A batch is one request for each 64 KB of all its messages together: 100 KB are two.
    ("sqs", "SendMessageBatch", {"Entries": [sqs(50 * 1024)] * 2}, {}, {"sqsRequests": 2}),
    ("sqs", "ReceiveMessage", {"QueueUrl": QUEUE}, {}, {"sqsRequests": 1}),
    ("sqs", "ReceiveMessage", {}, {"Messages": [{"Body": "x" * CHUNK}] * 3}, {"sqsRequests": 3}),
    ("sqs", "DeleteMessageBatch", {"QueueUrl": QUEUE}, {}, {"sqsRequests": 1}),
    ("dynamodb", "PutItem", {"Item": item(1024)}, {}, {"dynamodbWriteUnits": 1}),
    ("dynamodb", "PutItem", {"Item": item(1025)}, {}, {"dynamodbWriteUnits": 2}),
    # What the response shows of the item counts where it is more than what is written.
    (
        "dynamodb",
        "UpdateItem",
        {"Key": {"id": {"S": "o"}}},
        {"Attributes": item(3000)},
        {"dynamodbWriteUnits": 3},
    ),
    ("dynamodb", "DeleteItem", {"Key": {"id": {"S": "o"}}}, {}, {"dynamodbWriteUnits": 1}),
    (
        "dynamodb",
        "BatchWriteItem",
        {
            "RequestItems": {
                "t": [{"PutRequest": {"Item": item(2048)}}, {"DeleteRequest": {"Key": {}}}]
            }
        },
        {},
        {"dynamodbWriteUnits": 3},
    ),
    # Twice two units, twice one.
    (
        "dynamodb",
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {"Item": item(2000)}},
                {"ConditionCheck": {"Key": {"id": {"S": "o"}}}},
            ]
        },
        {},
        {"dynamodbWriteUnits": 6},
    ),
    ("dynamodb", "GetItem", {}, {}, {"dynamodbReadUnits": 0.5}),
    (
        "dynamodb",
        "GetItem",
        {"ConsistentRead": True},
        {"Item": item(4097)},
        {"dynamodbReadUnits": 2},
    ),
    # Three items of 2 KB are 6 KB, two units of 4 KB, eventually consistent.
    ("dynamodb", "Query", {}, {"Items": [item(2048)] * 3}, {"dynamodbReadUnits": 1}),
    # One of two keys was found, and is 5 KB: two halves; the other is one half.
    (
        "dynamodb",
        "BatchGetItem",
        {"RequestItems": {"t": {"Keys": [{}, {}]}}},
        {"Responses": {"t": [item(5 * 1024)]}},
        {"dynamodbReadUnits": 1.5},
    ),
    ("dynamodb", "TransactGetItems", {"TransactItems": [{}]}, {}, {"dynamodbReadUnits": 2}),
    ("sns", "Publish", {"Message": "x" * (CHUNK + 1)}, {}, {"snsRequests": 2}),
    (
        "events",
        "PutEvents",
        {"Entries": [{"Detail": "x" * CHUNK}, {}]},
        {},
        {"eventBridgeEvents": 2},
    ),
    ("s3", "PutObject", {}, {}, {"s3Writes": 1}),
    ("s3", "GetObject", {}, {}, {"s3Reads": 1}),
    ("s3", "DeleteObject", {}, {}, {}),
    ("stepfunctions", "StartExecution", {}, {}, {}),
]


@pytest.mark.parametrize(("service", "operation", "params", "response", "usage"), USAGES)
def test_what_a_call_is_billed_for(
    service: str,
    operation: str,
    params: dict[str, Any],
    response: dict[str, Any],
    usage: dict[str, float],
) -> None:
    assert usage_of(service, operation, params, response) == usage


def test_sizes_of_an_item_are_those_that_dynamodb_counts() -> None:
    # Names 1 each: 7. S 3. N: 5 digits are 3 + 1, and trailing zeros do not count: 2 + 1.
    # BOOL 1, NULL 1. L: 3 + (1 + 1) + (1 + 1). M: 3 + (1 + 1 + 2).
    values: dict[str, Any] = {
        "a": {"S": "abc"},
        "b": {"N": "-123.45"},
        "c": {"N": "12300"},
        "d": {"BOOL": True},
        "e": {"NULL": True},
        "f": {"L": [{"S": "x"}, {"NULL": True}]},
        "g": {"M": {"k": {"S": "yy"}}},
    }
    known = 7 + 3 + 4 + 3 + 1 + 1 + 7 + 7
    filled = {**values, "h": {"S": "x" * (1024 - known - 1)}}
    assert usage_of("dynamodb", "PutItem", {"Item": filled}, {}) == {"dynamodbWriteUnits": 1}
    over = {**values, "h": {"S": "x" * (1024 - known)}}
    assert usage_of("dynamodb", "PutItem", {"Item": over}, {}) == {"dynamodbWriteUnits": 2}


def test_a_call_without_a_known_price_is_not_made_up() -> None:
    assert usage_of("kms", "Encrypt", {}, {}) is None


# A run


def test_each_state_is_billed_for_what_it_did(opened: Callable[[], Any]) -> None:
    with opened() as session:
        meter = CostMeter(session, lambda_ms=100)
        execution = session.start_execution("Order", {"seconds": 2})
        session.run_until_idle()
        bill = meter.bill(read_prices("us-east-1"))
    arn = execution.arn
    assert dict(meter.usage[Cause(arn)]) == {"stateTransitions": 3}
    sleep = meter.usage[Cause(arn, "Sleep")]
    # 512 MB for the 2 s that it slept.
    assert (sleep["lambdaRequests"], sleep["lambdaArmGbSeconds"]) == (1, 1.0)
    # Nothing was printed: 300 bytes of START, END and REPORT.
    assert sleep["logsGb"] == pytest.approx(300 / 2**30)
    assert dict(meter.usage[Cause(arn, "Store")]) == {"dynamodbWriteUnits": 1}
    assert dict(meter.usage[Cause(arn, "Send")]) == {"sqsRequests": 1}
    # 3 transitions at 0.000025, a request at 0.0000002, a GB-second at 0.0000133334, a write at
    # 0.000000625, a message at 0.0000004, and 300 bytes at 0.50 a GB.
    expected = 0.000075 + 0.0000002 + 0.0000133334 + 0.000000625 + 0.0000004 + 150 / 2**30
    assert bill.amount == pytest.approx(expected)


def test_a_handler_that_does_not_sleep_counts_as_what_is_assumed(
    opened: Callable[[], Any],
) -> None:
    with opened() as session:
        meter = CostMeter(session, lambda_ms=250)
        execution = session.start_execution("Order", {"seconds": 0})
        session.run_until_idle()
    # 0.5 GB for 0.25 s.
    assert meter.usage[Cause(execution.arn, "Sleep")]["lambdaArmGbSeconds"] == 0.125


def test_a_write_that_is_refused_is_billed(opened: Callable[[], Any]) -> None:
    with opened() as session:
        session.aws.call("dynamodb", "PutItem", {"TableName": "seen", "Item": {"id": {"S": "o-1"}}})
        meter = CostMeter(session)
        execution = session.start_execution("Order", {"seconds": 0})
        session.run_until_idle()
        assert execution.status == "SUCCEEDED"
    assert dict(meter.usage[Cause(execution.arn, "Store")]) == {"dynamodbWriteUnits": 1}


def test_express_executions_are_billed_in_steps_of_100_ms(opened: Callable[[], Any]) -> None:
    with opened() as session:
        meter = CostMeter(session, lambda_ms=100)
        slept = session.start_execution("Quick", {"seconds": 1.25})
        instant = session.start_execution("Quick", {"seconds": 0})
        session.run_until_idle()
    # 64 MB for 1.3 s, and for the 0.1 s that its handler is taken to run.
    for execution, gb_seconds in ((slept, 0.0625 * 1.3), (instant, 0.0625 * 0.1)):
        usage = meter.usage[Cause(execution.arn)]
        assert usage["expressRequests"] == 1
        assert usage["expressGbSeconds"] == pytest.approx(gb_seconds)
        assert "stateTransitions" not in usage


def test_what_a_state_machine_logs_is_billed(opened: Callable[[], Any]) -> None:
    with opened() as session:
        meter = CostMeter(session)
        execution = session.start_execution("Logged", {})
        session.run_until_idle()
    events = len(execution.history)
    logged = meter.usage[Cause(execution.arn)]["logsGb"] * 2**30
    # Each event has its execution's ARN in it, and 26 bytes on top.
    assert events == 4
    assert logged > events * (26 + len(execution.arn))


def test_calls_of_tests_are_not_billed_and_those_of_triggers_are(
    opened: Callable[[], Any],
) -> None:
    with opened() as session:
        meter = CostMeter(session)
        session.aws.call("sqs", "SendMessage", {"QueueUrl": QUEUE, "MessageBody": "by a test"})
        assert not meter.usage
        caller = Caller("scheduler.amazonaws.com", "arn:aws:scheduler:::schedule/default/s")
        params = {"QueueUrl": QUEUE, "MessageBody": "by a schedule"}
        session.aws.call("sqs", "SendMessage", params, caller)
        meter.bill(read_prices("us-east-1"))
    assert dict(meter.usage[Cause("")]) == {"schedulerInvocations": 1, "sqsRequests": 1}


def test_a_bill_may_be_of_some_state_machines_only(opened: Callable[[], Any]) -> None:
    with opened() as session:
        meter = CostMeter(session)
        logged = session.start_execution("Logged", {})
        session.start_execution("Order", {"seconds": 0})
        session.run_until_idle()
        bill = meter.bill(read_prices("us-east-1"), {logged.state_machine_arn})
    # Logged has one state, and its log.
    assert [(line.item, line.quantity) for line in bill.lines][:1] == [("stateTransitions", 1)]
    assert [line.item for line in bill.lines] == ["stateTransitions", "logsGb"]


def test_calls_without_a_price_are_named(opened: Callable[[], Any]) -> None:
    caller = Caller("pipes.amazonaws.com", "arn:aws:pipes:us-east-1:123456789012:pipe/p")
    with opened() as session:
        meter = CostMeter(session)
        with pytest.raises(ApiError):
            session.aws.call("ssm", "GetParameter", {"Name": "none"}, caller)
        meter.bill(read_prices("us-east-1"))
    assert dict(meter.unpriced) == {"ssm.GetParameter": 1}


def test_a_redriven_execution_is_billed_once(opened: Callable[[], Any]) -> None:
    with opened() as session:
        meter = CostMeter(session)
        session.mock("Order", "Sleep", [Failure("Boom"), CALL])
        execution = session.start_execution("Order", {"seconds": 0})
        session.run_until_idle()
        session.redrive_execution(execution.arn)
        session.run_until_idle()
        assert execution.status == "SUCCEEDED"
    # Two attempts of Sleep, Store, Send, and the redrive itself.
    assert meter.usage[Cause(execution.arn)]["stateTransitions"] == 5


# Retries


@pytest.mark.parametrize(
    ("rate", "attempts_max", "expected"),
    # p; p + p^2; p + p^2 + p^3.
    [(0.1, 1, 0.1), (0.1, 2, 0.11), (0.5, 3, 0.875), (0.0, 6, 0.0), (0.5, 0, 0.0)],
)
def test_how_many_retries_are_to_be_expected(
    rate: float, attempts_max: int, expected: float
) -> None:
    assert expected_retries(rate, attempts_max) == pytest.approx(expected)


def test_retries_cost_what_the_attempts_of_their_state_cost(opened: Callable[[], Any]) -> None:
    with opened() as session:
        meter = CostMeter(session, lambda_ms=100)
        session.start_execution("Order", {"seconds": 2})
        session.run_until_idle()
        prices = read_prices("us-east-1")
        meter.bill(prices)
        retries = retries_bill(meter, prices, 0.1)
    # Only Sleep has a Retrier, with two attempts: 0.1 + 0.01 more. Each is a transition, a request,
    # a GB-second and 300 bytes of log.
    each = 0.000025 + 0.0000002 + 0.0000133334 + 150 / 2**30
    assert retries.amount == pytest.approx(0.11 * each)


# Prices


def test_there_are_prices_of_three_regions_with_sources() -> None:
    for region in ("us-east-1", "eu-west-1", "eu-central-1"):
        prices = read_prices(region)
        assert prices.as_of == "2026-11-01"
        assert prices.by_item["stateTransitions"].each == pytest.approx(0.000025)
        for price in prices.by_item.values():
            assert price.source.startswith("https://aws.amazon.com/")
            assert price.confidence in ("page", "memory")


def test_a_region_without_prices_is_refused_with_those_that_have() -> None:
    with pytest.raises(InputError) as refused:
        read_prices("mars-1")
    assert "no prices of the region 'mars-1'" in str(refused.value)
    assert "us-east-1, eu-west-1, eu-central-1" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "this is no price file"),
        ('{"regions": {"r": {}}}', "this is no price file"),
        ('{"regions": []}', "there are no prices of the region 'r'"),
        ("[]", "this is no price file"),
    ],
)
def test_what_is_no_price_file_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_prices("r", path)


def test_prices_of_ones_own_are_used(tmp_path: Path, opened: Callable[[], Any]) -> None:
    own = Path(__file__).parents[3] / "sfnlocal" / "proof" / "prices.json"
    data = json.loads(own.read_text("utf-8"))
    data["regions"]["eu-north-1"] = data["regions"]["us-east-1"]
    data["regions"]["eu-north-1"]["sqsRequests"] = {"price": 8, "confidence": "contract"}
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(data))
    assert read_prices("eu-north-1", path).by_item["sqsRequests"].each == 0.000008
    data["regions"]["eu-north-1"]["sqsRequests"]["price"] = -1
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match="eu-north-1/sqsRequests needs a price of at least 0"):
        read_prices("eu-north-1", path)


# Text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"),
        (1234.5, "$1,234.50"),
        (0.01, "$0.01"),
        (0.0005336, "$0.000534"),
        (0.0000004, "$0.0000004"),
    ],
)
def test_amounts_have_cents_or_three_digits(amount: float, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(
    ("quantity", "text"), [(12345, "12,345"), (0.5, "0.5"), (0.0000085140, "0.000008514")]
)
def test_quantities_are_whole_or_have_four_digits(quantity: float, text: str) -> None:
    assert quantity_text(quantity) == text


def test_a_bill_as_a_table_and_in_one_line(opened: Callable[[], Any]) -> None:
    with opened() as session:
        meter = CostMeter(session)
        session.start_execution("Logged", {})
        session.run_until_idle()
        bill = meter.bill(read_prices("us-east-1"))
    rows = render_bill(bill, 1000).splitlines()
    assert rows[0].split("  ")[-1] == "1,000 runs"
    assert rows[1].split() == [
        *("Step", "Functions:", "state", "transitions", "1"),
        *("$0.025", "per", "1,000", "$0.000025", "$0.03"),
    ]
    assert rows[-1].startswith("total")
    assert bill_line(bill).endswith("a million (us-east-1, prices of 2026-11-01)")
