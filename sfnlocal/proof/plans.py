"""Every plan of a proof: each fault of each site of each scenario, with each persistence.

A site that an earlier scenario reaches by the same path is not taken again, unless asked for: the
run is the same up to it. A plan that somebody writes by hand is checked against the same list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from sfnlocal.errors import InputError
from sfnlocal.ports import Json
from sfnlocal.proof import faults
from sfnlocal.proof.declared import declared_errors
from sfnlocal.proof.injection import Injection
from sfnlocal.proof.results import Persistence, Plan, Site, read_site
from sfnlocal.proof.scenarios import Fault, Proof, Scenario
from sfnlocal.proof.seen import SeenState
from sfnlocal.template import App, Function

_WHERE = "--plan"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The sites of a scenario's fault-free run."""

    scenario: Scenario
    injection: Injection


def all_plans(
    app: App,
    proof: Proof,
    recorded: Sequence[Recorded],
    *,
    every_error: bool = False,
    every_site: bool = False,
) -> list[Plan]:
    """In the scenarios' order, then in the order in which the sites were reached."""
    enumeration = _Enumeration(app, proof, every_error)
    plans: list[Plan] = []
    taken: set[object] = set()
    for one in recorded:
        only = one.scenario.only
        sites = (*one.injection.states, *one.injection.calls)
        _check_only(only, sites, proof, one.scenario)
        for site in sites:
            if only and site.name not in only:
                continue
            key = _reached(one.injection, site)
            if every_site or key not in taken:
                taken.add(key)
                plans += enumeration.of(one, site)
    return plans


def _check_only(only: Sequence[str], sites: Sequence[Site], proof: Proof, one: Scenario) -> None:
    names = {site.name for site in sites}
    for name in only:
        if name not in names:
            raise InputError(
                f"the scenario {one.name!r} does not come to {name!r}, which is all it tries",
                where=f"proof of {proof.state_machine}",
                hint="it comes to " + ", ".join(sorted(names)),
            )


def _reached(injection: Injection, site: Site) -> object:
    """What makes a site the same one in another scenario."""
    seen = injection.states.get(site)
    if seen is not None:
        return site.owner, site.name, seen.path
    call = injection.calls[site]
    if call.state is not None and call.state in injection.states:
        return site, injection.states[call.state].path
    return site


class _Enumeration:
    def __init__(
        self, app: App, proof: Proof, every_error: bool, *, statements: bool = False
    ) -> None:
        self._app = app
        self._proof = proof
        self._every_error = every_error
        self._statements = statements
        self._declared: dict[str, tuple[str, ...]] = {}

    def of(self, recorded: Recorded, site: Site) -> Iterator[Plan]:
        for choice in self._choices(recorded.injection, site):
            for persistence in choice.persistence:
                yield Plan(recorded.scenario.name, site, choice.fault, persistence, choice.like)

    def _choices(self, injection: Injection, site: Site) -> Iterator[faults.Choice]:
        if site.kind == "state":
            seen = injection.states[site]
            errors = (*self._proof.errors.get(site.name, ()), *self._declared_by(seen.function))
            return faults.state_faults(
                seen.state,
                errors,
                machine_time_out=seen.machine_time_out,
                sends_letter=site.name in self._proof.letter_states,
                outlived=self._outlives(seen),
                every_error=self._every_error,
                statements=self._statements,
            )
        call = injection.calls[site]
        return faults.call_faults(
            call.service, call.operation, of_handler=call.of_handler, retried=call.retries
        )

    def _outlives(self, seen: SeenState) -> bool:
        """May the function, or who has the token, still work when the state has timed out?"""
        limits = (seen.timeout_seconds, seen.state.heartbeat_seconds)
        if seen.state.resource.pattern == "WAIT_FOR_TASK_TOKEN":
            return limits != (None, None)
        found = _function(self._app, seen.function) if seen.function else None
        if found is None or seen.timeout_seconds is None:
            return False
        return found.timeout_seconds > seen.timeout_seconds

    def _declared_by(self, function: str) -> tuple[str, ...]:
        if not function:
            return ()
        if function not in self._declared:
            found = _function(self._app, function)
            self._declared[function] = declared_errors(found) if found else ()
        return self._declared[function]


def _function(app: App, name_or_arn: str) -> Function | None:
    name = name_or_arn.split(":")[6] if name_or_arn.count(":") > 5 else name_or_arn.split(":")[0]
    return next((one for one in app.functions if one.name == name), None)


def read_plan(text: str, proof: Proof) -> Plan:
    """The plan of a command line. InputError says what is wrong with it."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", where=_WHERE) from None
    fields = ("scenario", "site", "fault", "persistence")
    if not isinstance(given, dict) or given.keys() != set(fields):
        raise InputError(
            f"a plan is an object with {', '.join(fields)}", where=_WHERE, hint=f"given: {text}"
        )
    values: Mapping[str, Json] = given
    for name in fields:
        if not isinstance(values[name], str):
            raise InputError(f"{name} is no text", where=_WHERE)
    proof.scenario(values["scenario"])
    if values["persistence"] not in get_args(Persistence):
        raise InputError(
            f"unknown persistence {values['persistence']!r}",
            where=_WHERE,
            hint="one of " + ", ".join(get_args(Persistence)),
        )
    site = read_site(values["site"], _WHERE)
    return Plan(values["scenario"], site, values["fault"], values["persistence"])


def given_plan(scenario: Scenario, fault: Fault, where: str) -> Plan:
    """What a scenario says of a fault that belongs to it."""
    return Plan(scenario.name, read_site(fault.site, where), fault.fault, fault.persistence)


def check_plan(
    plan: Plan,
    app: App,
    proof: Proof,
    recorded: Recorded,
    where: str = _WHERE,
    *,
    statements: bool = False,
) -> Plan:
    """The plan itself. InputError where its site or its fault does not exist."""
    injection = recorded.injection
    sites = {**injection.states, **injection.calls}
    if plan.site not in sites:
        known = sorted({f"{one.owner}/{one.name}" for one in sites if one.kind == plan.site.kind})
        raise InputError(
            f"scenario {plan.scenario!r} does not come to {plan.site}",
            where=where,
            hint=f"its {plan.site.kind} sites: {', '.join(known)}",
        )
    every = list(
        _Enumeration(app, proof, every_error=True, statements=statements).of(recorded, plan.site)
    )
    if plan.fault not in {one.fault for one in every}:
        raise InputError(
            f"{plan.site} has no fault {plan.fault!r}",
            where=where,
            hint="its faults: " + ", ".join(dict.fromkeys(one.fault for one in every)),
        )
    if not any((one.fault, one.persistence) == (plan.fault, plan.persistence) for one in every):
        raise InputError(
            f"{plan.fault} at {plan.site} cannot last {plan.persistence}: it is not retried",
            where=where,
        )
    return plan
