"""Short names for resources: as much of the construct path's end as tells them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfnlocal.template.resources import Resource


def short_ids(resources: Iterable[Resource]) -> dict[str, str]:
    """By the resource's `where`. Two `Function`s become `Pay/Function` and `Ship/Function`."""
    listed = list(resources)
    ends = Counter(end for resource in listed for end in set(_ends(resource)))
    return {
        resource.where: next((end for end in _ends(resource) if ends[end] == 1), resource.path)
        for resource in listed
    }


def _ends(resource: Resource) -> Iterator[str]:
    """Of the path, the shortest first."""
    parts = resource.path.split("/")
    for start in range(len(parts) - 1, -1, -1):
        yield "/".join(parts[start:])
