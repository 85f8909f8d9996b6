"""The Pipes API, by operation. State changes are there at once; the answers name the states that
AWS goes through.

https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.triggers.pipe_definition import BATCH_SIZE_DEFAULT, Pipe, refusal, refused

if TYPE_CHECKING:
    from sfnlocal.triggers.pipes import Pipes

Params: TypeAlias = dict[str, Json]

_LIMIT_DEFAULT = 100
_REQUIRED = ("Source", "Target", "RoleArn")


class PipesApi:
    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes
        self._operations: Mapping[str, Callable[[Params], Params]] = {
            "CreatePipe": self._create,
            "DeletePipe": self._delete,
            "DescribePipe": self._describe,
            "ListPipes": self._list,
            "ListTagsForResource": self._list_tags,
            "StartPipe": lambda params: self._switch(params, "RUNNING", "STARTING"),
            "StopPipe": lambda params: self._switch(params, "STOPPED", "STOPPING"),
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "UpdatePipe": self._update,
        }

    def __call__(self, operation: str, params: Params) -> Params:
        answer = self._operations.get(operation)
        if answer is None:
            raise UnsupportedError(f"pipes:{operation} is not simulated")
        return answer(params)

    def _create(self, params: Params) -> Params:
        name = params["Name"]
        missing = [one for one in _REQUIRED if not params.get(one)]
        if missing:
            raise refused(f"Missing required parameters: {', '.join(missing)}")
        if self._pipes.find(name) is not None:
            raise ApiError("ConflictException", f"Pipe {name} already exists.", 409)
        return _summary(self._put(name, params), "CREATING")

    def _update(self, params: Params) -> Params:
        """What is given replaces what was, of source parameters each one."""
        pipe = self._found(params["Name"])
        source = {
            **(pipe.given.get("SourceParameters") or {}),
            **(params.get("SourceParameters") or {}),
        }
        given = {**pipe.given, **params, "SourceParameters": source, "Tags": pipe.tags}
        return _summary(self._put(pipe.name, given), "UPDATING")

    def _put(self, name: str, given: Mapping[str, Json]) -> Pipe:
        reason = refusal(given)
        if reason is not None:
            raise UnsupportedError(reason)
        return self._pipes.put(name, given)

    def _switch(self, params: Params, state: str, on_the_way: str) -> Params:
        pipe = self._found(params["Name"])
        given = {**pipe.given, "DesiredState": state, "Tags": pipe.tags}
        return _summary(self._pipes.put(pipe.name, given), on_the_way)

    def _delete(self, params: Params) -> Params:
        pipe = self._found(params["Name"])
        self._pipes.delete(pipe)
        return _summary(pipe, "DELETING")

    def _describe(self, params: Params) -> Params:
        pipe = self._found(params["Name"])
        source = dict(pipe.given.get("SourceParameters") or {})
        source["SqsQueueParameters"] = {
            "BatchSize": BATCH_SIZE_DEFAULT,
            "MaximumBatchingWindowInSeconds": 0,
            **(source.get("SqsQueueParameters") or {}),
        }
        shown = {name: pipe.given[name] for name in _DESCRIBED if pipe.given.get(name) is not None}
        return {
            **_summary(pipe, _state(pipe)),
            **shown,
            "SourceParameters": source,
            "Tags": dict(pipe.tags),
        }

    def _list(self, params: Params) -> Params:
        found = [pipe for pipe in self._pipes if _is_wanted(pipe, params)]
        first = int(params.get("NextToken") or 0)
        end = first + (params.get("Limit") or _LIMIT_DEFAULT)
        answer: Params = {"Pipes": [_listed(pipe) for pipe in found[first:end]]}
        if end < len(found):
            answer["NextToken"] = str(end)
        return answer

    def _list_tags(self, params: Params) -> Params:
        return {"tags": dict(self._tagged(params).tags)}

    def _tag(self, params: Params) -> Params:
        pipe = self._tagged(params)
        self._pipes.retag(pipe, {**pipe.tags, **params["tags"]})
        return {}

    def _untag(self, params: Params) -> Params:
        pipe = self._tagged(params)
        kept = {key: value for key, value in pipe.tags.items() if key not in params["tagKeys"]}
        self._pipes.retag(pipe, kept)
        return {}

    def _found(self, name: str) -> Pipe:
        pipe = self._pipes.find(name)
        if pipe is None:
            raise ApiError("NotFoundException", f"Pipe {name} does not exist.", 404)
        return pipe

    def _tagged(self, params: Params) -> Pipe:
        return self._found(params["resourceArn"].rpartition("/")[2])


_DESCRIBED = (
    "Description",
    "Source",
    "Enrichment",
    "EnrichmentParameters",
    "Target",
    "TargetParameters",
    "RoleArn",
    "KmsKeyIdentifier",
)


def _state(pipe: Pipe) -> str:
    return "RUNNING" if pipe.running else "STOPPED"


def _summary(pipe: Pipe, current_state: str) -> Params:
    return {
        "Arn": pipe.arn,
        "Name": pipe.name,
        "DesiredState": "DELETED" if current_state == "DELETING" else _state(pipe),
        "CurrentState": current_state,
        "CreationTime": pipe.created_ms / 1000,
        "LastModifiedTime": pipe.modified_ms / 1000,
    }


def _listed(pipe: Pipe) -> Params:
    listed = {**_summary(pipe, _state(pipe)), "Source": pipe.source, "Target": pipe.target}
    return {**listed, "Enrichment": pipe.enrichment} if pipe.enrichment else listed


def _is_wanted(pipe: Pipe, params: Params) -> bool:
    return (
        pipe.name.startswith(params.get("NamePrefix") or "")
        and pipe.source.startswith(params.get("SourcePrefix") or "")
        and pipe.target.startswith(params.get("TargetPrefix") or "")
        and params.get("DesiredState") in (None, _state(pipe))
        and params.get("CurrentState") in (None, _state(pipe))
    )
