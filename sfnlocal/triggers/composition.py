"""All that starts work in an app, in one place.

A trigger is made when the template has something for it, or when its service is first called:
importing them all takes longer than most runs.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from sfnlocal.services.aws import Aws

if TYPE_CHECKING:
    from sfnlocal.triggers.alarms import Alarms
    from sfnlocal.triggers.buses import Buses
    from sfnlocal.triggers.http_apis import HttpApis
    from sfnlocal.triggers.iot import IotRules
    from sfnlocal.triggers.mappings import Mappings
    from sfnlocal.triggers.object_events import ObjectEvents
    from sfnlocal.triggers.pipes import Pipes
    from sfnlocal.triggers.schedules import Schedules
    from sfnlocal.triggers.topics import Topics

# What of a template wants which trigger, in the order in which they are loaded.
_WANTED = {
    "alarms": ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"),
    "buses": (
        "AWS::Events::EventBus",
        "AWS::Events::EventBusPolicy",
        "AWS::Events::Rule",
        "AWS::Events::Archive",
    ),
    "http_apis": ("AWS::ApiGatewayV2::Api",),
    "schedules": ("AWS::Scheduler::Schedule", "AWS::Scheduler::ScheduleGroup"),
    "topics": ("AWS::SNS::Topic", "AWS::SNS::Subscription"),
    "object_events": ("AWS::S3::Bucket",),
    "iot_rules": ("AWS::IoT::TopicRule",),
    "mappings": ("AWS::Lambda::EventSourceMapping",),
    "pipes": ("AWS::Pipes::Pipe",),
}
_SERVICES = {
    "cloudwatch": "alarms",
    "events": "buses",
    "scheduler": "schedules",
    "sns": "topics",
    "s3": "object_events",
    "iot-data": "iot_rules",
    "pipes": "pipes",
}


class Triggers:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        for service, name in _SERVICES.items():
            aws.on_demand(service, partial(getattr, self, name))
        aws.event_sources.runner = lambda: self.mappings

    def load(self) -> None:
        """Raises InputError for what AWS would refuse, with the resource."""
        for name, types in _WANTED.items():
            if self._aws.app.of_type(*types):
                getattr(self, name).load()

    @cached_property
    def alarms(self) -> Alarms:
        from sfnlocal.triggers.alarms import Alarms

        return Alarms(self._aws)

    @cached_property
    def buses(self) -> Buses:
        from sfnlocal.triggers.buses import Buses

        return Buses(self._aws)

    @cached_property
    def http_apis(self) -> HttpApis:
        from sfnlocal.triggers.http_apis import HttpApis

        return HttpApis(self._aws)

    @cached_property
    def schedules(self) -> Schedules:
        from sfnlocal.triggers.schedules import Schedules

        return Schedules(self._aws)

    @cached_property
    def topics(self) -> Topics:
        from sfnlocal.triggers.topics import Topics

        return Topics(self._aws)

    @cached_property
    def object_events(self) -> ObjectEvents:
        from sfnlocal.triggers.object_events import ObjectEvents

        return ObjectEvents(self._aws)

    @cached_property
    def iot_rules(self) -> IotRules:
        from sfnlocal.triggers.iot import IotRules

        return IotRules(self._aws)

    @cached_property
    def mappings(self) -> Mappings:
        from sfnlocal.triggers.mappings import Mappings

        return Mappings(self._aws)

    @cached_property
    def pipes(self) -> Pipes:
        from sfnlocal.triggers.pipes import Pipes

        return Pipes(self._aws)

    def listens(self, source: str, detail_type: str, **facts: str) -> bool:
        """Could a rule or an archive want such an event?"""
        return "buses" in self.__dict__ and self.buses.listens(source, detail_type, **facts)

    def stand_aside(self, queue_arn: str) -> None:
        """Somebody else takes the messages of this queue."""
        self.mappings.stand_aside(queue_arn)
        self.pipes.stand_aside(queue_arn)
