"""The steps of an upgrade or a heal that are Lambda's: what is live and what is latest, a version,
the alias's weights.

The alias changes only while it has the revision that was read last, so that nobody else's change is
overwritten. https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.durations import timeout
from workflows.jsonata import is_true, jsonata
from workflows.live_alias import NO_TARGET, AliasSteps, no_alias, same_alias
from workflows.retry_policy import LAMBDA_SDK_FAULTS, TIME_OUTS, RetryClass, retry
from workflows.upgrade_target import Targets

TIME_OUT = timeout(30)
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

    def know_alias(self, state: str, *, refused: sfn.IChainable) -> AliasSteps:
        """The alias is read; where there is none, `refused` follows with `$problem`, which says
        what there is."""
        read = self.read_alias(state)
        listed = self.call(
            f"{state}es",
            "listAliases",
            "lambda:ListAliases",
            {"FunctionName": FUNCTION},
            resources=self.targets.function_arns,
            assign={"problem": no_alias("$states.result.Aliases.Name")},
        )
        read.add_catch(listed, errors=[NOT_FOUND])
        listed.add_catch(refused, errors=[NOT_FOUND], assign={"problem": NO_TARGET})
        listed.next(refused)
        return AliasSteps(read, (read, listed))

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
                "changes": jsonata(differences("$latest", "$states.result")),
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

    def move(self, *, moved: sfn.State, abandoned: sfn.State) -> AliasSteps:
        """To `$wanted` {version, weights}. The alias is looked at where it has another revision by
        then: the answer was lost, or somebody else was faster and is left alone."""
        shift = self._shift("Shift")
        see_alias = self.read_alias("SeeAlias")
        is_alias_ours = sfn.Choice.jsonata(self.scope, "IsAliasOurs")
        shift.add_catch(see_alias, errors=[CHANGED_MEANWHILE])
        shift.next(moved)
        see_alias.next(
            is_alias_ours.when(is_true(same_alias("$wanted")), moved).otherwise(abandoned)
        )
        return AliasSteps(shift, (shift, see_alias))

    def _shift(self, state: str) -> tasks.CallAwsService:
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


def differences(one: str, other: str) -> str:
    """Which members of two configurations are not the same: an expression of a list."""
    return f"""[{list(CONFIGURATION)}[
        $string([$lookup({one}, $)]) != $string([$lookup({other}, $)])
        ]]"""
