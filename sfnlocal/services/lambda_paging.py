"""The pages of Lambda's lists: Marker and MaxItems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json

# https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
_ITEMS_MAX = 50


def page(member: str, items: Sequence[Json], params: Mapping[str, Json]) -> dict[str, Json]:
    marker = params.get("Marker") or "0"
    if not marker.isdecimal():
        raise ApiError("InvalidParameterValueException", "The marker is not valid.")
    first = int(marker)
    end = first + min(params.get("MaxItems") or _ITEMS_MAX, _ITEMS_MAX)
    answer: dict[str, Json] = {member: list(items[first:end])}
    if end < len(items):
        answer["NextMarker"] = str(end)
    return answer
