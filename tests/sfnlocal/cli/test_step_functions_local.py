"""The options and variables of Step Functions Local, read."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sfnlocal.cli import main
from sfnlocal.cli.step_functions_local import StepFunctionsLocal, add_options, read_options
from sfnlocal.errors import InputError

CONFIG = Path(__file__).parents[1] / "driver" / "MockConfigFile.json"
APP = CONFIG.with_name("mocked_app.yaml")
URL = "http://localhost:4000"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(
    options: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> StepFunctionsLocal:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8083)
    parser.add_argument("--virtual-time", action="store_true")
    add_options(parser)
    return read_options(parser.parse_args(options), variables or {})


def test_nothing_given_is_what_serve_does_anyway() -> None:
    assert read() == StepFunctionsLocal("123456789012", "us-east-1", 1.0, None, {})


# The table of https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local.html, and EventBridge.
ENDPOINTS = [
    ("lambda", "-lambdaEndpoint", "--lambda-endpoint", "LAMBDA_ENDPOINT"),
    ("batch", "-batchEndpoint", "--batch-endpoint", "BATCH_ENDPOINT"),
    ("dynamodb", "-dynamoDBEndpoint", "--dynamodb-endpoint", "DYNAMODB_ENDPOINT"),
    ("ecs", "-ecsEndpoint", "--ecs-endpoint", "ECS_ENDPOINT"),
    ("events", "-eventsEndpoint", "--events-endpoint", "EVENTS_ENDPOINT"),
    ("glue", "-glueEndpoint", "--glue-endpoint", "GLUE_ENDPOINT"),
    ("sagemaker", "-sageMakerEndpoint", "--sagemaker-endpoint", "SAGE_MAKER_ENDPOINT"),
    ("sqs", "-sqsEndpoint", "--sqs-endpoint", "SQS_ENDPOINT"),
    ("sns", "-snsEndpoint", "--sns-endpoint", "SNS_ENDPOINT"),
    (
        "stepfunctions",
        "-stepFunctionsEndpoint",
        "--step-functions-endpoint",
        "STEP_FUNCTIONS_ENDPOINT",
    ),
]


@pytest.mark.parametrize(("client", "flag", "long_flag", "variable"), ENDPOINTS)
def test_an_endpoint_is_given_in_three_ways(
    client: str, flag: str, long_flag: str, variable: str
) -> None:
    for given in (read([flag, URL]), read([long_flag, URL]), read([], {variable: URL})):
        assert given.endpoints == {client: URL}
    assert read([flag, URL], {variable: "http://other:1"}).endpoints == {client: URL}
    assert read([], {variable: ""}).endpoints == {}


def test_account_region_and_scale() -> None:
    options = ["-account", "111122223333", "-region", "eu-west-1", "-waitTimeScale", "0.5"]
    assert read(options) == StepFunctionsLocal("111122223333", "eu-west-1", 0.5)
    variables = {
        "AWS_ACCOUNT_ID": "111122223333",
        "AWS_DEFAULT_REGION": "us-gov-west-1",
        "WAIT_TIME_SCALE": "0",
    }
    assert read([], variables) == StepFunctionsLocal("111122223333", "us-gov-west-1", 0)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0.0.0.0"])
def test_the_endpoint_of_the_server_itself_is_nobody_else(host: str) -> None:
    assert read(["-stepFunctionsEndpoint", f"http://{host}:8083"]).endpoints == {}
    other = f"http://{host}:8084"
    assert read(["-stepFunctionsEndpoint", other]).endpoints == {"stepfunctions": other}


def test_a_mock_configuration_is_found_by_option_variable_or_in_the_folder(
    empty_folder: Path,
) -> None:
    for given in (
        read(["--mock-config", str(CONFIG)]),
        read([], {"SFN_MOCK_CONFIG": str(CONFIG)}),
    ):
        assert given.mock_config is not None
        assert given.mock_config.source == str(CONFIG)
    (empty_folder / "MockConfigFile.json").write_text("{}")
    found = read().mock_config
    assert found is not None
    assert (found.source, dict(found.test_cases)) == ("MockConfigFile.json", {})


@pytest.mark.parametrize(
    ("options", "variables", "message"),
    [
        (["-account", "1234"], {}, "--aws-account: '1234' is no account id"),
        ([], {"AWS_ACCOUNT_ID": "me"}, "AWS_ACCOUNT_ID: 'me' is no account id"),
        (["-region", "Paris"], {}, "--aws-region: 'Paris' is no region"),
        ([], {"WAIT_TIME_SCALE": "-1"}, "WAIT_TIME_SCALE: '-1' is no factor"),
        ([], {"WAIT_TIME_SCALE": "nan"}, "WAIT_TIME_SCALE: 'nan' is no factor"),
        ([], {"WAIT_TIME_SCALE": "inf"}, "WAIT_TIME_SCALE: 'inf' is no factor"),
        (["--wait-time-scale", "half"], {}, "--wait-time-scale: 'half' is no factor"),
        ([], {"SQS_ENDPOINT": "localhost:4000"}, "SQS_ENDPOINT: 'localhost:4000' is no URL"),
        (["-snsEndpoint", "http://"], {}, "--sns-endpoint: 'http://' is no URL"),
        (["-snsEndpoint", "http://[::1"], {}, "--sns-endpoint: 'http://[::1' is no URL"),
        ([], {"SFN_MOCK_CONFIG": "none.json"}, "none.json: the mock configuration cannot be read"),
        (
            ["--virtual-time"],
            {"GLUE_ENDPOINT": URL},
            "GLUE_ENDPOINT: a service that somebody else runs knows no virtual time",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name(
    options: list[str], variables: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError) as refused:
        read(options, variables)
    assert str(refused.value).startswith(message)


def test_run_takes_a_test_case(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "courier", "--app", str(APP)]
    assert main([*command, "--mock-config", str(CONFIG), "--test-case", "ScalesAreSlow"]) == 0
    out, _ = capsys.readouterr()
    assert 'output  ["thank you"]' in out
    assert main([*command, "--test-case", "ScalesAreSlow"]) == 2
    _, err = capsys.readouterr()
    assert err.startswith("sfnlocal: --test-case: a test case of which file?")
    assert main([*command, "--mock-config", str(CONFIG), "--test-case", "Typo"]) == 2
    _, err = capsys.readouterr()
    assert "no test case 'Typo'" in err
