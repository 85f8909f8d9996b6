"""How each service says that a caller may not: its error code, its HTTP status, and AWS's words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sfnlocal.errors import ApiError

# Services that do not call it as others of their protocol do.
_CODES: Mapping[str, tuple[str, int]] = {
    "cloudwatch": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
}
_BY_PROTOCOL: Mapping[str, tuple[str, int]] = {
    "ec2": ("UnauthorizedOperation", 403),
    "json": ("AccessDeniedException", 400),
    "query": ("AccessDenied", 403),
    "rest-json": ("AccessDeniedException", 403),
    "rest-xml": ("AccessDenied", 403),
}


def refusal(service: str, message: str) -> ApiError:
    found = _CODES.get(service)
    if found is None:
        # Loaded here: it imports botocore, which most runs do without.
        from sfnlocal.services.service_models import service_model

        protocol = str(service_model(service).metadata["protocol"])
        found = _BY_PROTOCOL.get(protocol, ("AccessDeniedException", 400))
    return ApiError(found[0], message, found[1])


def refusal_text(user: str, action: str, resource: str, reason: str) -> str:
    """`user` is the session's ARN, or the service."""
    # S3 puts its resources in quotes.
    shown = f'"{resource}"' if action.startswith("s3:") else resource
    on = "" if resource == "*" else f" on resource: {shown}"
    return f"User: {user} is not authorized to perform: {action}{on} {reason}"
