"""What PutTargets and a deployment mind about a rule's targets, taken together and one by one.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
"""

from __future__ import annotations

from collections.abc import Collection

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.triggers.rules import RuleTarget
from sfnlocal.triggers.targets import target_refusal

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
_TARGETS_MAX = 5


def check_targets(targets: Collection[RuleTarget]) -> None:
    """Raises ApiError, or UnsupportedError for a target that is not simulated."""
    check_required(targets)
    for target in targets:
        if refusal := target_refusal(target.arn):
            raise UnsupportedError(refusal, where=target.arn)


def check_required(targets: Collection[RuleTarget]) -> None:
    if len(targets) > _TARGETS_MAX:
        raise ApiError(
            "LimitExceededException",
            "The requested resource exceeds the maximum number allowed.",
        )
    for target in targets:
        arn = parse_arn(target.arn)
        if arn.service == "states" and target.role_arn is None:
            raise ApiError("ValidationException", f"RoleArn is required for target {target.arn}.")
        is_fifo_queue = arn.service == "sqs" and target.arn.endswith(".fifo")
        if is_fifo_queue and not target.given.get("SqsParameters"):
            raise ApiError(
                "ValidationException",
                f"Parameter(s) SqsParameters must be specified for target: {target.id}.",
            )
