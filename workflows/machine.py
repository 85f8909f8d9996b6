"""What every state machine of this project is: Standard or Express, with a time-out, X-Ray, a
complete log, and a role of its own that only Step Functions of this account may assume. JSONata is
default. An Express machine has no history and no status events: whoever starts it is its net."""

from __future__ import annotations

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
) -> sfn.StateMachine:
    """The state machine; its construct id is its name on the command line. Without `logs_data` its
    log has every event, but not what states were given and gave."""
    return _machine(
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
) -> sfn.StateMachine:
    """One for short, frequent work that may be done twice; five minutes at the most."""
    return _machine(
        scope,
        construct_id,
        kind=sfn.StateMachineType.EXPRESS,
        chain=chain,
        time_out=time_out,
        removal_policy=removal_policy,
        query_language=sfn.QueryLanguage.JSONATA,
        logs_data=logs_data,
    )


def _machine(
    scope: Construct,
    construct_id: str,
    *,
    kind: sfn.StateMachineType,
    chain: sfn.IChainable,
    time_out: cdk.Duration,
    removal_policy: cdk.RemovalPolicy,
    query_language: sfn.QueryLanguage,
    logs_data: bool = True,
) -> sfn.StateMachine:
    stack = cdk.Stack.of(scope)
    # This prefix keeps the log group out of the account's resource policy, which has a size limit.
    log_group = logs.LogGroup(
        scope,
        "Logs",
        log_group_name=f"/aws/vendedlogs/states/{stack.stack_name}-{construct_id}",
        retention=logs.RetentionDays.THREE_MONTHS,
        removal_policy=removal_policy,
    )
    role = iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal(
            "states.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                # The machine's own ARN would make the role depend on what depends on it.
                "ArnLike": {"aws:SourceArn": machine_arn(scope, "*")},
            },
        ),
    )
    machine = sfn.StateMachine(
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
    return machine


def machine_arn(scope: Construct, name: str) -> str:
    return cdk.Stack.of(scope).format_arn(
        service="states",
        resource="stateMachine",
        resource_name=name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def execution_arn(machine: sfn.IStateMachine, name: str) -> str:
    """The ARN of a machine's execution; `*` as the name stands for all of them."""
    stack = cdk.Stack.of(machine)
    machine_name = stack.split_arn(
        machine.state_machine_arn, cdk.ArnFormat.COLON_RESOURCE_NAME
    ).resource_name
    return stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine_name}:{name}",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
