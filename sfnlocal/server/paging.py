"""Pages of a list. A token names the last item that was given, so what is added or forgotten
meanwhile neither repeats nor hides another item.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sfnlocal.errors import ApiError

_RESULTS_DEFAULT = 100

Item = TypeVar("Item")


def page(
    name: str,
    items: Iterable[Item],
    params: dict[str, Any],
    *,
    key: Callable[[Item], str | int],
    shown: Callable[[Item], dict[str, Any]],
) -> dict[str, Any]:
    """`{name: [...], nextToken}`. `items` are read as far as needed; `key` is unique among them."""
    iterator = iter(items)
    if (token := params.get("nextToken")) is not None:
        last = _read(token, name)
        if not any(key(item) == last for item in iterator):
            raise _invalid(token)
    results_max = params.get("maxResults") or _RESULTS_DEFAULT
    found: list[Item] = []
    for item in iterator:
        if len(found) == results_max:
            text = json.dumps([name, key(found[-1])])
            more = {"nextToken": base64.urlsafe_b64encode(text.encode()).decode()}
            return {name: [shown(one) for one in found], **more}
        found.append(item)
    return {name: [shown(one) for one in found]}


def _read(token: str, name: str) -> Any:
    try:
        what, key = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        raise _invalid(token) from None
    if what != name:
        raise _invalid(token)
    return key


def _invalid(token: str) -> ApiError:
    return ApiError("InvalidToken", f"Invalid Token: '{token}'")
