"""An action on a resource, as IAM is asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from sfnlocal.ports import Json

# By API name, PascalCase.
Params: TypeAlias = Mapping[str, Json]
# Condition keys in lower case, as only this request has them.
Keys: TypeAlias = Mapping[str, tuple[str, ...]]
# The resource of actions that have none.
ANY = "*"


class Access(NamedTuple):
    """`derived`: from the operation's name alone, where no table here knows it."""

    action: str
    resource: str
    keys: Keys = MappingProxyType({})
    derived: bool = False
