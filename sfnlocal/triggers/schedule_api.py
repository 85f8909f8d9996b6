"""The API of EventBridge Scheduler: its twelve operations.

A call that repeats another's ClientToken is answered as that one was, and refused where it says
something else. Only schedule groups have tags.
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.triggers.schedule_definition import DEFAULT_GROUP, read_schedule
from sfnlocal.triggers.schedule_parameters import check_name, check_tags

if TYPE_CHECKING:
    from sfnlocal.triggers.schedules import Group, RunningSchedule, Schedules

Params: TypeAlias = Mapping[str, Any]

_ITEMS_MAX = 100
# How many calls are remembered by their ClientToken.
_TOKENS_MAX = 1_000


class SchedulerApi:
    """Answers `(operation, params)`; a route of Aws."""

    def __init__(self, schedules: Schedules) -> None:
        self._schedules = schedules
        self._answered: dict[tuple[str, str], tuple[Params, dict[str, Json]]] = {}
        self._operations: Mapping[str, Callable[[Params], dict[str, Json]]] = {
            "CreateSchedule": self._create_schedule,
            "UpdateSchedule": self._update_schedule,
            "GetSchedule": self._get_schedule,
            "DeleteSchedule": self._delete_schedule,
            "ListSchedules": self._list_schedules,
            "CreateScheduleGroup": self._create_group,
            "GetScheduleGroup": self._get_group,
            "DeleteScheduleGroup": self._delete_group,
            "ListScheduleGroups": self._list_groups,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }

    def __call__(self, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        answer = self._operations.get(operation)
        if answer is None:
            raise UnsupportedError(f"EventBridge Scheduler has no operation {operation}")
        token = params.get("ClientToken")
        if token is None:
            return answer(params)
        earlier = self._answered.get((operation, token))
        if earlier is None:
            response = answer(params)
            self._remember(operation, token, params, response)
            return response
        if earlier[0] != params:
            raise ApiError(
                "ConflictException", f"ClientToken {token} was used with other parameters.", 409
            )
        return earlier[1]

    def _remember(
        self, operation: str, token: str, params: Params, response: dict[str, Json]
    ) -> None:
        self._answered[operation, token] = (dict(params), response)
        if len(self._answered) > _TOKENS_MAX:
            del self._answered[next(iter(self._answered))]

    # Schedules

    def _create_schedule(self, params: Params) -> dict[str, Json]:
        return {"ScheduleArn": self._schedules.create(read_schedule(params)).arn}

    def _update_schedule(self, params: Params) -> dict[str, Json]:
        return {"ScheduleArn": self._schedules.update(read_schedule(params)).arn}

    def _get_schedule(self, params: Params) -> dict[str, Json]:
        running = self._schedules.find(*_key(params))
        return {"Arn": running.arn, **running.definition.said, **_dates(running)}

    def _delete_schedule(self, params: Params) -> dict[str, Json]:
        self._schedules.delete(*_key(params))
        return {}

    def _list_schedules(self, params: Params) -> dict[str, Json]:
        group, state = params.get("GroupName"), params.get("State")
        if group is not None:
            self._schedules.group(group)
        prefix = params.get("NamePrefix") or ""
        found = [
            (f"{running.definition.group}/{running.definition.name}", _summary(running))
            for running in self._schedules.schedules.values()
            if group in (None, running.definition.group)
            and state in (None, running.definition.said["State"])
            and running.definition.name.startswith(prefix)
        ]
        return _page("Schedules", found, params)

    # Groups

    def _create_group(self, params: Params) -> dict[str, Json]:
        check_name(params.get("Name"))
        tags = check_tags(params.get("Tags") or [])
        return {"ScheduleGroupArn": self._schedules.add_group(params["Name"], tags).arn}

    def _get_group(self, params: Params) -> dict[str, Json]:
        return _group(self._schedules.group(params["Name"]))

    def _delete_group(self, params: Params) -> dict[str, Json]:
        self._schedules.delete_group(params["Name"])
        return {}

    def _list_groups(self, params: Params) -> dict[str, Json]:
        prefix = params.get("NamePrefix") or ""
        groups = self._schedules.groups.values()
        found = [(one.name, _group(one)) for one in groups if one.name.startswith(prefix)]
        return _page("ScheduleGroups", found, params)

    # Tags

    def _tag(self, params: Params) -> dict[str, Json]:
        self._tagged(params).tags.update(check_tags(params["Tags"]))
        return {}

    def _untag(self, params: Params) -> dict[str, Json]:
        group = self._tagged(params)
        for key in params["TagKeys"]:
            group.tags.pop(key, None)
        return {}

    def _list_tags(self, params: Params) -> dict[str, Json]:
        tags = self._tagged(params).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _tagged(self, params: Params) -> Group:
        arn = params["ResourceArn"]
        for group in self._schedules.groups.values():
            if group.arn == arn:
                return group
        raise ApiError("ResourceNotFoundException", f"Schedule group {arn} does not exist.", 404)


def _key(params: Params) -> tuple[str, str]:
    return params.get("GroupName") or DEFAULT_GROUP, params["Name"]


def _dates(of: RunningSchedule | Group) -> dict[str, Json]:
    return {
        "CreationDate": of.created_ms / 1000,
        "LastModificationDate": of.modified_ms / 1000,
    }


def _summary(running: RunningSchedule) -> dict[str, Json]:
    definition = running.definition
    return {
        "Arn": running.arn,
        "Name": definition.name,
        "GroupName": definition.group,
        "State": definition.said["State"],
        "Target": {"Arn": definition.target.arn},
        **_dates(running),
    }


def _group(group: Group) -> dict[str, Json]:
    return {"Arn": group.arn, "Name": group.name, "State": "ACTIVE", **_dates(group)}


def _page(member: str, found: Sequence[tuple[str, Json]], params: Params) -> dict[str, Json]:
    """In the order of the keys; the token is the last key of the page before."""
    last = _token_key(params.get("NextToken"))
    rest = sorted(((key, one) for key, one in found if key > last), key=lambda entry: entry[0])
    size = params.get("MaxResults") or _ITEMS_MAX
    answer: dict[str, Json] = {member: [one for _, one in rest[:size]]}
    if len(rest) > size:
        answer["NextToken"] = base64.urlsafe_b64encode(rest[size - 1][0].encode()).decode()
    return answer


def _token_key(token: str | None) -> str:
    try:
        return base64.b64decode(token or "", altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError("ValidationException", "Invalid NextToken.") from None
