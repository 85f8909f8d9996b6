"""The thin Lambda function: everything that is the same for each of them, once.

arm64 and a pinned Python, the public Powertools layer in the version of the lock file, a typed
environment, active tracing, a log group that forgets, and a role of its own that may write to
that log group, trace, and whatever else the stack grants. No custom resource comes with it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from lambdas.environment import Environment, TableName
from workflows.durations import seconds
from workflows.findings import acknowledge_wildcard

PROJECT = Path(__file__).resolve().parent.parent
LAYER_PARAMETER = (
    f"/aws/service/powertools/python/arm64/python3.14/{version('aws-lambda-powertools')}"
)
LIVE = "live"

LAMBDA = iam.ServicePrincipal("lambda.amazonaws.com")
RUNTIME = lambda_.Runtime.PYTHON_3_14
ARCHITECTURE = lambda_.Architecture.ARM_64


@dataclass(frozen=True, slots=True)
class Package:
    """What is deployed with a function: the files of `lambdas` that these patterns keep.

    The asset's root is the project, so that modules have the same names there as here.
    """

    keep: tuple[str, ...]


FRONT = "!/lambdas/front/"
FRONT_PACKAGE = Package((FRONT,))
ORDER_PACKAGE = Package(("!/lambdas/order/",))
ORDER_FRONT_PACKAGE = Package(("!/lambdas/order/", FRONT))
NOTIFICATION_PACKAGE = Package(("!/lambdas/notification/", FRONT))
OPERATION_PACKAGE = Package(("!/lambdas/operation/", FRONT))
DEAD_LETTERS_PACKAGE = Package(("!/lambdas/dead_letters/",))
TIMED_TASKS_PACKAGE = Package(("!/lambdas/timed_tasks/",))
INTAKE_PACKAGE = Package(("!/lambdas/intake/", FRONT))
REPORT_PACKAGE = Package(("!/lambdas/report/",))
MICRO_BATCH_PACKAGE = Package(("!/lambdas/micro_batch/",))
RELEASE_PACKAGE = Package(("!/lambdas/release/", FRONT))
COMPLETION_PACKAGE = Package(("!/lambdas/completion/",))
SANDBOX_PACKAGE = Package(
    (
        "!/lambdas/hops.py",
        "!/lambdas/sandbox/",
        "!/lambdas/order/",
        "/lambdas/order/*",
        "!/lambdas/order/__init__.py",
        "!/lambdas/order/payloads.py",
        "!/lambdas/report/",
        "/lambdas/report/*",
        "!/lambdas/report/__init__.py",
        "!/lambdas/report/payloads.py",
        "!/lambdas/micro_batch/",
        "/lambdas/micro_batch/*",
        "!/lambdas/micro_batch/__init__.py",
        "!/lambdas/micro_batch/payloads.py",
        "!/lambdas/release/",
        "/lambdas/release/*",
        "!/lambdas/release/__init__.py",
        "!/lambdas/release/payloads.py",
        "!/lambdas/completion/",
        "/lambdas/completion/*",
        "!/lambdas/completion/__init__.py",
        "!/lambdas/completion/payloads.py",
    )
)


class ThinFunction(Construct):
    """One handler, named as Lambda names it: `lambdas.order.reserve_stock.handler`. One that has an
    alias is invoked through it, `live`: a deployment changes $LATEST, and Upgrade brings that to
    the alias (docs/workflows/upgrade.md)."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: str,
        environment: Environment,
        package: Package,
        timeout_seconds: int,
        removal_policy: cdk.RemovalPolicy,
        memory_mb: int = 256,
        function_name: str | None = None,
        has_alias: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = construct_id
        self.timeout_seconds = timeout_seconds
        self.memory_mb = memory_mb
        stack = scope if isinstance(scope, cdk.Stack) else cdk.Stack.of(scope)
        log_group = logs.LogGroup(
            self,
            "Logs",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=removal_policy,
        )
        role = iam.Role(self, "Role", assumed_by=LAMBDA)
        log_group.grant_write(role)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=_code(stack, package),
            handler=handler,
            environment=environment.to_variables(),
            layers=[_powertools(stack)],
            role=role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            memory_size=memory_mb,
            timeout=seconds(timeout_seconds),
            tracing=lambda_.Tracing.ACTIVE,
        )
        acknowledge_wildcard(role, "*", "X-Ray's segments and telemetry know no resources.")
        self.live = self._live() if has_alias else None

    @functools.cached_property
    def arn(self) -> str:
        return self.function.function_arn

    @functools.cached_property
    def aws_name(self) -> str:
        """Known once it is deployed, where nobody gave it one."""
        return self.function.function_name

    @property
    def invoked(self) -> lambda_.IFunction:
        """What callers invoke."""
        return self.live or self.function

    def _live(self) -> lambda_.Alias:
        """Both resources look the same in every template, so CloudFormation makes them once and
        leaves them alone: from then on only Upgrade and Heal move the alias.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-direct.html
        """
        first = lambda_.Version(self, "FirstVersion", lambda_=self.function)
        return lambda_.Alias(self, "Live", alias_name=LIVE, version=first)


@functools.cache
def _code(stack: cdk.Stack, package: Package) -> lambda_.Code:
    """Functions of a stack share it; the CDK does not let those of two."""
    return lambda_.Code.from_asset(
        str(PROJECT),
        ignore_mode=cdk.IgnoreMode.GIT,
        exclude=[
            "/*",
            "!/lambdas/",
            "/lambdas/*",
            "!/lambdas/__init__.py",
            "!/lambdas/environment.py",
            "!/lambdas/injected_fault.py",
            "!/lambdas/message_batch.py",
            *package.keep,
            "__pycache__/",
        ],
    )


@functools.cache
def _powertools(stack: cdk.Stack) -> lambda_.ILayerVersion:
    return lambda_.LayerVersion.from_layer_version_arn(
        stack,
        "Powertools",
        ssm.StringParameter.value_for_string_parameter(stack, LAYER_PARAMETER),
    )


def table_name(table: dynamodb.ITable) -> TableName:
    """The value of a variable that names a table: of nothing but a table."""
    return TableName(table.table_name)
