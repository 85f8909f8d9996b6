"""The options and environment variables of AWS's Step Functions Local, for `sfnlocal serve`.

An option wins over its variable; an empty variable is none, as Docker passes it.
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local.html
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from sfnlocal.errors import InputError

if TYPE_CHECKING:
    from sfnlocal.driver.mock_config import MockConfig

# Read from the current folder where nothing names another file.
_MOCK_CONFIG_DEFAULT = "MockConfigFile.json"
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
_STEP_FUNCTIONS = "stepfunctions"


class _Setting(NamedTuple):
    """`client` is the boto3 client that an endpoint is for."""

    flags: tuple[str, ...]
    variable: str
    metavar: str
    about: str
    client: str = ""


def _endpoint(client: str, flag: str, long_flag: str, variable: str, service: str) -> _Setting:
    about = f"where {service} is called"
    return _Setting((f"-{flag}", f"--{long_flag}"), variable, "URL", about, client)


_ACCOUNT = _Setting(
    ("-account", "--aws-account"), "AWS_ACCOUNT_ID", "ID", "the account of ARNs: 12 digits"
)
_REGION = _Setting(("-region", "--aws-region"), "AWS_DEFAULT_REGION", "NAME", "the region of ARNs")
_WAIT_TIME_SCALE = _Setting(
    ("-waitTimeScale", "--wait-time-scale"),
    "WAIT_TIME_SCALE",
    "FACTOR",
    "of the time that Wait states take, such as 0.5; 0: none",
)
_MOCK_CONFIG = _Setting(
    ("--mock-config",),
    "SFN_MOCK_CONFIG",
    "FILE",
    "the mock configuration, for executions of ARN#TestCase; "
    f"default: ./{_MOCK_CONFIG_DEFAULT} where it is there",
)
_ENDPOINTS = (
    _endpoint("lambda", "lambdaEndpoint", "lambda-endpoint", "LAMBDA_ENDPOINT", "Lambda"),
    _endpoint("batch", "batchEndpoint", "batch-endpoint", "BATCH_ENDPOINT", "Batch"),
    _endpoint("dynamodb", "dynamoDBEndpoint", "dynamodb-endpoint", "DYNAMODB_ENDPOINT", "DynamoDB"),
    _endpoint("ecs", "ecsEndpoint", "ecs-endpoint", "ECS_ENDPOINT", "ECS"),
    _endpoint("events", "eventsEndpoint", "events-endpoint", "EVENTS_ENDPOINT", "EventBridge"),
    _endpoint("glue", "glueEndpoint", "glue-endpoint", "GLUE_ENDPOINT", "Glue"),
    _endpoint(
        "sagemaker", "sageMakerEndpoint", "sagemaker-endpoint", "SAGE_MAKER_ENDPOINT", "SageMaker"
    ),
    _endpoint("sqs", "sqsEndpoint", "sqs-endpoint", "SQS_ENDPOINT", "SQS"),
    _endpoint("sns", "snsEndpoint", "sns-endpoint", "SNS_ENDPOINT", "SNS"),
    _endpoint(
        _STEP_FUNCTIONS,
        "stepFunctionsEndpoint",
        "step-functions-endpoint",
        "STEP_FUNCTIONS_ENDPOINT",
        "Step Functions",
    ),
)
_SETTINGS = (_ACCOUNT, _REGION, _WAIT_TIME_SCALE, _MOCK_CONFIG, *_ENDPOINTS)


@dataclass(frozen=True, slots=True)
class StepFunctionsLocal:
    """`account` and `region` are those of stacks that name none."""

    account: str = "123456789012"
    region: str = "us-east-1"
    wait_time_scale: float = 1.0
    mock_config: MockConfig | None = None
    endpoints: Mapping[str, str] = field(default_factory=dict)


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "as AWS's Step Functions Local",
        "Each can be given as an environment variable too. A service with an endpoint is called "
        "there by Task states, in real time; the others are simulated.",
    )
    for setting in _SETTINGS:
        group.add_argument(
            *setting.flags,
            dest=setting.variable,
            metavar=setting.metavar,
            help=f"{setting.about} ({setting.variable})",
        )


def read_options(arguments: argparse.Namespace, variables: Mapping[str, str]) -> StepFunctionsLocal:
    """Raises InputError, which names the option or the variable."""
    given: dict[str, tuple[str, str]] = {}
    for setting in _SETTINGS:
        option = getattr(arguments, setting.variable)
        if option is not None:
            given[setting.variable] = (option, setting.flags[-1])
        elif variables.get(setting.variable):
            given[setting.variable] = (variables[setting.variable], setting.variable)
    environment = {
        name: check(*given[setting.variable])
        for name, setting, check in (("account", _ACCOUNT, _account), ("region", _REGION, _region))
        if setting.variable in given
    }
    endpoints = {
        setting.client: _url(*given[setting.variable])
        for setting in _ENDPOINTS
        if setting.variable in given
    }
    if _is_here(endpoints.get(_STEP_FUNCTIONS, ""), arguments.port):
        del endpoints[_STEP_FUNCTIONS]
    if endpoints and arguments.virtual_time:
        named = next(given[one.variable][1] for one in _ENDPOINTS if one.client in endpoints)
        raise InputError(
            "a service that somebody else runs knows no virtual time",
            where=named,
            hint="leave --virtual-time out; --wait-time-scale makes waits short",
        )
    scale = given.get(_WAIT_TIME_SCALE.variable)
    return StepFunctionsLocal(
        **environment,
        wait_time_scale=1.0 if scale is None else _factor(*scale),
        mock_config=_mock_config(given.get(_MOCK_CONFIG.variable)),
        endpoints=endpoints,
    )


def _account(text: str, where: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", text):
        raise InputError(f"{text!r} is no account id", where=where, hint="it has 12 digits")
    return text


def _region(text: str, where: str) -> str:
    if not re.fullmatch(r"[a-z]{2,}(-[a-z0-9]+)+", text):
        raise InputError(f"{text!r} is no region", where=where, hint="such as us-east-1")
    return text


def _factor(text: str, where: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 <= factor < math.inf:
        raise InputError(f"{text!r} is no factor", where=where, hint="0, 0.5, 2, ...")
    return factor


def _url(text: str, where: str) -> str:
    try:
        parts = urlsplit(text)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        complete = False
    if not complete:
        raise InputError(f"{text!r} is no URL", where=where, hint="such as http://localhost:3001")
    return text


def _is_here(url: str, port: int) -> bool:
    """Is it this server itself? Then there is nobody else to be called."""
    parts = urlsplit(url)
    return parts.hostname in _LOOPBACK and parts.port == port


def _mock_config(given: tuple[str, str] | None) -> MockConfig | None:
    if given is None and not Path(_MOCK_CONFIG_DEFAULT).is_file():
        return None
    from sfnlocal.driver.mock_config import load_mock_config

    return load_mock_config(Path(_MOCK_CONFIG_DEFAULT if given is None else given[0]))
