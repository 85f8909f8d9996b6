"""What EventBridge's operations share: pages of lists (Limit and NextToken), NamePrefix, Tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json

_LIMIT = 100


def page(member: str, items: Sequence[Json], params: Mapping[str, Json]) -> dict[str, Json]:
    token = params.get("NextToken") or "0"
    if not token.isdecimal():
        raise ApiError("ValidationException", "Unable to parse NextToken.")
    first = int(token)
    end = first + (params.get("Limit") or _LIMIT)
    answer: dict[str, Json] = {member: list(items[first:end])}
    if end < len(items):
        answer["NextToken"] = str(end)
    return answer


def named(found: Iterable[Json], params: Mapping[str, Json]) -> list[Json]:
    """Those of the name prefix, by name."""
    prefix = params.get("NamePrefix") or ""
    return sorted((one for one in found if one.name.startswith(prefix)), key=lambda one: one.name)


def tags(params: Mapping[str, Json]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in params.get("Tags") or []}
