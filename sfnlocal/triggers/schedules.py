"""EventBridge Scheduler: the schedules of the app and those made through its API, in virtual time.

An occurrence is delivered at its time or, with a flexible time window, at a moment of the window
that the seed decides. It is delivered at least once: a test can ask for twice.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/what-is-scheduler.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sfnlocal.errors import ApiError, InputError, NeedsAwsError, SfnLocalError
from sfnlocal.services.aws import Aws
from sfnlocal.template import App, Resource, find_resource
from sfnlocal.triggers.occurrences import Recurring
from sfnlocal.triggers.schedule_api import SchedulerApi
from sfnlocal.triggers.schedule_definition import (
    DEFAULT_GROUP,
    ScheduleDefinition,
    template_schedule,
)
from sfnlocal.triggers.schedule_deliveries import ScheduledDeliveries
from sfnlocal.triggers.schedule_target import check_action, check_schedule_target, refused_target

SCHEDULE = "AWS::Scheduler::Schedule"
SCHEDULE_GROUP = "AWS::Scheduler::ScheduleGroup"


@dataclass(slots=True)
class Group:
    name: str
    arn: str
    created_ms: int
    modified_ms: int
    tags: dict[str, str]


@dataclass(slots=True, eq=False)
class RunningSchedule:
    """`recurring` is None while it is disabled."""

    definition: ScheduleDefinition
    arn: str
    created_ms: int
    modified_ms: int
    recurring: Recurring | None = None


class Schedules:
    """`groups` by name, `schedules` by group and name."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._occurrences = ScheduledDeliveries(aws)
        self._doubled: set[str] = set()
        self.groups: dict[str, Group] = {}
        self.schedules: dict[tuple[str, str], RunningSchedule] = {}
        self.add_group(DEFAULT_GROUP, {})
        aws.route("scheduler", SchedulerApi(self), guarded=True)

    # What the app has

    def load(self) -> None:
        """The template's groups and schedules. InputError for what AWS would refuse, or a target
        that the app does not have."""
        app = self._aws.app
        for resource in app.of_type(SCHEDULE_GROUP):
            tags = {tag["Key"]: tag["Value"] for tag in resource.properties.get("Tags", [])}
            self.add_group(resource.name, tags)
        for resource in app.of_type(SCHEDULE):
            try:
                definition = app.derived(_checked, resource)
            except NeedsAwsError:
                # One of the app's problems, which `sfnlocal list` shows.
                continue
            try:
                self.create(definition)
            except ApiError as error:
                raise InputError(error.message, where=resource.where) from None

    # What a test asks for; a schedule is named by name, ARN, or what names the resource in the app

    def duplicate(self, schedule: str) -> None:
        """Deliver its next occurrence twice, as EventBridge Scheduler may."""
        self._doubled.add(self._found(schedule).arn)

    def disable(self, schedule: str) -> None:
        """Let it start nothing until it is enabled, as UpdateSchedule does."""
        self._switch(schedule, enabled=False)

    def enable(self, schedule: str) -> None:
        self._switch(schedule, enabled=True)

    def _switch(self, schedule: str, *, enabled: bool) -> None:
        definition = self._found(schedule).definition
        said = {**definition.said, "State": "ENABLED" if enabled else "DISABLED"}
        self.update(replace(definition, enabled=enabled, said=said))

    def _found(self, text: str) -> RunningSchedule:
        for running in self.schedules.values():
            if text in (running.definition.name, running.arn):
                return running
        resource = find_resource(self._aws.app, text, SCHEDULE)
        for running in self.schedules.values():
            if running.arn == resource.arn:
                return running
        raise InputError(f"the schedule {text!r} is deleted", where=resource.where)

    # What the API does

    def add_group(self, name: str, tags: dict[str, str]) -> Group:
        if name in self.groups:
            raise ApiError("ConflictException", f"Schedule group {name} already exists.", 409)
        now_ms = self._aws.now_ms
        self.groups[name] = Group(name, self._arn("schedule-group", name), now_ms, now_ms, tags)
        return self.groups[name]

    def group(self, name: str) -> Group:
        if name not in self.groups:
            raise _not_found(f"Schedule group {name} does not exist.")
        return self.groups[name]

    def delete_group(self, name: str) -> None:
        """With its schedules."""
        self.group(name)
        if name == DEFAULT_GROUP:
            raise ApiError("ValidationException", "The default schedule group cannot be deleted.")
        for running in [one for one in self.schedules.values() if one.definition.group == name]:
            self._remove(running)
        del self.groups[name]

    def create(self, definition: ScheduleDefinition) -> RunningSchedule:
        self.group(definition.group)
        check_action(definition.target.arn)
        key = definition.group, definition.name
        if key in self.schedules:
            raise ApiError("ConflictException", f"Schedule {key[1]} already exists.", 409)
        now_ms = self._aws.now_ms
        arn = self._arn("schedule", f"{key[0]}/{key[1]}")
        self.schedules[key] = RunningSchedule(definition, arn, now_ms, now_ms)
        self._begin(self.schedules[key])
        return self.schedules[key]

    def find(self, group: str, name: str) -> RunningSchedule:
        running = self.schedules.get((group, name))
        if running is None:
            raise _not_found(f"Schedule {name} does not exist.")
        return running

    def update(self, definition: ScheduleDefinition) -> RunningSchedule:
        """Replaces all of it; what is not said has its default again."""
        running = self.find(definition.group, definition.name)
        check_action(definition.target.arn)
        running.definition = definition
        running.modified_ms = self._aws.now_ms
        self._begin(running)
        return running

    def delete(self, group: str, name: str) -> None:
        self._remove(self.find(group, name))

    def _remove(self, running: RunningSchedule) -> None:
        if running.recurring is not None:
            running.recurring.stop()
        key = running.definition.group, running.definition.name
        if self.schedules.get(key) is running:
            del self.schedules[key]

    def _arn(self, kind: str, name: str) -> str:
        app = self._aws.app
        return f"arn:{app.partition}:scheduler:{app.region}:{app.account}:{kind}/{name}"

    # What happens

    def _begin(self, running: RunningSchedule) -> None:
        if running.recurring is not None:
            running.recurring.stop()
            running.recurring = None
        definition = running.definition
        if definition.enabled:
            schedule, after_ms = definition.begun(self._aws.now_ms)
            running.recurring = Recurring(
                self._aws,
                schedule,
                lambda at_ms: self._occur(running, at_ms),
                after_ms=after_ms,
                until_ms=definition.until_ms,
            )

    def _occur(self, running: RunningSchedule, at_ms: int) -> None:
        times = 2 if running.arn in self._doubled else 1
        self._doubled.discard(running.arn)
        recurring = running.recurring
        assert recurring is not None
        self._aws.at(
            at_ms + running.definition.window_offset_ms(running.arn, at_ms, self._aws.seed),
            lambda: self._invoke(running, recurring, at_ms, times),
            lambda: not recurring.stopped,
        )

    def _invoke(
        self, running: RunningSchedule, recurring: Recurring, at_ms: int, times: int
    ) -> None:
        for _ in range(times):
            self._occurrences.deliver(running.definition, running.arn, at_ms)
        if recurring.next_ms is None and running.definition.deleted_after_completion:
            self._remove(running)


def _checked(app: App, resource: Resource) -> ScheduleDefinition:
    definition = template_schedule(resource)
    check_schedule_target(definition.target, app, resource.where)
    return definition


def refusals(app: App) -> list[tuple[Resource, str]]:
    """The schedules of the template that start nothing here, and why."""
    found = []
    for resource in app.of_type(SCHEDULE):
        try:
            refusal = refused_target(template_schedule(resource).target.arn)
        except SfnLocalError as error:
            refusal = error.message
        if refusal is not None:
            found.append((resource, refusal))
    return found


def _not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message, 404)
