"""The release build's stack: who may do what, who may call, and which stage has it."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_apigatewayv2 as apigateway

from lambdas.environment import Environment
from lambdas.release.logic.deliveries import CLOCKS_DIFFER_S, KEPT_S, NEW_FOR_S
from sfnlocal.template import App
from stacks.completion_queue import RECEIVES_MAX, TIMEOUT_SECONDS
from stacks.http_front import HttpFront
from stacks.release_settings import ReleaseSettings
from stacks.release_stack import ReleaseStack
from stacks.stage import Stage, StageError
from tests.conftest import app_context
from tests.stacks.conftest import Templates
from tests.stacks.test_grants import WITHOUT_RESOURCES, grants
from workflows.function import FRONT_PACKAGE, ThinFunction
from workflows.release_build import (
    BUILD_POLICY,
    MACHINE_TIME_OUT,
)

STACK = "Releases"
STAGING_OFF = {"aws:cdk:disable-asset-staging": True}
PROD = {"stage": "prod", "paymentProviderFunction": "payments-live-charge"}
HOST = "https://api.github.com"
TOKEN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:host-token-AbCdEf"


def granted(app: App, role: str) -> set[tuple[str, str]]:
    names = {r.arn: r.path.removesuffix("/Resource").split("/")[1] for r in app.resources if r.arn}
    return {
        (action, names.get(resource.rstrip(":/*"), resource))
        for path, action, resource in grants(app)
        if path.startswith(f"{STACK}/{role}/")
        and action not in WITHOUT_RESOURCES
        and not action.startswith("logs:")
    }


CONSUMES = (
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueUrl",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (
            "AcceptRelease",
            {
                ("secretsmanager:GetSecretValue", "WebhookSecret"),
                ("dynamodb:PutItem", "ReleaseDeliveries"),
                ("dynamodb:UpdateItem", "ReleaseDeliveries"),
                ("sqs:SendMessage", "ReleaseBufferQueue"),
            },
        ),
        (
            "Completion",
            {
                *((action, "CompletionQueue") for action in CONSUMES),
                ("sqs:SendMessage", "CompletionQueueDeadLetters"),
                ("dynamodb:UpdateItem", "WaitingTasks"),
                ("states:SendTaskSuccess", "ReleaseBuild"),
                ("states:SendTaskFailure", "ReleaseBuild"),
                ("states:SendTaskHeartbeat", "ReleaseBuild"),
            },
        ),
        (
            "RecordStatus",
            {("dynamodb:GetItem", "CommitStatuses"), ("dynamodb:PutItem", "CommitStatuses")},
        ),
        (
            "Builder",
            {
                *((action, "BuilderQueue") for action in CONSUMES),
                ("sqs:SendMessage", "CompletionQueue"),
            },
        ),
        (
            "ReleaseBuild",
            {
                ("lambda:InvokeFunction", "RecordStatus"),
                ("sqs:SendMessage", "BuilderQueue"),
                ("dynamodb:PutItem", "WaitingTasks"),
                ("dynamodb:DeleteItem", "WaitingTasks"),
                ("sqs:SendMessage", "ReleaseDeadLetters"),
                ("dynamodb:PutItem", "ReleaseLetters"),
                ("dynamodb:UpdateItem", "ReleaseLetters"),
                ("s3:PutObject", "ReleaseDeadLetterInputs"),
            },
        ),
    ],
)
def test_a_role_may_do_what_its_work_takes(
    deployed: App, role: str, expected: set[tuple[str, str]]
) -> None:
    assert granted(deployed, role) == expected


def test_the_one_route_is_public_and_throttled(deployed: App) -> None:
    routes = [
        dict(one.properties)
        for one in deployed.of_type("AWS::ApiGatewayV2::Route")
        if one.path.startswith(f"{STACK}/")
    ]
    assert [one["RouteKey"] for one in routes] == ["POST /webhooks/releases"]
    assert routes[0]["AuthorizationType"] == "NONE"
    [stage] = [
        one.properties
        for one in deployed.of_type("AWS::ApiGatewayV2::Stage")
        if one.path.startswith(f"{STACK}/")
    ]
    limits = stage["RouteSettings"]["POST /webhooks/releases"]
    assert limits == {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 20}


def test_a_front_without_an_issuer_has_public_routes_only() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    front = HttpFront(stack, "Api", issuer=None, removal_policy=cdk.RemovalPolicy.DESTROY)
    function = ThinFunction(
        stack,
        "Function",
        handler="lambdas.front.start_execution.handler",
        environment=Environment(),
        package=FRONT_PACKAGE,
        timeout_seconds=1,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    with pytest.raises(ValueError, match="without an issuer"):
        front.route(apigateway.HttpMethod.GET, "/anything", function)


def test_a_delivery_is_remembered_longer_than_it_is_believed() -> None:
    assert KEPT_S > NEW_FOR_S + CLOCKS_DIFFER_S


def test_a_completion_that_fails_once_comes_again_before_the_heartbeat_is_over() -> None:
    assert BUILD_POLICY.response_timeout_seconds >= 2 * 6 * TIMEOUT_SECONDS
    assert RECEIVES_MAX * 6 * TIMEOUT_SECONDS >= 300


def test_the_machine_outlasts_all_attempts_of_a_build() -> None:
    pauses = sum(
        min(BUILD_POLICY.retry_delay_seconds * 2**n, BUILD_POLICY.max_retry_delay_seconds)
        for n in range(BUILD_POLICY.retry_count)
    )
    attempts = BUILD_POLICY.retry_count + 1
    assert MACHINE_TIME_OUT.to_seconds() > attempts * BUILD_POLICY.timeout_seconds + pauses + 1_800


def test_a_stage_that_names_no_host_has_no_release_build(production: Templates) -> None:
    assert "orders-prod" in production
    assert "releases-prod" not in production


def test_a_stage_that_names_its_host_calls_it_and_has_no_builder(tmp_path: Path) -> None:
    context = {**PROD, "sourceHost": HOST, "sourceHostToken": TOKEN}
    app = cdk.App(outdir=str(tmp_path), context=app_context(**STAGING_OFF, **context))
    stage = Stage.from_context(app.node)
    settings = ReleaseSettings.from_context(app.node, stage)
    ReleaseStack(app, STACK, stage=stage, settings=settings)
    template = app.synth().get_stack_by_name(STACK).template
    functions = {
        one["Properties"]["Handler"]: one["Properties"]["Environment"]["Variables"]
        for one in template["Resources"].values()
        if one["Type"] == "AWS::Lambda::Function"
    }
    assert functions["lambdas.release.report_status.handler"] == {
        "SOURCE_HOST": HOST,
        "SOURCE_HOST_TOKEN": TOKEN,
    }
    assert not [name for name in functions if "record_status" in name or "sandbox" in name]
    assert "CommitStatuses" not in str(template)
    reads = [
        statement["Resource"]
        for one in template["Resources"].values()
        if one["Type"] == "AWS::IAM::Policy"
        for statement in one["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "secretsmanager:GetSecretValue"
    ]
    assert TOKEN in reads


@pytest.mark.parametrize(
    "context",
    [
        {"sourceHost": HOST},
        {"sourceHostToken": TOKEN},
        {"sourceHost": "http://host.example", "sourceHostToken": TOKEN},
        {"sourceHost": HOST, "sourceHostToken": "host-token"},
    ],
)
def test_host_and_token_go_together(context: dict[str, str]) -> None:
    node = cdk.App(context={**PROD, **context}).node
    with pytest.raises(StageError, match="sourceHost"):
        ReleaseSettings.from_context(node, Stage.from_context(node))


def test_in_dev_the_host_is_the_sandboxs() -> None:
    node = cdk.App(context={"sourceHost": HOST, "sourceHostToken": TOKEN}).node
    assert ReleaseSettings.from_context(node, Stage.from_context(node)) is None
