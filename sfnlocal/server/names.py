"""ARNs that requests name, and what AWS says of those that are none."""

from __future__ import annotations

from sfnlocal.arns import Arn, parse_arn
from sfnlocal.errors import ApiError


def checked_arn(text: str, *resource_types: str) -> Arn:
    """Raises ApiError. Without `resource_types` any ARN will do."""
    if not text.startswith("arn:"):
        raise _invalid(f"Invalid ARN prefix: {text}")
    try:
        arn = parse_arn(text)
    except ValueError:
        raise _invalid(f"Invalid ARN: {text}") from None
    if not arn.resource or not arn.partition or not arn.service:
        raise _invalid(f"Invalid ARN: {text}")
    if resource_types:
        resource_type = arn.resource.partition(":")[0]
        if arn.service != "states" or resource_type not in resource_types:
            raise _invalid(f"Resource type not valid in this context: {resource_type}")
    return arn


def checked_version_arn(text: str) -> str:
    """The ARN of the version's state machine. Raises ApiError."""
    arn = checked_arn(text, "stateMachine")
    if arn.resource.count(":") != 2 or not arn.resource.rpartition(":")[2].isdecimal():
        raise _invalid(f"Resource type not valid in this context: {arn.resource}")
    return text.rpartition(":")[0]


def _invalid(why: str) -> ApiError:
    return ApiError("InvalidArn", f"Invalid Arn: '{why}'")
