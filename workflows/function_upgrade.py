"""The steps of an upgrade that are Lambda's: what is live and what is latest, a version, the
alias's weights, the new version's errors.

The alias changes only while it has the revision that was read last, so that nobody else's change is
overwritten. https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.jsonata import jsonata
from workflows.retry_policy import (
    CLOUDWATCH_SDK_FAULTS,
    LAMBDA_SDK_FAULTS,
    TIME_OUTS,
    RetryClass,
    retry,
)
from workflows.upgrade_target import Targets

TIME_OUT = sfn.Timeout.duration(cdk.Duration.seconds(30))
CHANGED_MEANWHILE = "Lambda.PreconditionFailedException"
NOT_FOUND = "Lambda.ResourceNotFoundException"

# What a version is, but for its number, its times and its description.
CONFIGURATION = (
    "CodeSha256",
    "Environment",
    "Handler",
    "Runtime",
    "MemorySize",
    "Timeout",
    "Layers",
    "Role",
    "Architectures",
    "EphemeralStorage",
    "VpcConfig",
    "FileSystemConfigs",
    "ImageConfigResponse",
    "TracingConfig",
    "DeadLetterConfig",
    "KmsKeyArn",
)
FUNCTION = jsonata("$target.function")
ALIAS = jsonata("$target.alias")


@dataclass(frozen=True, slots=True)
class FunctionUpgrade:
    """Tasks on `$target`; they assign `alias`, as {version, weights, revision}, `latest` and
    `live`, as configurations."""

    scope: Construct
    targets: Targets

    def read_alias(self, state: str) -> tasks.CallAwsService:
        return self.call(
            state,
            "getAlias",
            "lambda:GetAlias",
            {"FunctionName": FUNCTION, "Name": ALIAS},
            resources=self.targets.function_arns,
            assign={"alias": seen_alias("$states.result")},
        )

    def read_latest(self, state: str) -> tasks.CallAwsService:
        return self.call(
            state,
            "getFunctionConfiguration",
            "lambda:GetFunctionConfiguration",
            {"FunctionName": FUNCTION},
            resources=self.targets.function_arns,
            assign={"latest": jsonata("$states.result")},
        )

    def read_live(self, state: str) -> tasks.CallAwsService:
        """What is different about the latest is `changes`."""
        return self.call(
            state,
            "getFunctionConfiguration",
            "lambda:GetFunctionConfiguration",
            {"FunctionName": FUNCTION, "Qualifier": ALIAS},
            resources=self.targets.alias_arns,
            assign={
                "changes": differences(list(CONFIGURATION), "$latest", "$states.result"),
                "liveVersion": jsonata("$alias.version"),
            },
        )

    def publish(self, state: str) -> tasks.CallAwsService:
        """What was compared, and nothing newer: a retry publishes nothing twice."""
        return self.call(
            state,
            "publishVersion",
            "lambda:PublishVersion",
            {"FunctionName": FUNCTION, "RevisionId": jsonata("$latest.RevisionId")},
            resources=self.targets.function_arns,
            assign={"newVersion": jsonata("$states.result.Version")},
        )

    def shift(self, state: str) -> tasks.CallAwsService:
        """To `$wanted` {version, weights}; CHANGED_MEANWHILE where somebody else was faster, or
        where an answer was lost."""
        return self.call(
            state,
            "updateAlias",
            "lambda:UpdateAlias",
            {
                "FunctionName": FUNCTION,
                "Name": ALIAS,
                "FunctionVersion": jsonata("$wanted.version"),
                "RoutingConfig": {"AdditionalVersionWeights": jsonata("$wanted.weights")},
                "RevisionId": jsonata("$alias.revision"),
            },
            resources=self.targets.function_arns,
            assign={"alias": seen_alias("$states.result")},
        )

    def count_errors(self, state: str) -> tasks.CallAwsService:
        """Of both versions since `$since`: assigns `counted` {newCalls, newErrors, liveCalls,
        liveErrors}. https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
        queries = {
            f"{which}{name}": _metric(metric, f"${which}Version")
            for which in ("new", "live")
            for name, metric in (("Calls", "Invocations"), ("Errors", "Errors"))
        }
        task = tasks.CallAwsService.jsonata(
            self.scope,
            state,
            service="cloudwatch",
            action="getMetricData",
            iam_action="cloudwatch:GetMetricData",
            iam_resources=["*"],
            parameters={
                "StartTime": jsonata("$since"),
                "EndTime": jsonata("$now()"),
                "MetricDataQueries": [{"Id": name, **query} for name, query in queries.items()],
            },
            task_timeout=TIME_OUT,
            assign={
                "counted": jsonata(
                    f"""(
                    $results := $states.result.MetricDataResults;
                    $merge({list(queries)}.(
                        $id := $;
                        {{$id: $sum([0, $results[Id = $id].Values])}}
                    ))
                    )"""
                )
            },
        )
        retry(task, CLOUDWATCH_SDK_FAULTS, TIME_OUTS)
        return task

    def call(
        self,
        state: str,
        action: str,
        iam_action: str,
        parameters: Mapping[str, Any],
        *,
        resources: Sequence[str],
        assign: Mapping[str, Any],
        retries: tuple[RetryClass, ...] = (),
    ) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self.scope,
            state,
            service="lambda",
            action=action,
            iam_action=iam_action,
            iam_resources=list(resources),
            parameters=parameters,
            task_timeout=TIME_OUT,
            assign=assign,
        )
        retry(task, LAMBDA_SDK_FAULTS, TIME_OUTS, *retries)
        return task


def seen_alias(result: str) -> str:
    return jsonata(
        f"""(
        $weights := {result}.RoutingConfig.AdditionalVersionWeights;
        {{
            'version': {result}.FunctionVersion,
            'weights': $exists($weights) ? $weights : {{}},
            'revision': {result}.RevisionId
        }}
        )"""
    )


def differences(names: list[str], one: str, other: str) -> str:
    """Which of the members are not the same, as a list."""
    return jsonata(
        f"""[{names}[
        $string([$lookup({one}, $)]) != $string([$lookup({other}, $)])
        ]]"""
    )


def _metric(metric: str, version: str) -> dict[str, Any]:
    dimensions = {
        "FunctionName": FUNCTION,
        "Resource": jsonata("$target.function & ':' & $target.alias"),
        "ExecutedVersion": jsonata(version),
    }
    return {
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": at} for name, at in dimensions.items()],
            },
            "Period": 60,
            "Stat": "Sum",
        }
    }
