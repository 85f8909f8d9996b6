"""After a heal, what failed meanwhile is replayed: DeadLetters hears of it as an event, and brings
back the letters of the function that was healed."""

from __future__ import annotations

from aws_cdk import aws_events as events
from constructs import Construct

from workflows.heal_tasks import HEALED_EVENT, SOURCE
from workflows.machine import Machine
from workflows.queue import Queue
from workflows.rule import start_on_events


class HealReplay(Construct):
    """`machine` is DeadLetters; what does not reach it goes to `lost_events`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        machine: Machine,
        lost_events: Queue,
    ) -> None:
        super().__init__(scope, construct_id)
        start_on_events(
            self,
            "Healed",
            machine=machine,
            description=f"Functions that were healed, to {machine.name}",
            pattern=events.EventPattern(source=[SOURCE], detail_type=[HEALED_EVENT]),
            machine_input=events.RuleTargetInput.from_object(
                {
                    "queue": events.EventField.from_path("$.detail.deadLetters"),
                    "action": "REPLAY",
                    "startedBy": events.EventField.from_path("$.detail.healedBy"),
                    "reason": events.EventField.from_path("$.detail.reason"),
                }
            ),
            lost_events=lost_events,
        )
