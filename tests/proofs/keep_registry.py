"""The registry's machine: every single fault between a function's configuration and its heartbeat.

Express, and without letters: what one run could not do, the next one does."""

from __future__ import annotations

import json

from lambdas.registry.payloads import SERVICE
from sfnlocal.proof import Proof, Scenario
from sfnlocal.template import find_resource
from sfnlocal.testing import LocalApp

TAKEN = "order-status"
# Of the machine's Scans; proofs import no workflow, since that starts the CDK.
ITEMS_PER_PAGE = 100


def keep(app: LocalApp) -> None:
    app.run("KeepRegistry", {})


def instance(service: str, expires_at_s: int) -> dict[str, object]:
    return {
        "service": service,
        "instance": "10.0.0.1:80",
        "owner": "team-a",
        "found": json.dumps({"instance": "10.0.0.1:80", "metadata": {}}),
        "livesSeconds": 30,
        "expiresAt": expires_at_s,
    }


def with_instances(app: LocalApp) -> None:
    """One that is long overdue, and one that lives."""
    now_s = app.session.now_ms // 1000
    app.put_item("Instances", instance("gone", now_s - 3600))
    app.put_item("Instances", instance("here", now_s + 30 * 24 * 3600))


def with_a_taken_name(app: LocalApp) -> None:
    app.put_item("Instances", {"service": TAKEN, "instance": SERVICE, "owner": "team-a"})


# What holds at any time


def the_living_are_kept(app: LocalApp) -> None:
    services = {str(item["service"]) for item in app.items("Instances")}
    assert "here" in services or "gone" not in services, "an instance that lives was removed"


def names_have_one_owner(app: LocalApp) -> None:
    owners: dict[str, set[str]] = {}
    for item in app.items("Instances"):
        owners.setdefault(str(item["service"]), set()).add(str(item["owner"]))
    for service, found in owners.items():
        assert len(found) == 1, f"{service} is {' and '.join(sorted(found))}'s"


def with_a_stopped_function(app: LocalApp) -> None:
    name = find_resource(app.app, "OrderFront/ReadOrder/Function", "AWS::Lambda::Function").arn
    app.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)


def with_two_pages(app: LocalApp) -> None:
    """Most of what is in them lives."""
    with_instances(app)
    now_s = app.session.now_ms // 1000
    for number in range(ITEMS_PER_PAGE):
        app.put_item("Instances", instance(f"here-{number}", now_s + 30 * 24 * 3600))


KEEP_REGISTRY = Proof(
    state_machine="KeepRegistry",
    scenarios=[
        Scenario(name="kept", about="both functions are there", start=keep, prepare=with_instances),
        Scenario(
            name="name-taken",
            about="another has registered the name of one of them",
            start=keep,
            prepare=with_a_taken_name,
            expect="FAILED",
        ),
        Scenario(
            name="stopped",
            about="nobody can call one of them",
            start=keep,
            prepare=with_a_stopped_function,
            expect="FAILED",
        ),
        Scenario(
            name="two-pages",
            about="the registry is read in pages",
            start=keep,
            prepare=with_two_pages,
        ),
    ],
    recover=keep,
    schedules=(),
    invariants=[the_living_are_kept, names_have_one_owner],
    ignore={
        "Instances.expiresAt": "it says when the instance was heard",
        "Instances.removeAt": "the same",
    },
)
