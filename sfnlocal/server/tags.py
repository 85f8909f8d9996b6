"""Tags of state machines and activities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.server.names import checked_arn

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_TAGS_MAX = 50

Params = dict[str, Any]


class Tags:
    """`exists` knows whether there is a resource of an ARN."""

    def __init__(self, session: Session) -> None:
        self.exists: Callable[[str], bool] = lambda arn: False
        self._app = session.app

    @cached_property
    def _tags(self) -> dict[str, dict[str, str]]:
        """By ARN; read when somebody asks, since most sessions do not."""
        return {
            resource.arn: {
                tag["Key"]: tag["Value"] for tag in resource.properties.get("Tags") or ()
            }
            for resource in self._app.of_type(
                "AWS::StepFunctions::StateMachine", "AWS::StepFunctions::Activity"
            )
        }

    @property
    def operations(self) -> Mapping[str, Callable[[Params], Params]]:
        return {
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list,
        }

    def add(self, arn: str, tags: list[Params]) -> None:
        """Raises ApiError where there are too many."""
        merged = dict(self._tags.get(arn, {}))
        for tag in tags:
            merged[tag.get("key", "")] = tag.get("value", "")
        if len(merged) > _TAGS_MAX:
            raise ApiError("TooManyTags", f"Too many tags: at most {_TAGS_MAX}: '{arn}'")
        self._tags[arn] = merged

    def forget(self, arn: str) -> None:
        self._tags.pop(arn, None)

    def _checked(self, params: Params) -> str:
        arn: str = params["resourceArn"]
        checked_arn(arn, "stateMachine", "activity")
        if not self.exists(arn):
            raise ApiError("ResourceNotFound", f"Resource not found: '{arn}'")
        return arn

    def _tag(self, params: Params) -> Params:
        self.add(self._checked(params), params["tags"])
        return {}

    def _untag(self, params: Params) -> Params:
        tags = self._tags.get(self._checked(params), {})
        for key in params["tagKeys"]:
            tags.pop(key, None)
        return {}

    def _list(self, params: Params) -> Params:
        tags = self._tags.get(self._checked(params), {})
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
