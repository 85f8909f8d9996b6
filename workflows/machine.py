"""What every state machine of this project is: Standard or Express, with a time-out, X-Ray, a
complete log, and a role of its own that only Step Functions of this account may assume. JSONata is
default. An Express machine has no history and no status events: whoever starts it is its net."""

from __future__ import annotations

import functools

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.findings import acknowledge_wildcard

ANY_EXECUTION = "Executions have no ARN before they are started."


def standard_machine(
    scope: Construct,
    construct_id: str,
    *,
    chain: sfn.IChainable,
    time_out: cdk.Duration,
    removal_policy: cdk.RemovalPolicy,
    query_language: sfn.QueryLanguage = sfn.QueryLanguage.JSONATA,
    logs_data: bool = True,
) -> Machine:
    """The state machine; its construct id is its name on the command line. Without `logs_data` its
    log has every event, but not what states were given and gave."""
    return Machine(
        scope,
        construct_id,
        kind=sfn.StateMachineType.STANDARD,
        chain=chain,
        time_out=time_out,
        removal_policy=removal_policy,
        query_language=query_language,
        logs_data=logs_data,
    )


def express_machine(
    scope: Construct,
    construct_id: str,
    *,
    chain: sfn.IChainable,
    time_out: cdk.Duration,
    removal_policy: cdk.RemovalPolicy,
    logs_data: bool = True,
) -> Machine:
    """One for short, frequent work that may be done twice; five minutes at the most."""
    return Machine(
        scope,
        construct_id,
        kind=sfn.StateMachineType.EXPRESS,
        chain=chain,
        time_out=time_out,
        removal_policy=removal_policy,
        query_language=sfn.QueryLanguage.JSONATA,
        logs_data=logs_data,
    )


class Machine(sfn.StateMachine):
    """Knows without asking Node.js what others ask of it again and again."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        kind: sfn.StateMachineType,
        chain: sfn.IChainable,
        time_out: cdk.Duration,
        removal_policy: cdk.RemovalPolicy,
        query_language: sfn.QueryLanguage,
        logs_data: bool,
    ) -> None:
        stack = self.in_stack = cdk.Stack.of(scope)
        # This prefix keeps the log group out of the account's resource policy, which has a size
        # limit.
        log_group = logs.LogGroup(
            scope,
            "Logs",
            log_group_name=f"/aws/vendedlogs/states/{stack.stack_name}-{construct_id}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=removal_policy,
        )
        role = iam.Role(scope, "Role", assumed_by=_step_functions_for(stack))
        super().__init__(
            scope,
            construct_id,
            definition_body=sfn.DefinitionBody.from_chainable(chain),
            query_language=query_language,
            state_machine_type=kind,
            timeout=time_out,
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=logs_data
            ),
            removal_policy=removal_policy,
        )
        acknowledge_wildcard(role, "*", "X-Ray and the delivery of logs know no resources.")
        self.name = construct_id
        self.is_express = kind == sfn.StateMachineType.EXPRESS
        self._log_group = log_group

    @functools.cached_property
    def arn(self) -> str:
        return self.state_machine_arn

    @functools.cached_property
    def log_group_name(self) -> str:
        return self._log_group.log_group_name

    def execution_arn(self, name: str) -> str:
        """Of an execution of this name; `*` stands for all of them."""
        return f"{self._executions}:{name}"

    def exported_execution_arn(self, name: str) -> str:
        """For another stack, by an export that has its name before the app is synthesized: what
        is said of a wildcard names it."""
        return f"{self._executions_of(self.in_stack.export_value(self.arn))}:{name}"

    @functools.cached_property
    def _executions(self) -> str:
        return self._executions_of(self.arn)

    def _executions_of(self, machine_arn: str) -> str:
        return self.in_stack.format_arn(
            service="states",
            resource="execution",
            resource_name=cdk.Fn.select(6, cdk.Fn.split(":", machine_arn)),
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )


@functools.cache
def _step_functions_for(stack: cdk.Stack) -> iam.IPrincipal:
    """Step Functions, for a machine of the stack's account."""
    return iam.ServicePrincipal(
        "states.amazonaws.com",
        conditions={
            "StringEquals": {"aws:SourceAccount": stack.account},
            # The machine's own ARN would make the role depend on what depends on it.
            "ArnLike": {
                "aws:SourceArn": stack.format_arn(
                    service="states",
                    resource="stateMachine",
                    resource_name="*",
                    arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                )
            },
        },
    )
