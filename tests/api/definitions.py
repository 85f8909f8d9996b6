"""The application's state machines as the API takes them, and the part of them that AWS's Step
Functions Local understands."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

Definition = dict[str, Any]

HAND_OVER: Definition = json.loads(Path(__file__).with_name("hand_over.json").read_text())

# Of AWS's announcements since 2023, which its image's documentation does not show.
_NEWER_RETRY_FIELDS = ("MaxDelaySeconds", "JitterStrategy")


def json_path_story(definition: Definition) -> Definition:
    """The states of a JSONPath machine as far as no variable and no JSONata is met: where the
    dead-letter branch begins, the execution fails with that state's name as error."""
    states: dict[str, Any] = {}
    waiting = [definition["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name in states:
            continue
        state = definition["States"][name]
        if state.get("QueryLanguage") == "JSONata":
            states[name] = {"Type": "Fail", "Error": name, "Cause": "a dead letter on AWS"}
            continue
        states[name] = _older(deepcopy(state))
        waiting += [one["Next"] for one in (state, *_ways_out(state)) if "Next" in one]
        waiting += [state["Default"]] if "Default" in state else []
    return {"StartAt": definition["StartAt"], "States": states}


def _ways_out(state: Definition) -> list[Definition]:
    return [*state.get("Choices", []), *state.get("Catch", [])]


def _older(state: Definition) -> Definition:
    """One iteration after the other, so that it is known which one a mocked response is for."""
    for retrier in state.get("Retry", []):
        for field in _NEWER_RETRY_FIELDS:
            retrier.pop(field, None)
    if state["Type"] == "Map":
        state["MaxConcurrency"] = 1
        for inner in state["ItemProcessor"]["States"].values():
            _older(inner)
    return state
