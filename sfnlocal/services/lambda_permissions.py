"""The Lambda API's resource-based policies: kept and answered, and checked where a gate does that.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import json
import re

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.function_registry import (
    DeployedFunction,
    FunctionRegistry,
    Policy,
    parse_name,
)
from sfnlocal.services.lambda_functions import Operation, Params, check_revision

_CONDITIONS = {
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
}


class PermissionOperations:
    def __init__(self, registry: FunctionRegistry) -> None:
        self._registry = registry
        self.operations: dict[str, Operation] = {
            "AddPermission": self._add,
            "GetPolicy": self._get,
            "RemovePermission": self._remove,
        }

    def _add(self, params: Params) -> dict[str, Json]:
        with self._registry.lock:
            deployed, qualifier = self._target(params)
            policy = deployed.policies.get(qualifier) or Policy("")
            if policy.revision_id:
                check_revision(params, policy.revision_id)
            sid = params["StatementId"]
            if sid in policy.statements:
                message = (
                    f"The statement id ({sid}) provided already exists. Please provide a new "
                    "statement id, or remove the existing statement."
                )
                raise ApiError("ResourceConflictException", message, 409)
            arn = f"{deployed.arn}:{qualifier}" if qualifier else deployed.arn
            policy.statements[sid] = statement = permission_statement(params, arn)
            policy.revision_id = self._registry.new_revision()
            deployed.policies[qualifier] = policy
            return {"Statement": json.dumps(statement, separators=(",", ":"))}

    def _remove(self, params: Params) -> dict[str, Json]:
        with self._registry.lock:
            policy = self._policy(params)
            check_revision(params, policy.revision_id)
            sid = params["StatementId"]
            if sid not in policy.statements:
                message = f"Statement {sid} is not found in resource policy."
                raise ApiError("ResourceNotFoundException", message, 404)
            del policy.statements[sid]
            policy.revision_id = self._registry.new_revision()
        return {}

    def _get(self, params: Params) -> dict[str, Json]:
        policy = self._policy(params)
        document = {
            "Version": "2012-10-17",
            "Id": "default",
            "Statement": list(policy.statements.values()),
        }
        text = json.dumps(document, separators=(",", ":"))
        return {"Policy": text, "RevisionId": policy.revision_id}

    def _target(self, params: Params) -> tuple[DeployedFunction, str | None]:
        """A version or alias has a policy of its own."""
        deployed, _, arn = self._registry.locate(params["FunctionName"], params.get("Qualifier"))
        return deployed, parse_name(arn).qualifier or None

    def _policy(self, params: Params) -> Policy:
        deployed, qualifier = self._target(params)
        policy = deployed.policies.get(qualifier)
        if policy is None or not policy.statements:
            message = "The resource you requested does not exist."
            raise ApiError("ResourceNotFoundException", message, 404)
        return policy


def permission_statement(params: Params, arn: str) -> dict[str, Json]:
    statement: dict[str, Json] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(params["Principal"], arn.split(":")[1]),
        "Action": params["Action"],
        "Resource": arn,
    }
    conditions: dict[str, dict[str, Json]] = {}
    for name, (operator, key) in _CONDITIONS.items():
        if params.get(name) is not None:
            conditions.setdefault(operator, {})[key] = params[name]
    if conditions:
        statement["Condition"] = conditions
    return statement


def _principal(principal: str, partition: str) -> Json:
    if re.fullmatch(r"\d{12}", principal):
        return {"AWS": f"arn:{partition}:iam::{principal}:root"}
    if principal.startswith("arn:"):
        return {"AWS": principal}
    return "*" if principal == "*" else {"Service": principal}
