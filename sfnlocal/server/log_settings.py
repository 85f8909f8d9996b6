"""Log settings of a state machine: checked as CreateStateMachine does it, and in the API's casing.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_LoggingConfiguration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sfnlocal.arns import Arn, parse_arn
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.log_delivery import log_group_name

Params = dict[str, Any]

_OFF: Params = {"level": "OFF", "includeExecutionData": False}


def checked_log_settings(session: Session, given: Params | None) -> Params:
    """Raises ApiError where the destination is missing or does not exist."""
    settings = {**_OFF, **(given or {})}
    destinations = settings.get("destinations", [])
    if len(destinations) > 1 or (settings["level"] != "OFF" and not destinations):
        raise _invalid("Must specify exactly one Log Destination.")
    for destination in destinations:
        arn = log_group(destination)
        if arn is None or not _log_group_exists(session, log_group_name(arn)):
            raise _invalid("Log Destination not found.")
    return settings


def log_group(destination: Mapping[str, Json]) -> Arn | None:
    """None where the destination names none."""
    try:
        return parse_arn(destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn", ""))
    except ValueError:
        return None


def _log_group_exists(session: Session, name: str) -> bool:
    found = session.aws.client("logs").describe_log_groups(logGroupNamePrefix=name)
    return any(group["logGroupName"] == name for group in found["logGroups"])


def _invalid(why: str) -> ApiError:
    return ApiError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {why}")


def template_log_settings(properties: Mapping[str, Json]) -> Params:
    """From the LoggingConfiguration of a template's state machine."""
    given = properties.get("LoggingConfiguration")
    if not isinstance(given, dict):
        return _OFF
    settings: Params = {
        "level": given.get("Level", "OFF"),
        "includeExecutionData": bool(given.get("IncludeExecutionData", False)),
    }
    destinations = [
        {"cloudWatchLogsLogGroup": {"logGroupArn": group.get("LogGroupArn", "")}}
        for destination in given.get("Destinations") or ()
        if isinstance(group := destination.get("CloudWatchLogsLogGroup"), dict)
    ]
    if destinations:
        settings["destinations"] = destinations
    return settings
