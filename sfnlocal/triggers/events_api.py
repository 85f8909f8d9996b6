"""Answers boto3's EventBridge client: events, buses, policies and tags. Rules stand in
rules_api.py, archives in archives_api.py.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.lambda_parameters import check_parameters
from sfnlocal.triggers.archives_api import ArchivesApi
from sfnlocal.triggers.bus_events import check_entries
from sfnlocal.triggers.event_pages import named, page, tags
from sfnlocal.triggers.patterns import compile_pattern
from sfnlocal.triggers.rules_api import RulesApi

if TYPE_CHECKING:
    from sfnlocal.triggers.buses import Buses, EventBus

Params: TypeAlias = Mapping[str, Json]
Operation: TypeAlias = Callable[[Params], dict[str, Json]]

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html
_TESTED_FIELDS = ("id", "account", "source", "time", "region", "resources", "detail-type")
_BUS_FIELDS = ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


class EventsApi:
    def __init__(self, buses: Buses) -> None:
        self._buses = buses
        self._operations: dict[str, Operation] = {
            "PutEvents": self._put_events,
            "TestEventPattern": self._test_event_pattern,
            "CreateEventBus": self._create_event_bus,
            "DescribeEventBus": self._describe_event_bus,
            "UpdateEventBus": self._update_event_bus,
            "DeleteEventBus": self._delete_event_bus,
            "ListEventBuses": self._list_event_buses,
            "PutPermission": self._put_permission,
            "RemovePermission": self._remove_permission,
            "TagResource": self._tag_resource,
            "UntagResource": self._untag_resource,
            "ListTagsForResource": self._list_tags_for_resource,
            **RulesApi(buses).operations,
            **ArchivesApi(buses).operations,
        }

    def __call__(self, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        answer = self._operations.get(operation)
        if answer is None:
            raise UnsupportedError(
                f"events:{operation} is not simulated",
                hint=f"only {', '.join(sorted(self._operations))} are",
            )
        # Loaded here: a run that nobody calls EventBridge in does without.
        from sfnlocal.services.service_models import service_model

        check_parameters(service_model("events").operation_model(operation), params)
        return answer(params)

    # Events

    def _put_events(self, params: Params) -> dict[str, Json]:
        entries = params["Entries"]
        if params.get("EndpointId"):
            raise UnsupportedError("global endpoints are not simulated", where="PutEvents")
        check_entries(entries)
        answers = [self._put_event(entry) for entry in entries]
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": failed, "Entries": answers}

    def _put_event(self, entry: Params) -> dict[str, Json]:
        buses = self._buses
        try:
            event = buses.events.from_entry(entry, buses.aws.now_ms)
        except ApiError as error:
            return {"ErrorCode": error.aws_code, "ErrorMessage": error.message}
        try:
            bus = buses.bus(entry.get("EventBusName"))
        except ApiError as error:
            # AWS takes the event and drops it.
            name = entry["EventBusName"]
            arn = name if name.startswith("arn:") else buses.arn(f"event-bus/{name}")
            buses.aws.timeline.add(arn, f"{event['source']}: PutEvents", "", error=error.message)
        else:
            buses.receive(bus, event)
        return {"EventId": event["id"]}

    def _test_event_pattern(self, params: Params) -> dict[str, Json]:
        pattern = compile_pattern(params["EventPattern"])
        try:
            event = json.loads(params["Event"])
        except ValueError:
            event = None
        missing = (
            [name for name in _TESTED_FIELDS if name not in event]
            if isinstance(event, dict)
            else list(_TESTED_FIELDS)
        )
        if missing:
            raise ApiError(
                "ValidationException",
                f"Parameter Event is not valid. Reason: {', '.join(missing)} must be in it.",
            )
        return {"Result": pattern.matches(event)}

    # Buses

    def _create_event_bus(self, params: Params) -> dict[str, Json]:
        name = params["Name"]
        if params.get("EventSourceName"):
            raise UnsupportedError("partner event sources are not simulated", where=name)
        if "/" in name:
            raise ApiError("ValidationException", "Event bus name must not contain '/'.")
        if name in self._buses.buses:
            raise ApiError("ResourceAlreadyExistsException", f"Event bus {name} already exists.")
        given = {field: params[field] for field in _BUS_FIELDS if field in params}
        bus = self._buses.add_bus(name, given)
        self._buses.tags[bus.arn] = tags(params)
        return {"EventBusArn": bus.arn, **given}

    def _describe_event_bus(self, params: Params) -> dict[str, Json]:
        bus = self._buses.bus(params.get("Name"))
        return {**self._bus_shown(bus), **bus.given}

    def _bus_shown(self, bus: EventBus) -> dict[str, Json]:
        shown: dict[str, Json] = {
            "Name": bus.name,
            "Arn": bus.arn,
            "CreationTime": bus.created_ms / 1000,
            "LastModifiedTime": bus.modified_ms / 1000,
        }
        if bus.statements:
            statements = list(bus.statements.values())
            policy = {"Version": "2012-10-17", "Statement": statements}
            shown["Policy"] = json.dumps(policy, separators=(",", ":"))
        if "Description" in bus.given:
            shown["Description"] = bus.given["Description"]
        return shown

    def _update_event_bus(self, params: Params) -> dict[str, Json]:
        bus = self._buses.bus(params.get("Name"))
        bus.given |= {field: params[field] for field in _BUS_FIELDS if field in params}
        bus.modified_ms = self._buses.aws.now_ms
        return {"Arn": bus.arn, "Name": bus.name, **bus.given}

    def _delete_event_bus(self, params: Params) -> dict[str, Json]:
        name = params["Name"]
        if name == "default":
            raise ApiError("ValidationException", "Cannot delete event bus default.")
        bus = self._buses.buses.get(name)
        if bus is None:
            return {}
        if bus.rules:
            raise ApiError("ValidationException", "Event bus can't be deleted since it has rules.")
        del self._buses.buses[name]
        self._buses.tags.pop(bus.arn, None)
        return {}

    def _list_event_buses(self, params: Params) -> dict[str, Json]:
        shown = [self._bus_shown(bus) for bus in named(self._buses.buses.values(), params)]
        return page("EventBuses", shown, params)

    # Policies

    def _put_permission(self, params: Params) -> dict[str, Json]:
        bus = self._buses.bus(params.get("EventBusName"))
        if params.get("Policy"):
            try:
                found = json.loads(params["Policy"])["Statement"]
            except (ValueError, KeyError, TypeError):
                raise ApiError("ValidationException", "This policy contains invalid Json") from None
            statements = found if isinstance(found, list) else [found]
            bus.statements = {
                one.get("Sid", f"statement-{number}"): one for number, one in enumerate(statements)
            }
            return {}
        missing = [name for name in ("Action", "Principal", "StatementId") if not params.get(name)]
        if missing:
            raise ApiError(
                "ValidationException", f"Parameter(s) {', '.join(missing)} must be specified."
            )
        self._buses.allow(bus, params)
        return {}

    def _remove_permission(self, params: Params) -> dict[str, Json]:
        bus = self._buses.bus(params.get("EventBusName"))
        if params.get("RemoveAllPermissions"):
            bus.statements.clear()
            return {}
        if bus.statements.pop(params.get("StatementId", ""), None) is None:
            raise ApiError(
                "ResourceNotFoundException", "Statement with the provided id does not exist."
            )
        return {}

    # Tags

    def _tagged(self, params: Params) -> dict[str, str]:
        arn = params["ResourceARN"]
        rules = {
            rule.arn: rule for bus in self._buses.buses.values() for rule in bus.rules.values()
        }
        buses = {bus.arn: bus for bus in self._buses.buses.values()}
        if arn in rules:
            return self._buses.tags.setdefault(arn, {})
        if arn in buses:
            return self._buses.tags.setdefault(arn, {})
        raise ApiError("ResourceNotFoundException", f"{arn} does not exist.")

    def _tag_resource(self, params: Params) -> dict[str, Json]:
        self._tagged(params).update(tags(params))
        return {}

    def _untag_resource(self, params: Params) -> dict[str, Json]:
        tags = self._tagged(params)
        for key in params["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _list_tags_for_resource(self, params: Params) -> dict[str, Json]:
        tags = self._tagged(params)
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
