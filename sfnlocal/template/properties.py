"""Properties of a resource of which some can be resolved in AWS only.

Reading one of those raises its error: it hurts who needs it and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sfnlocal.errors import SfnLocalError
from sfnlocal.ports import Json


class PartlyResolved(Mapping[str, Json]):
    """`values` that are known and `errors` of the others, by property name."""

    __slots__ = ("_errors", "_values")

    def __init__(self, values: Mapping[str, Json], errors: Mapping[str, SfnLocalError]) -> None:
        self._values = values
        self._errors = errors

    def __getitem__(self, name: str) -> Json:
        if name in self._errors:
            raise self._errors[name]
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values or name in self._errors

    def __iter__(self) -> Iterator[str]:
        yield from self._values
        yield from self._errors

    def __len__(self) -> int:
        return len(self._values) + len(self._errors)


def known_text(properties: Mapping[str, Json], name: str) -> str:
    """Empty where the property is not set, or is known in AWS only."""
    try:
        return str(properties.get(name, ""))
    except SfnLocalError:
        return ""
