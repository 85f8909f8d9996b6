"""The service registry, running: registration, heartbeats and discovery over HTTP, and the machine
that keeps it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacks-event-bridge.html
https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

import pytest

from lambdas.registry.client import NoInstanceError, RegistryClient
from lambdas.registry.logic.discovery_cache import at_once
from sfnlocal.template import find_resource
from sfnlocal.testing import CALL, Failure, LocalApp, Success
from sfnlocal.triggers.http_messages import HttpResponse
from tests.callers import BAD_TOKENS, ask, bad_token, trust_issuer

API = "RegistryApi"
MACHINE = "KeepRegistry"
OWN = {"order-intake", "order-status"}
_NUMBERS = count(1)


@pytest.fixture(scope="module")
def world(sfn_load: Callable[..., AbstractContextManager[LocalApp]]) -> Iterator[LocalApp]:
    with sfn_load() as app:
        trust_issuer(app)
        app.pause_schedules(except_for=["Registry/KeepRegistry/Every15Minutes"])
        yield app


@pytest.fixture
def app(world: LocalApp) -> Iterator[LocalApp]:
    yield world
    world.session.mocks.clear()


@pytest.fixture
def service() -> str:
    """One that nobody else knows; the cache outlives a test."""
    return f"service-{next(_NUMBERS)}"


def post(app: LocalApp, route: str, body: Any, caller: str = "team-a") -> HttpResponse:
    return ask(app, "POST", f"/{route}", api=API, caller=caller, json=body)


def register(app: LocalApp, service: str, address: str = "10.0.0.1", **more: Any) -> HttpResponse:
    caller = more.pop("caller", "team-a")
    body = {"service": service, "address": address, "port": 8080, **more}
    return post(app, "register", body, caller)


def discovered(app: LocalApp, service: str) -> list[str]:
    answer = post(app, "discover", {"service": service})
    if answer.status == 404:
        return []
    assert answer.status == 200
    return sorted(one["instance"] for one in answer.json["instances"])


def stored(app: LocalApp, service: str) -> list[str]:
    return [
        str(item["instance"])
        for item in app.items("Instances")
        if item["service"] == service and item["instance"] != "#service"
    ]


def expirations(app: LocalApp) -> dict[str, int]:
    return {
        str(item["service"]): int(item["expiresAt"])
        for item in app.items("Instances")
        if "expiresAt" in item
    }


def deploy(app: LocalApp, stack: str, status: str = "UPDATE_COMPLETE") -> None:
    arn = f"arn:aws:cloudformation:{app.app.region}:{app.app.account}:stack/{stack}/0a1b"
    detail = {"stack-id": arn, "status-details": {"status": status, "status-reason": ""}}
    app.session.aws.emit("aws.cloudformation", "CloudFormation Stack Status Change", detail, [arn])
    app.run_until_idle()


# Instances


def test_an_instance_is_discovered_with_its_metadata(app: LocalApp, service: str) -> None:
    answer = register(app, service, metadata={"zone": "a"})
    assert (answer.status, answer.json["instance"]) == (201, "10.0.0.1:8080")
    found = post(app, "discover", {"service": service})
    assert found.json == {"service": service, "instances": [answer.json], "freshSeconds": 5}
    assert found.json["instances"][0]["metadata"] == {"zone": "a"}


def test_registering_twice_is_registering_once(app: LocalApp, service: str) -> None:
    assert [register(app, service).status for _ in range(2)] == [201, 201]
    assert stored(app, service) == ["10.0.0.1:8080"]


def test_a_name_is_the_one_callers_who_came_first(app: LocalApp, service: str) -> None:
    register(app, service)
    answer = register(app, service, "10.0.0.2", caller="team-b")
    assert (answer.status, answer.json["error"]) == (409, "ServiceNameTaken")
    assert stored(app, service) == ["10.0.0.1:8080"]


def test_without_heartbeat_an_instance_is_not_discovered_at_once(
    app: LocalApp, service: str
) -> None:
    register(app, service, heartbeatSeconds=10)
    app.advance(seconds=29)
    assert discovered(app, service) == ["10.0.0.1:8080"]
    app.advance(seconds=1)
    assert discovered(app, service) == []
    assert stored(app, service), "it is still in the table"


def test_a_heartbeat_keeps_an_instance_and_brings_it_back(app: LocalApp, service: str) -> None:
    register(app, service, heartbeatSeconds=10)
    for seconds in (25, 25, 35):
        app.advance(seconds=seconds)
        body = {"service": service, "instance": "10.0.0.1:8080"}
        assert post(app, "heartbeat", body).status == 200
        app.advance(seconds=3)
        assert discovered(app, service) == ["10.0.0.1:8080"]


def test_nobody_keeps_or_removes_anothers_instance(app: LocalApp, service: str) -> None:
    register(app, service)
    named = {"service": service, "instance": "10.0.0.1:8080"}
    beat = post(app, "heartbeat", named, "team-b")
    remove = ask(app, "DELETE", "/register", api=API, caller="team-b", query=named)
    assert [beat.status, remove.status] == [404, 404]
    assert stored(app, service) == ["10.0.0.1:8080"]


def test_an_instance_that_goes_is_gone_also_when_it_says_so_twice(
    app: LocalApp, service: str
) -> None:
    register(app, service)
    named = {"service": service, "instance": "10.0.0.1:8080"}
    for _ in range(2):
        answer = ask(app, "DELETE", "/register", api=API, caller="team-a", query=named)
        assert answer.status == 200
    assert stored(app, service) == []
    assert post(app, "heartbeat", named, "team-a").status == 404


@pytest.mark.parametrize(
    ("route", "body", "message"),
    [
        ("register", {"service": "A", "function": "f"}, "registration.service must match pattern"),
        ("register", {"service": "a1"}, "registration must be valid exactly by one definition"),
        (
            "register",
            {"service": "a1", "function": "f", "port": 1},
            "registration must be valid exactly by one definition",
        ),
        (
            "register",
            {"service": "a1", "address": "h", "port": 0},
            "registration.port must be bigger than or equal to 1",
        ),
        (
            "register",
            {"service": "a1", "function": "f", "heartbeatSeconds": 9},
            "registration.heartbeatSeconds must be bigger than or equal to 10",
        ),
        ("heartbeat", {"service": "a1"}, "heartbeat must contain ['instance'] properties"),
        ("discover", {}, "discovery must contain ['service'] properties"),
        ("discover", [], "discovery must be object"),
    ],
)
def test_what_does_not_fit_is_named(app: LocalApp, route: str, body: Any, message: str) -> None:
    answer = post(app, route, body)
    assert answer.status == 400
    assert answer.json["message"].startswith(message)


@pytest.mark.parametrize("route", ["register", "heartbeat", "discover"])
@pytest.mark.parametrize("name", BAD_TOKENS)
def test_only_callers_with_a_token_come_in(app: LocalApp, route: str, name: str) -> None:
    answer = app.request("POST", f"/{route}", api=API, json={}, headers=bad_token(app, name))
    assert answer.status == 401


def test_the_client_finds_what_is_registered(app: LocalApp, service: str) -> None:
    for last in range(3):
        register(app, service, f"10.0.0.{last}")

    def over_http(body: dict[str, str]) -> tuple[int, str]:
        answer = post(app, "discover", body)
        return answer.status, json.dumps(answer.json)

    client = RegistryClient(
        over_http, now_s=lambda: app.session.now_ms / 1000, refresh=at_once, seed=1
    )
    chosen = {client.choose(service)["address"] for _ in range(3)}
    assert chosen == {"10.0.0.0", "10.0.0.1", "10.0.0.2"}
    with pytest.raises(NoInstanceError):
        client.choose("nobody")


# The machine


def test_a_deployment_registers_the_apps_own_functions(app: LocalApp) -> None:
    deploy(app, "orders-dev-front")
    [run] = app.executions(MACHINE)[-1:]
    run.assert_succeeded({})
    assert {str(item["service"]) for item in app.items("Instances")} >= OWN
    [name] = discovered(app, "order-status")
    function = find_resource(app.app, "OrderFront/ReadOrder/Function", "AWS::Lambda::Function")
    assert function.arn.endswith(f":{name}")


@pytest.mark.parametrize("stack", ["orders-dev-front", "registry-dev"])
def test_the_first_deployment_registers_them_whichever_stack_comes_last(
    app: LocalApp, stack: str
) -> None:
    """The registry's own stack is the last one: its rule does not see the others'."""
    for item in app.items("Instances"):
        key = {name: {"S": str(item[name])} for name in ("service", "instance")}
        app.client("dynamodb").delete_item(TableName=app.table("Instances"), Key=key)
    schedule = "Registry/KeepRegistry/Every15Minutes"
    app.session.triggers.schedules.disable(schedule)
    # Longer than an answer is remembered.
    app.advance(minutes=2)
    assert [discovered(app, service) for service in OWN] == [[], []]
    app.advance(seconds=3)
    deploy(app, stack, "CREATE_COMPLETE")
    app.session.triggers.schedules.enable(schedule)
    assert [len(discovered(app, service)) for service in OWN] == [1, 1]


def test_a_function_that_is_gone_is_not_discovered_and_then_removed(app: LocalApp) -> None:
    """As its stack leaves it when the function has been taken out of the app."""
    deploy(app, "orders-dev-front")
    [name] = stored(app, "order-status")
    app.mock(MACHINE, "ReadFunction", [Failure("Lambda.ResourceNotFoundException", "gone")])
    app.advance(minutes=46)
    assert discovered(app, "order-status") == []
    assert stored(app, "order-status") == [name]
    app.advance(minutes=30)
    assert stored(app, "order-status") == []
    app.session.mocks.clear()
    deploy(app, "orders-dev-front")
    assert discovered(app, "order-status") == [name]


def test_what_the_app_no_longer_has_expires(app: LocalApp) -> None:
    """An instance of a function that the machine is not told of any more."""
    deploy(app, "orders-dev-front")
    [item] = [one for one in app.items("Instances") if one["instance"] == "#service"][:1]
    [own] = [
        one
        for one in app.items("Instances")
        if one["service"] == item["service"] and one["instance"] != "#service"
    ]
    app.put_item("Instances", {**own, "service": "old-service"})
    assert discovered(app, "old-service") == [own["instance"]]
    app.advance(minutes=46)
    assert discovered(app, "old-service") == []
    app.advance(minutes=30)
    assert stored(app, "old-service") == []


def test_a_heartbeat_that_cannot_be_written_fails_the_run_and_the_next_one_makes_up_for_it(
    app: LocalApp,
) -> None:
    deploy(app, "orders-dev-front")
    before = expirations(app)
    app.advance(seconds=60)
    app.mock(MACHINE, "WriteHeartbeat", [Failure("DynamoDb.ResourceNotFoundException", "gone")])
    app.run(MACHINE, {}).assert_failed("DynamoDb.ResourceNotFoundException")
    app.session.mocks.clear()
    app.run(MACHINE, {}).assert_succeeded({})
    after = expirations(app)
    assert all(after[service] > before[service] for service in OWN)


@pytest.mark.parametrize(
    ("stack", "status"),
    [("orders-dev", "UPDATE_COMPLETE"), ("orders-dev-front", "UPDATE_ROLLBACK_COMPLETE")],
)
def test_other_stacks_and_failures_register_nothing(app: LocalApp, stack: str, status: str) -> None:
    before = len(app.executions(MACHINE))
    deploy(app, stack, status)
    assert len(app.executions(MACHINE)) == before


def test_the_schedule_keeps_them(app: LocalApp) -> None:
    deploy(app, "orders-dev-front")
    app.advance(hours=2)
    assert discovered(app, "order-status")


def test_the_sweep_removes_what_has_been_overdue_for_a_while(app: LocalApp, service: str) -> None:
    register(app, service, heartbeatSeconds=10)
    app.advance(seconds=30 + 599)
    app.run(MACHINE, {})
    assert stored(app, service) == ["10.0.0.1:8080"]
    app.advance(seconds=2)
    app.run(MACHINE, {}).assert_succeeded({})
    assert stored(app, service) == []


def test_a_heartbeat_wins_over_the_sweep(app: LocalApp, service: str) -> None:
    """It comes between the sweep's reading and its removing."""
    register(app, service, heartbeatSeconds=10)
    app.advance(seconds=30 + 601)
    overdue = [{"service": {"S": service}, "instance": {"S": "10.0.0.1:8080"}}]
    post(app, "heartbeat", {"service": service, "instance": "10.0.0.1:8080"})
    app.mock(MACHINE, "FindOverdue", [Success({"Items": overdue})])
    run = app.run(MACHINE, {})
    run.assert_succeeded({})
    assert "HeardSince" in run.visited
    assert stored(app, service) == ["10.0.0.1:8080"]


