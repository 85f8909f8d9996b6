"""What the cost guard turns, as tests see it and set it; and starts that never happened, as their
metric would tell of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from sfnlocal.ports import Json
from sfnlocal.testing import LocalApp


def described(app: LocalApp, target: str) -> dict[str, Any]:
    """The target as the machine knows it."""
    definition = app.session.find("CostGuard").definition
    targets: list[dict[str, Any]] = definition["States"]["Begin"]["Assign"]["targets"]
    [found] = [one for one in targets if one["name"] == target]
    return found


def is_on(app: LocalApp, target: str) -> bool:
    """Whether what starts the target does so."""
    found = described(app, target)
    match found["kind"]:
        case "MAPPING":
            state = app.client("lambda").get_event_source_mapping(
                UUID=found["starterArn"].rpartition(":")[2]
            )["State"]
        case "SCHEDULE":
            state = schedule(app, target)["State"]
        case _:
            name = found["starterArn"].rpartition("/")[2]
            state = app.client("events").describe_rule(Name=name)["State"]
    return str(state).upper() == "ENABLED"


def is_there(app: LocalApp, target: str) -> bool:
    """Whether nobody has deleted what starts the target."""
    try:
        is_on(app, target)
    except ClientError:
        return False
    return True


def schedule(app: LocalApp, target: str) -> dict[str, Any]:
    _, group, name = described(app, target)["starterArn"].split("/")
    found: dict[str, Any] = app.client("scheduler").get_schedule(GroupName=group, Name=name)
    return found


def concurrency(app: LocalApp, target: str) -> int | None:
    found = app.client("lambda").get_function_concurrency(
        FunctionName=described(app, target)["function"]
    )
    reserved: int | None = found.get("ReservedConcurrentExecutions")
    return reserved


def set_concurrency(app: LocalApp, target: str, reserved: int) -> None:
    app.client("lambda").put_function_concurrency(
        FunctionName=described(app, target)["function"], ReservedConcurrentExecutions=reserved
    )


def count_starts(app: LocalApp, target: str, starts: int, at: datetime | None = None) -> None:
    metric = described(app, target)["metric"]
    app.session.aws.metrics.add(
        metric["Namespace"],
        metric["MetricName"],
        {one["Name"]: one["Value"] for one in metric["Dimensions"]},
        starts,
        at_ms=int((at or app.now - timedelta(minutes=2)).timestamp() * 1000),
    )


def after(app: LocalApp, operation: str, act: Callable[[int], None], times: int = 1) -> None:
    """Somebody else does something at the same time, right after a call: the first, the second."""
    aws = app.session.aws
    seen: list[str] = []

    def listen(_service: str, name: str, _params: Json, _response: Json) -> None:
        if name == operation and len(seen) < times:
            seen.append(name)
            aws.at(aws.now_ms, partial(act, len(seen)))

    aws.observe(listen)
