"""All that starts work in an app, made and loaded in one place.

Making them is cheap and routes their services; `load` reads what the template says of them.
"""

from __future__ import annotations

from sfnlocal.services.aws import Aws
from sfnlocal.triggers.alarms import Alarms
from sfnlocal.triggers.buses import Buses
from sfnlocal.triggers.http_apis import HttpApis
from sfnlocal.triggers.iot import IotRules
from sfnlocal.triggers.mappings import Mappings
from sfnlocal.triggers.object_events import ObjectEvents
from sfnlocal.triggers.pipes import Pipes
from sfnlocal.triggers.schedules import Schedules
from sfnlocal.triggers.topics import Topics


class Triggers:
    def __init__(self, aws: Aws) -> None:
        """Each trigger routes or listens here."""
        self.alarms = Alarms(aws)
        self.buses = Buses(aws)
        self.http_apis = HttpApis(aws)
        self.schedules = Schedules(aws)
        self.topics = Topics(aws)
        self.object_events = ObjectEvents(aws)
        self.iot_rules = IotRules(aws)
        self.mappings = Mappings(aws)
        self.pipes = Pipes(aws)

    def load(self) -> None:
        """Raises InputError for what AWS would refuse, with the resource."""
        self.alarms.load()
        self.buses.load()
        self.http_apis.load()
        self.schedules.load()
        self.topics.load()
        self.object_events.load()
        self.iot_rules.load()
        self.mappings.load()
        self.pipes.load()

    def stand_aside(self, queue_arn: str) -> None:
        """Somebody else takes the messages of this queue."""
        self.mappings.stand_aside(queue_arn)
        self.pipes.stand_aside(queue_arn)
