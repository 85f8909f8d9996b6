"""AddPermission and RemovePermission: statements of a queue's policy.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.services.sqs.errors import invalid_value, missing_parameter, sqs_error

_ACTIONS_MAX = 7
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ACTIONS = (
    "*",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
)


def with_permission(
    policy: str,
    queue_arn: str,
    partition: str,
    label: str,
    accounts: Sequence[str],
    actions: Sequence[str],
) -> str:
    """The policy (empty where there is none) with one statement more. Raises ApiError."""
    if _LABEL.fullmatch(label) is None:
        raise invalid_value(
            "Label", label, "It has 1 to 80 alphanumeric characters, hyphens or underscores."
        )
    for name, values in (("AWSAccountIds", accounts), ("Actions", actions)):
        if not values:
            raise missing_parameter(name)
    if len(actions) > _ACTIONS_MAX:
        raise sqs_error(
            "OverLimit", f"{len(actions)} Actions were found, maximum allowed is {_ACTIONS_MAX}."
        )
    for action in actions:
        if action not in _ACTIONS:
            raise invalid_value(
                "ActionName",
                f"SQS:{action}",
                f"Please refer to the appropriate WSDL for a list "
                f"of valid actions: {', '.join(_ACTIONS)}.",
            )
    statements = _statements(policy)
    if any(one.get("Sid") == label for one in statements):
        raise invalid_value("Label", label, "Already exists.")
    principals = [f"arn:{partition}:iam::{account}:root" for account in accounts]
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_all(principals)},
        "Action": _one_or_all([f"SQS:{action}" for action in actions]),
        "Resource": queue_arn,
    }
    return _text(policy, queue_arn, [*statements, statement])


def without_permission(policy: str, queue_arn: str, label: str) -> str:
    """Raises ApiError."""
    statements = _statements(policy)
    left = [one for one in statements if one.get("Sid") != label]
    if len(left) == len(statements):
        raise invalid_value("Label", label, "can't find label on existing policy.")
    return _text(policy, queue_arn, left) if left else ""


def _statements(policy: str) -> list[dict[str, Json]]:
    statements = json.loads(policy).get("Statement", []) if policy else []
    return statements if isinstance(statements, list) else [statements]


def _text(policy: str, queue_arn: str, statements: list[dict[str, Json]]) -> str:
    head = json.loads(policy) if policy else {"Version": "2008-10-17", "Id": f"{queue_arn}/Policy"}
    return json_text({**head, "Statement": statements})


def _one_or_all(values: list[str]) -> Json:
    return values[0] if len(values) == 1 else values
