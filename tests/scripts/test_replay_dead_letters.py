"""The replay script: one letter, one new execution, whatever goes wrong on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from moto import mock_aws

from scripts.replay_dead_letters import Clients, Options, main, replay_dead_letters

STATES = "arn:aws:states:eu-west-1:123456789012"
MACHINE = f"{STATES}:stateMachine:Order"
ORDER = {"orderId": "o-1", "note": "Grüße", "lines": []}


@dataclass(frozen=True)
class Account:
    """An account with one failed workflow's queue, archive and bucket."""

    clients: Clients
    queue_url: str

    def fail(self, name: str = "o-1", archived: bool = True, **changes: Any) -> str:
        """Sends the letter of a failed execution; its ARN."""
        letter = {
            "schemaVersion": 1,
            "executionArn": f"{STATES}:execution:Order:{name}",
            "executionName": name,
            "stateMachineArn": MACHINE,
            "redriveCount": 0,
            "input": ORDER,
            **changes,
        }
        arn = str(letter["executionArn"])
        if archived:
            self.clients.dynamodb.put_item(
                TableName="letters",
                Item={
                    "executionArn": {"S": arn},
                    "redriveCount": {"N": str(letter["redriveCount"])},
                    "status": {"S": "SENT"},
                },
            )
        self.send(json.dumps({name: value for name, value in letter.items() if value is not None}))
        return arn

    def send(self, body: str) -> None:
        self.clients.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def waiting(self) -> int:
        """How many messages someone could receive now."""
        answer = self.clients.sqs.get_queue_attributes(
            QueueUrl=self.queue_url, AttributeNames=["All"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def executions(self) -> dict[str, Any]:
        """The input of each execution, by name."""
        states = self.clients.step_functions
        found = states.list_executions(stateMachineArn=MACHINE)["executions"]
        return {
            one["name"]: json.loads(
                states.describe_execution(executionArn=one["executionArn"])["input"]
            )
            for one in found
        }

    def status(self, arn: str) -> str:
        item = self.clients.dynamodb.get_item(
            TableName="letters", Key={"executionArn": {"S": arn}, "redriveCount": {"N": "0"}}
        )["Item"]
        return item["status"]["S"]


@pytest.fixture(scope="session")
def clients() -> Clients:
    """Once for all tests: they take longer to make than a test takes."""
    session = boto3.Session("testing", "testing", region_name="eu-west-1")
    return Clients(
        session.client("sqs"),
        session.client("dynamodb"),
        session.client("s3"),
        session.client("stepfunctions"),
    )


@pytest.fixture
def account(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        clients.dynamodb.create_table(
            TableName="letters",
            KeySchema=[
                {"AttributeName": "executionArn", "KeyType": "HASH"},
                {"AttributeName": "redriveCount", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "executionArn", "AttributeType": "S"},
                {"AttributeName": "redriveCount", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        clients.s3.create_bucket(
            Bucket="inputs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        clients.step_functions.create_state_machine(
            name="Order",
            definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
            roleArn="arn:aws:iam::123456789012:role/order",
        )
        yield Account(clients, clients.sqs.create_queue(QueueName="letters")["QueueUrl"])


@pytest.fixture
def replay(account: Account) -> Callable[..., tuple[int, list[str]]]:
    """Runs a replay: how many letters are left, and what it told."""

    def run(**changes: Any) -> tuple[int, list[str]]:
        told: list[str] = []
        options = Options(account.queue_url, "letters", wait_s=0, **changes)
        return replay_dead_letters(account.clients, options, told.append), told

    return run


def test_a_letter_becomes_a_new_execution_with_the_same_input(
    account: Account, replay: Callable[..., Any]
) -> None:
    arn = account.fail("o-1")
    assert replay() == (
        0,
        [
            f"replayed          o-1 -> {STATES}:execution:Order:o-1-replay-1",
            "1 replayed, 0 left in the queue",
        ],
    )
    assert account.executions() == {"o-1-replay-1": ORDER}
    assert account.status(arn) == "REPLAYED"
    assert account.waiting() == 0


def test_the_archive_names_the_replay(account: Account, replay: Callable[..., Any]) -> None:
    account.fail("o-1")
    replay()
    [item] = account.clients.dynamodb.scan(TableName="letters")["Items"]
    assert item["replayedAs"] == {"S": f"{STATES}:execution:Order:o-1-replay-1"}
    assert item["replayedAt"]["S"].endswith("+00:00")


def test_the_letter_of_a_replay_is_replayed_as_the_next_one(
    account: Account, replay: Callable[..., Any]
) -> None:
    account.fail("o-1-replay-1")
    replay()
    assert account.executions() == {"o-1-replay-2": ORDER}


def test_all_letters_of_a_queue_are_replayed(account: Account, replay: Callable[..., Any]) -> None:
    for number in range(23):
        account.fail(f"o-{number}")
    assert replay()[0] == 0
    assert len(account.executions()) == 23
    assert account.waiting() == 0


def test_at_most_so_many_are_replayed(account: Account, replay: Callable[..., Any]) -> None:
    for number in range(13):
        account.fail(f"o-{number}")
    _, told = replay(max_letters=12)
    assert told[-1] == "12 replayed, 0 left in the queue"
    assert account.waiting() == 1


def test_a_dry_run_changes_nothing(account: Account, replay: Callable[..., Any]) -> None:
    arn = account.fail("o-1")
    assert replay(dry_run=True) == (
        0,
        ["would replay      o-1 -> o-1-replay-1", "1 could be replayed, 0 left in the queue"],
    )
    assert account.executions() == {}
    assert account.status(arn) == "SENT"
    assert account.waiting() == 1


def test_a_large_input_is_fetched_from_its_bucket(
    account: Account, replay: Callable[..., Any]
) -> None:
    account.clients.s3.put_object(
        Bucket="inputs", Key="Order/o-1.json", Body=json.dumps(ORDER).encode()
    )
    account.fail("o-1", input=None, inputLocation={"bucket": "inputs", "key": "Order/o-1.json"})
    replay()
    assert account.executions() == {"o-1-replay-1": ORDER}


def test_an_input_that_the_letter_could_not_carry_is_read_from_the_execution(
    account: Account, replay: Callable[..., Any]
) -> None:
    arn = account.clients.step_functions.start_execution(
        stateMachineArn=MACHINE, name="o-1", input=json.dumps(ORDER)
    )["executionArn"]
    account.fail("o-1", input=None, inputLocation={"executionArn": arn})
    replay()
    assert account.executions() == {"o-1": ORDER, "o-1-replay-1": ORDER}


@pytest.mark.parametrize(
    ("crash", "told_then"),
    [
        (("step_functions", "start_execution"), "replayed          o-1 -> "),
        (("dynamodb", "update_item"), "already replayed  o-1 -> "),
        (("sqs", "delete_message"), "0 replayed, 0 left in the queue"),
    ],
    ids=lambda crash: crash[1] if isinstance(crash, tuple) else "",
)
@pytest.mark.parametrize("ended", [False, True], ids=["still running", "ended"])
def test_after_a_lost_answer_the_next_run_starts_no_second_execution(
    crash: tuple[str, str],
    told_then: str,
    ended: bool,
    account: Account,
    replay: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arn = account.fail("o-1")
    client = getattr(account.clients, crash[0])
    call = getattr(client, crash[1])

    def lose(**arguments: Any) -> Any:
        call(**arguments)
        raise ReadTimeoutError(endpoint_url=crash[0])

    with monkeypatch.context() as patch:
        patch.setattr(client, crash[1], lose)
        left, told = replay()
    assert left == 1
    assert told[-2].startswith("left in the queue ")
    if ended:
        account.clients.step_functions.stop_execution(
            executionArn=f"{STATES}:execution:Order:o-1-replay-1"
        )
    left, told = replay()
    assert left == 0
    assert told[0].startswith(told_then)
    assert account.executions() == {"o-1-replay-1": ORDER}
    assert account.status(arn) == "REPLAYED"
    assert account.waiting() == 0


def test_a_name_that_ran_with_another_input_is_no_replay(
    account: Account, replay: Callable[..., Any]
) -> None:
    arn = account.fail("o-1")
    account.clients.step_functions.start_execution(
        stateMachineArn=MACHINE, name="o-1-replay-1", input='{"orderId": "o-2"}'
    )
    left, told = replay()
    assert (left, account.status(arn), account.waiting()) == (1, "SENT", 1)
    assert told[0].endswith(": o-1-replay-1 has run before, with another input")


def test_a_malformed_letter_stays_and_does_not_stop_the_others(
    account: Account, replay: Callable[..., Any]
) -> None:
    account.fail("o-1")
    account.send("not JSON")
    account.fail("o-2")
    left, told = replay()
    assert (left, account.waiting()) == (1, 1)
    assert sorted(account.executions()) == ["o-1-replay-1", "o-2-replay-1"]
    assert any("it is no JSON" in line for line in told)
    assert told[-1] == "2 replayed, 1 left in the queue"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"archived": False}, "the table letters has no letter of arn:aws:states:"),
        ({"stateMachineArn": f"{MACHINE}Gone"}, "StateMachineDoesNotExist"),
        ({"input": None, "inputLocation": {"bucket": "inputs", "key": "none"}}, "NoSuchKey"),
        ({"input": None, "inputLocation": {"bucket": "inputs", "key": "cut"}}, "is no JSON"),
        ({"input": None, "inputLocation": {"url": "x"}}, "its inputLocation is unknown"),
        (
            {"input": None, "inputLocation": {"executionArn": f"{STATES}:execution:Order:none"}},
            "ExecutionDoesNotExist",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_letter_that_cannot_be_replayed_stays_in_the_queue(
    changes: dict[str, Any], reason: str, account: Account, replay: Callable[..., Any]
) -> None:
    account.clients.s3.put_object(Bucket="inputs", Key="cut", Body=b'{"orderId')
    account.fail("o-1", **changes)
    left, told = replay()
    assert (left, account.executions(), account.waiting()) == (1, {}, 1)
    assert reason in told[0]


@pytest.mark.parametrize(("bodies", "exit_code"), [([], 0), (["not JSON"], 1)])
def test_the_exit_code_says_whether_letters_are_left(
    bodies: list[str], exit_code: int, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.fail("o-1")
    for body in bodies:
        account.send(body)
    arguments = ["--queue-url", account.queue_url, "--table", "letters", "--wait-s", "0"]
    assert main(arguments) == exit_code
    assert f"1 replayed, {len(bodies)} left in the queue" in capsys.readouterr().out


def test_a_queue_that_cannot_be_read_is_an_error(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--queue-url", f"{account.queue_url}-gone", "--table", "letters"]) == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--queue-url", "url"],
        ["--queue-url", "url", "--table", "letters", "--max", "0"],
        ["--queue-url", "url", "--table", "letters", "--max", "many"],
    ],
)
def test_wrong_arguments_are_an_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert "usage: " in capsys.readouterr().err
