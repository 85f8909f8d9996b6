"""The groups of devices of a stage, read from the context and checked there: each has a topic, to
which whoever looks after the group subscribes."""

from __future__ import annotations

import json
import re

from constructs import Node

from stacks.stage import Stage, StageError

SANDBOX_GROUPS = ("pumps", "ovens")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def device_groups(node: Node, stage: Stage) -> tuple[str, ...]:
    """Context key: `deviceGroups`, a list of names. Without groups a stage has no device ingest."""
    given = node.try_get_context("deviceGroups")
    if given is None:
        return SANDBOX_GROUPS if stage.has_sandbox else ()
    # On the command line it is JSON text.
    names = json.loads(given) if isinstance(given, str) else given
    if not (isinstance(names, list) and all(_NAME.fullmatch(str(name)) for name in names)):
        raise StageError(f'the context deviceGroups is no list of names like ["pumps"]: {given!r}')
    return tuple(names)
