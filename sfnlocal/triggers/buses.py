"""EventBridge's event buses: what comes onto a bus goes to the targets of the rules that match it.

Strategy: each bus has an index of its enabled rules, made again after they have changed, so that an
event is compared with few of them. Events of services are only made where a rule or an archive
could want them: `listens` says so from the strings that patterns ask for.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfnlocal.arns import Arn
from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.triggers.archives import ARCHIVE_FIELDS, Archive, Archives
from sfnlocal.triggers.bus_events import EventMaker
from sfnlocal.triggers.bus_resources import load_buses
from sfnlocal.triggers.events_api import EventsApi
from sfnlocal.triggers.occurrences import Recurring
from sfnlocal.triggers.patterns import Pattern, compile_pattern
from sfnlocal.triggers.rule_deliveries import RuleDeliveries
from sfnlocal.triggers.rule_index import RuleIndex
from sfnlocal.triggers.rules import Rule

_DEFAULT = "default"


@dataclass(slots=True)
class EventBus:
    """`given` is as CreateEventBus and UpdateEventBus had it; `statements` of its policy are by
    their ids."""

    name: str
    arn: str
    created_ms: int
    modified_ms: int
    given: dict[str, Json] = field(default_factory=dict)
    statements: dict[str, Json] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    index: RuleIndex[str] | None = None

    def matching(self, event: Mapping[str, Json]) -> list[Rule]:
        if self.index is None:
            self.index = RuleIndex()
            for rule in self.rules.values():
                if rule.enabled and rule.pattern is not None:
                    self.index.add(rule.name, rule.pattern)
        return [self.rules[name] for name in self.index.matching(event)]


@dataclass(slots=True)
class _Loss:
    pattern: Pattern
    count: int


class Buses:
    """Answers the service `events`; `tags` are by ARN."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.tags: dict[str, dict[str, str]] = {}
        self.events = EventMaker(aws.app, aws.seed)
        self.archives = Archives(aws, self._resend)
        self.buses: dict[str, EventBus] = {}
        self._deliveries = RuleDeliveries(aws, self._forward)
        self._schedules: dict[str, Recurring] = {}
        self._losses: list[_Loss] = []
        self._listened: dict[tuple[str, ...], bool] = {}
        self.add_bus(_DEFAULT, {})
        aws.route("events", EventsApi(self), guarded=True)
        aws.on_event(self._emitted)

    def load(self) -> None:
        """What the template says. InputError with the resource for what AWS would refuse."""
        load_buses(self)

    # Buses, archives and rules

    def add_bus(self, name: str, given: dict[str, Json]) -> EventBus:
        now_ms = self.aws.now_ms
        arn = self.arn(f"event-bus/{name}")
        self.buses[name] = EventBus(name, arn, now_ms, now_ms, given)
        return self.buses[name]

    def arn(self, resource: str) -> str:
        app = self.aws.app
        return str(Arn(app.partition, "events", app.region, app.account, resource))

    def bus(self, name_or_arn: str | None) -> EventBus:
        """By name or ARN; None is the default one. ApiError where there is none."""
        name = (name_or_arn or _DEFAULT).rpartition("/")[2]
        bus = self.buses.get(name)
        if bus is None or ((name_or_arn or "").startswith("arn:") and bus.arn != name_or_arn):
            raise ApiError("ResourceNotFoundException", f"Event bus {name} does not exist.")
        return bus

    def put_rule(self, rule: Rule) -> None:
        """A new rule, or what takes the place of one of that name."""
        bus = self.buses[rule.bus_name]
        before = bus.rules.get(rule.name)
        bus.rules[rule.name] = rule
        same = before is not None and (before.schedule_expression, before.enabled) == (
            rule.schedule_expression,
            rule.enabled,
        )
        if not same:
            self._stop_schedule(rule.arn)
            self._start_schedule(rule)
        self._changed(bus)

    def delete_rule(self, rule: Rule) -> None:
        bus = self.buses[rule.bus_name]
        del bus.rules[rule.name]
        self.tags.pop(rule.arn, None)
        self._stop_schedule(rule.arn)
        self._changed(bus)

    def _changed(self, bus: EventBus) -> None:
        bus.index = None
        self._listened.clear()

    def allow(self, bus: EventBus, given: Mapping[str, Json]) -> None:
        """A statement of a bus's policy, from PutPermission or a template."""
        principal = given["Principal"]
        account = f"arn:{self.aws.app.partition}:iam::{principal}:root"
        statement: dict[str, Json] = {
            "Sid": given["StatementId"],
            "Effect": "Allow",
            "Principal": "*" if principal == "*" else {"AWS": account},
            "Action": given["Action"],
            "Resource": bus.arn,
        }
        if condition := given.get("Condition"):
            value = {condition["Key"]: condition["Value"]}
            statement["Condition"] = {condition["Type"]: value}
        bus.statements[given["StatementId"]] = statement

    def add_archive(self, name: str, bus_arn: str, given: Mapping[str, Json]) -> Archive:
        """From CreateArchive or a template. ApiError."""
        if name in self.archives.archives:
            raise ApiError("ResourceAlreadyExistsException", f"Archive {name} already exists.")
        bus = self.bus(bus_arn)
        pattern = given.get("EventPattern")
        archive = self.archives.archives[name] = Archive(
            name,
            self.arn(f"archive/{name}"),
            bus.arn,
            self.aws.now_ms,
            {field: given[field] for field in ARCHIVE_FIELDS if field in given},
            None if pattern is None else compile_pattern(pattern),
        )
        self.archives_changed()
        return archive

    def archives_changed(self) -> None:
        self._listened.clear()

    # Schedules of rules

    def _start_schedule(self, rule: Rule) -> None:
        if rule.schedule is None or not rule.enabled:
            return
        now_ms = self.aws.now_ms
        self._schedules[rule.arn] = Recurring(
            self.aws,
            rule.schedule.counted_from(now_ms),
            lambda at_ms: self._occurred(rule.bus_name, rule.name, at_ms),
            after_ms=now_ms,
        )

    def _stop_schedule(self, arn: str) -> None:
        schedule = self._schedules.pop(arn, None)
        if schedule is not None:
            schedule.stop()

    def _occurred(self, bus_name: str, rule_name: str, at_ms: int) -> None:
        """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html"""
        rule = self.buses[bus_name].rules[rule_name]
        event = self.events.event("aws.events", "Scheduled Event", {}, [rule.arn], at_ms)
        self._deliveries.trigger(rule, event, forwarded=False)

    # Events

    def receive(
        self,
        bus: EventBus,
        event: Mapping[str, Json],
        *,
        forwarded: bool = False,
        rule_arns: frozenset[str] = frozenset(),
    ) -> None:
        """An event comes onto the bus. `forwarded`: from another one; `rule_arns`: for no other
        rules."""
        for rule in bus.matching(event):
            if not rule_arns or rule.arn in rule_arns:
                self._deliveries.trigger(rule, event, forwarded=forwarded)
        self.archives.keep(bus.arn, event)

    def _forward(self, bus_arn: str, event: Mapping[str, Json]) -> str:
        self.receive(self.bus(bus_arn), event, forwarded=True)
        return str(event["id"])

    def _resend(self, bus_arn: str, event: Mapping[str, Json], rule_arns: frozenset[str]) -> None:
        self.receive(self.bus(bus_arn), event, rule_arns=rule_arns)

    def _emitted(self, source: str, detail_type: str, detail: Json, resources: list[str]) -> None:
        """A service sends an event onto the default bus."""
        event = self.events.event(source, detail_type, detail, resources, self.aws.now_ms)
        if not self._is_lost(event):
            self.receive(self.buses[_DEFAULT], event)

    def listens(self, source: str, detail_type: str, **detail: str) -> bool:
        """Could somebody want an event of a service like this? Cheap, so that the event itself
        need not be made: only strings that a pattern asks for are compared."""
        key = (source, detail_type, *detail.values())
        listened = self._listened.get(key)
        if listened is None:
            known: dict[tuple[str, ...], str] = {
                ("source",): source,
                ("detail-type",): detail_type,
                **{("detail", name): text for name, text in detail.items()},
            }
            listened = self._listened[key] = self._could_match(known)
        return listened

    def _could_match(self, known: Mapping[tuple[str, ...], str]) -> bool:
        bus = self.buses[_DEFAULT]
        archives = self.archives.of_bus(bus.arn)
        if any(archive.pattern is None for archive in archives):
            return True
        patterns = [rule.pattern for rule in bus.rules.values() if rule.enabled]
        patterns += [archive.pattern for archive in archives]
        return any(
            all(
                path not in known or known[path] in texts
                for path, texts in pattern.exact_strings().items()
            )
            for pattern in patterns
            if pattern is not None
        )

    # Losses

    def lose_next(self, pattern: Json, count: int = 1) -> None:
        """Lose the next `count` events of services that match the pattern, of those that somebody
        listens to: services send them as best they can."""
        self._losses.append(_Loss(compile_pattern(pattern), count))

    def _is_lost(self, event: Mapping[str, Json]) -> bool:
        for loss in self._losses:
            if loss.count and loss.pattern.matches(event):
                loss.count -= 1
                return True
        return False
