"""Physical names and ids for what a template leaves unnamed.

CloudFormation ends such names in a random text. Here they follow from stack and logical id alone,
so that the same template always gives the same names, ARNs and histories.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
"""

from __future__ import annotations

import hashlib

_DIGEST_CHARS = 8
_STACK_CHARS_MIN = 8


def physical_name(stack: str, logical_id: str, chars_max: int, suffix: str = "") -> str:
    """`stack-logical_id` and `suffix`. Where that is too long the stack's name is cut before the
    logical id, and a digest of the whole added, so that two long names stay two."""
    name = f"{stack}-{logical_id}"
    room = chars_max - len(suffix)
    if len(name) > room:
        room -= _DIGEST_CHARS + 1
        end = logical_id[: room - min(len(stack), _STACK_CHARS_MIN) - 1]
        name = f"{stack[: room - len(end) - 1]}-{end}-{digest(name)[:_DIGEST_CHARS]}"
    return name + suffix


def digest(*parts: str) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def uuid_of(*parts: str) -> str:
    """Has the shape of a UUID."""
    digits = digest(*parts)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
