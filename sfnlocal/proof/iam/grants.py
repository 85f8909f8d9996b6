"""The CDK grant that gives a missing permission, in Python.

Where a construct has a grant for the action, that one; else the statement itself.
https://docs.aws.amazon.com/cdk/v2/guide/permissions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sfnlocal.arns import parse_arn
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.template.resources import Resource

# `{0}` is the resource's construct, `{1}` who gets the grant.
_GRANTS: Mapping[str, str] = {
    "cloudwatch:PutMetricData": "cloudwatch.Metric.grant_put_metric_data({1})",
    "events:PutEvents": "{0}.grant_put_events_to({1})",
    "iam:PassRole": "{0}.grant_pass_role({1})",
    "kms:Decrypt": "{0}.grant_decrypt({1})",
    "kms:Encrypt": "{0}.grant_encrypt({1})",
    "kms:GenerateDataKey": "{0}.grant_encrypt_decrypt({1})",
    "lambda:InvokeFunction": "{0}.grant_invoke({1})",
    "logs:CreateLogStream": "{0}.grant_write({1})",
    "logs:PutLogEvents": "{0}.grant_write({1})",
    "s3:AbortMultipartUpload": "{0}.grant_put({1})",
    "s3:DeleteObject": "{0}.grant_delete({1})",
    "s3:GetObject": "{0}.grant_read({1})",
    "s3:ListBucket": "{0}.grant_read({1})",
    "s3:PutObject": "{0}.grant_put({1})",
    "secretsmanager:GetSecretValue": "{0}.grant_read({1})",
    "secretsmanager:PutSecretValue": "{0}.grant_write({1})",
    "sns:Publish": "{0}.grant_publish({1})",
    "sns:Subscribe": "{0}.grant_subscribe({1})",
    "sqs:ChangeMessageVisibility": "{0}.grant_consume_messages({1})",
    "sqs:DeleteMessage": "{0}.grant_consume_messages({1})",
    "sqs:GetQueueAttributes": "{0}.grant_consume_messages({1})",
    "sqs:PurgeQueue": "{0}.grant_purge({1})",
    "sqs:ReceiveMessage": "{0}.grant_consume_messages({1})",
    "sqs:SendMessage": "{0}.grant_send_messages({1})",
    "ssm:GetParameter": "{0}.grant_read({1})",
    "ssm:GetParameters": "{0}.grant_read({1})",
    "ssm:PutParameter": "{0}.grant_write({1})",
    "states:RedriveExecution": "{0}.grant_redrive_execution({1})",
    "states:SendTaskFailure": "{0}.grant_task_response({1})",
    "states:SendTaskHeartbeat": "{0}.grant_task_response({1})",
    "states:SendTaskSuccess": "{0}.grant_task_response({1})",
    "states:StartExecution": "{0}.grant_start_execution({1})",
    "states:StartSyncExecution": "{0}.grant_start_sync_execution({1})",
}
# Constructs with a grant for any action.
_ANY_ACTION: Mapping[str, str] = {
    "AWS::DynamoDB::GlobalTable": '{0}.grant({1}, "{2}")',
    "AWS::DynamoDB::Table": '{0}.grant({1}, "{2}")',
    "AWS::KMS::Key": '{0}.grant({1}, "{2}")',
    "AWS::SQS::Queue": '{0}.grant({1}, "{2}")',
}
_EXECUTIONS = '{0}.grant_execution({1}, "{2}")'


def missing_grant(principal: str, action: str, arn: str, home: Home) -> str:
    """`principal` is a role's ARN or a service."""
    resource = _granting(arn, home)
    receiver = _receiver(principal, home)
    if resource is not None and action != "sts:AssumeRole":
        form = _GRANTS.get(action) or _ANY_ACTION.get(resource.type)
        if action.startswith("states:") and ":execution:" in arn:
            form = _GRANTS.get(action, _EXECUTIONS)
        if form is not None:
            return form.format(_variable(resource), receiver, action)
    if action == "sts:AssumeRole" and not principal.startswith("arn:"):
        return f"iam.Role(..., assumed_by={receiver}), with the conditions that its policy has"
    form = _GRANTS.get(action, "")
    if arn == "*" and form and "{0}" not in form:
        return form.format("", receiver)
    statement = f'iam.PolicyStatement(actions=["{action}"], resources=["{arn}"])'
    if not principal.startswith("arn:"):
        return f"a resource policy for {principal} that allows {action} on {arn}"
    return f"{receiver}.add_to_principal_policy({statement})"


def shown_path(arn: str, home: Home) -> str:
    """The construct path of what an ARN is or is part of, and empty where it is not the app's."""
    resource = _granting(arn, home)
    return _path(resource) if resource is not None else ""


def _path(resource: Resource) -> str:
    return re.sub(r"/(Resource|Default)$", "", resource.path)


def _granting(arn: str, home: Home) -> Resource | None:
    """The construct whose grant it is: a bucket's for its objects, a state machine's for its
    executions, a table's for its indexes, a function's for its versions."""
    found = home.resource(arn)
    if found is not None or arn == "*":
        return found
    if ":s3:::" in arn:
        return home.resource(arn.partition("/")[0])
    try:
        parsed = parse_arn(arn)
    except ValueError:
        return None
    kind, _, rest = parsed.resource.partition(":")
    if parsed.service == "states" and kind in ("execution", "express"):
        machine = rest.partition(":")[0].partition("/")[0]
        return home.resource(str(parsed._replace(resource=f"stateMachine:{machine}")))
    if parsed.service == "lambda" and kind == "function":
        name = rest.partition(":")[0]
        return home.resource(str(parsed._replace(resource=f"function:{name}")))
    if parsed.service == "logs" and kind == "log-group":
        name = rest.partition(":")[0]
        return home.resource(str(parsed._replace(resource=f"log-group:{name}:*")))
    return home.resource(arn.partition("/index/")[0])


def _variable(resource: Resource) -> str:
    """As a Python variable may be called: Orders/InvoiceQueue -> invoice_queue, and
    Orders/ChargePayment/Function -> charge_payment_function."""
    *above, name = _path(resource).split("/")
    if name in _PARTS and len(above) > 1:
        name = f"{above[-1]}_{name}"
    return _snake(name)


def _receiver(principal: str, home: Home) -> str:
    if not principal.startswith("arn:"):
        return f'iam.ServicePrincipal("{principal}")'
    role = home.resource(principal)
    return _variable(role) if role is not None else "role"


# Parts of a construct that are no name by themselves.
_PARTS = frozenset({"Function", "Key", "Queue", "Role", "ServiceRole", "StateMachine", "Table"})


def _snake(name: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