def test_all_pages_are_swept(app: LocalApp, service: str) -> None:
    first = {"Items": [], "LastEvaluatedKey": {"service": {"S": "a"}, "instance": {"S": "b"}}}
    app.mock(MACHINE, "FindOverdue", [Success(first), CALL])
    run = app.run(MACHINE, {})
    run.assert_succeeded({})
    assert run.visited.count("FindOverdue") == 2


@pytest.mark.parametrize(
    ("configuration", "problem"),
    [
        (Success({"Configuration": {"State": "Failed"}}), "Failed"),
        (
            Success(
                {
                    "Configuration": {"State": "Active"},
                    "Concurrency": {"ReservedConcurrentExecutions": 0},
                }
            ),
            "Active, reserved concurrency 0",
        ),
        (Failure("Lambda.ResourceNotFoundException", "gone"), "Lambda.ResourceNotFoundException"),
    ],
)
def test_a_function_that_is_not_well_expires_and_the_run_says_so(
    app: LocalApp, configuration: Success | Failure, problem: str
) -> None:
    deploy(app, "orders-dev-front")
    before = expirations(app)
    app.advance(seconds=60)
    app.mock(MACHINE, "ReadFunction", [configuration, CALL])
    run = app.run(MACHINE, {})
    assert (run.status, run.error) == ("FAILED", "FunctionsUnheard")
    [unheard] = json.loads(run.cause or "")
    assert unheard["problem"] == problem
    after = expirations(app)
    [heard] = OWN - {unheard["service"]}
    assert after[unheard["service"]] == before[unheard["service"]]
    assert after[heard] > before[heard]
