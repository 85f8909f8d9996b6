"""EventBridge's operations on archives and replays.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateArchive.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_StartReplay.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.triggers.archives import ARCHIVE_FIELDS, Archive, Replay
from sfnlocal.triggers.bus_events import epoch_ms
from sfnlocal.triggers.event_pages import page
from sfnlocal.triggers.patterns import compile_pattern

if TYPE_CHECKING:
    from sfnlocal.triggers.buses import Buses

Params: TypeAlias = Mapping[str, Json]


class ArchivesApi:
    def __init__(self, buses: Buses) -> None:
        self._buses = buses
        self.operations: dict[str, Callable[[Params], dict[str, Json]]] = {
            "CreateArchive": self._create_archive,
            "DescribeArchive": self._describe_archive,
            "UpdateArchive": self._update_archive,
            "DeleteArchive": self._delete_archive,
            "ListArchives": self._list_archives,
            "StartReplay": self._start_replay,
            "DescribeReplay": self._describe_replay,
            "ListReplays": self._list_replays,
            "CancelReplay": self._cancel_replay,
        }

    # Archives

    def _create_archive(self, params: Params) -> dict[str, Json]:
        archive = self._buses.add_archive(params["ArchiveName"], params["EventSourceArn"], params)
        return _result(archive)

    def _archive(self, params: Params) -> Archive:
        name = params["ArchiveName"]
        archive = self._buses.archives.archives.get(name)
        if archive is None:
            raise ApiError("ResourceNotFoundException", f"Archive {name} does not exist.")
        return archive

    def _describe_archive(self, params: Params) -> dict[str, Json]:
        archive = self._archive(params)
        return {"ArchiveArn": archive.arn, **archive.given, **self._archive_shown(archive)}

    def _archive_shown(self, archive: Archive) -> dict[str, Json]:
        now_ms = self._buses.aws.now_ms
        return {
            "ArchiveName": archive.name,
            "EventSourceArn": archive.bus_arn,
            "State": "ENABLED",
            "RetentionDays": archive.retention_days,
            "SizeBytes": archive.size_bytes(now_ms),
            "EventCount": len(archive.kept(now_ms)),
            "CreationTime": archive.created_ms / 1000,
        }

    def _update_archive(self, params: Params) -> dict[str, Json]:
        archive = self._archive(params)
        changes = {name: params[name] for name in ARCHIVE_FIELDS if name in params}
        if "EventPattern" in changes:
            archive.pattern = compile_pattern(changes["EventPattern"])
        archive.given |= changes
        self._buses.archives_changed()
        return _result(archive)

    def _delete_archive(self, params: Params) -> dict[str, Json]:
        del self._buses.archives.archives[self._archive(params).name]
        self._buses.archives_changed()
        return {}

    def _list_archives(self, params: Params) -> dict[str, Json]:
        shown = [
            self._archive_shown(archive)
            for name, archive in sorted(self._buses.archives.archives.items())
            if name.startswith(params.get("NamePrefix") or "")
            and params.get("EventSourceArn") in (None, archive.bus_arn)
            and params.get("State") in (None, "ENABLED")
        ]
        return page("Archives", shown, params)

    # Replays

    def _start_replay(self, params: Params) -> dict[str, Json]:
        name = params["ReplayName"]
        archives = self._buses.archives
        if name in archives.replays:
            raise ApiError("ResourceAlreadyExistsException", f"Replay {name} already exists.")
        source_arn = params["EventSourceArn"]
        archive = next((one for one in archives.archives.values() if one.arn == source_arn), None)
        if archive is None:
            missing = source_arn.rpartition("/")[2]
            raise _not_valid("EventSourceArn", f"Archive {missing} does not exist.")
        if params["Destination"]["Arn"] != archive.bus_arn:
            raise _not_valid("Destination.Arn", "Cross event bus replay is not permitted.")
        if epoch_ms(params["EventStartTime"]) >= epoch_ms(params["EventEndTime"]):
            raise _not_valid("EventEndTime", "EventStartTime must be before EventEndTime.")
        replay = Replay(name, self._buses.arn(f"replay/{name}"), params, self._buses.aws.now_ms)
        archives.start(replay, archive)
        return {
            "ReplayArn": replay.arn,
            "State": replay.state,
            "ReplayStartTime": replay.started_ms / 1000,
        }

    def _replay(self, params: Params) -> Replay:
        name = params["ReplayName"]
        replay = self._buses.archives.replays.get(name)
        if replay is None:
            raise ApiError("ResourceNotFoundException", f"Replay {name} does not exist.")
        return replay

    def _describe_replay(self, params: Params) -> dict[str, Json]:
        replay = self._replay(params)
        more = {"ReplayArn": replay.arn, "Destination": replay.params["Destination"]}
        if "Description" in replay.params:
            more["Description"] = replay.params["Description"]
        return {**_replay_shown(replay), **more}

    def _list_replays(self, params: Params) -> dict[str, Json]:
        shown = [
            _replay_shown(replay)
            for name, replay in sorted(self._buses.archives.replays.items())
            if name.startswith(params.get("NamePrefix") or "")
            and params.get("State") in (None, replay.state)
            and params.get("EventSourceArn") in (None, replay.params["EventSourceArn"])
        ]
        return page("Replays", shown, params)

    def _cancel_replay(self, params: Params) -> dict[str, Json]:
        replay = self._replay(params)
        self._buses.archives.cancel(replay)
        return {"ReplayArn": replay.arn, "State": replay.state}


def _result(archive: Archive) -> dict[str, Json]:
    return {
        "ArchiveArn": archive.arn,
        "State": "ENABLED",
        "CreationTime": archive.created_ms / 1000,
    }


def _replay_shown(replay: Replay) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "ReplayName": replay.name,
        "State": replay.state,
        "EventSourceArn": replay.params["EventSourceArn"],
        "EventStartTime": epoch_ms(replay.params["EventStartTime"]) / 1000,
        "EventEndTime": epoch_ms(replay.params["EventEndTime"]) / 1000,
        "ReplayStartTime": replay.started_ms / 1000,
    }
    if replay.last_ms is not None:
        shown["EventLastReplayedTime"] = replay.last_ms / 1000
    if replay.ended_ms is not None:
        shown["ReplayEndTime"] = replay.ended_ms / 1000
    return shown


def _not_valid(parameter: str, reason: str) -> ApiError:
    return ApiError("ValidationException", f"Parameter {parameter} is not valid. Reason: {reason}")
