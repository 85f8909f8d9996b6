"""The filter chain: a bus, for each filter a rule, a queue and a function, and where the way ends.

A filter is added by naming it in FILTERS and writing its function; no other filter and no rule of
one changes. What no rule knows is kept by a rule of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_event_sources as event_sources
from constructs import Construct

from lambdas.environment import EventBusName
from lambdas.filters.environments import FilterEnvironment
from lambdas.filters.payloads import DETAIL_TYPE, DONE, FILTERS, SOURCE
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.dashboards import WorkflowDashboard
from stacks.prices import Prices
from stacks.queues import dead_letter_queue, source_queue
from stacks.stage import Stage
from stacks.tables import table
from workflows.filter_chain import BATCH_SIZE, MACHINE_TIME_OUT, StoreItem
from workflows.function import Package, ThinFunction
from workflows.queue import Queue
from workflows.queue_pipe import QueuePipe

FILTER_PACKAGE = Package(("!/lambdas/filters/",))
FILTER_TIMEOUT_SECONDS = 30
SLOW_STORE = timedelta(seconds=30)


class FilterChainStack(cdk.Stack):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._removal = stage.removal_policy
        self.bus = events.EventBus(self, "FilterBus", event_bus_name=f"filters-{stage.name}")
        self._lost = dead_letter_queue(self, "LostItems", removal_policy=self._removal)
        unroutable = dead_letter_queue(self, "UnroutableItems", removal_policy=self._removal)
        self._dead_letters = [self._lost, unroutable]

        filters = [self._filter(name) for name in FILTERS]
        self._store()
        # Also an event without the field: nobody who mistypes a filter's name loses an item.
        self._route(
            "ToNobody",
            unroutable,
            {"nextFilter": [{"anything-but": [*FILTERS, DONE]}, {"exists": False}]},
        )
        self._operations(filters)
        cdk.CfnOutput(self, "FilterBusName", value=self.bus.event_bus_name)
        cdk.CfnOutput(self, "FilteredItemsTable", value=self.items.table_name)

    def _filter(self, name: str) -> ThinFunction:
        title = name.capitalize()
        queue = self._queue(f"{title}Queue", FILTER_TIMEOUT_SECONDS)
        self._route(f"To{title}", queue, {"nextFilter": [name]})
        thin = ThinFunction(
            self,
            title,
            handler=f"lambdas.filters.{name}.handler",
            environment=FilterEnvironment(filter_bus=EventBusName(self.bus.event_bus_name)),
            package=FILTER_PACKAGE,
            timeout_seconds=FILTER_TIMEOUT_SECONDS,
            removal_policy=self._removal,
        )
        self.bus.grant_put_events_to(thin.function)
        thin.function.add_event_source(
            event_sources.SqsEventSource(queue, report_batch_item_failures=True)
        )
        return thin

    def _store(self) -> None:
        self.items = table(
            self, "FilteredItems", partition_key="itemId", removal_policy=self._removal
        )
        queue = self._queue("DoneQueue", MACHINE_TIME_OUT.to_seconds())
        self._route("ToDone", queue, {"nextFilter": [DONE]})
        self.store_item = StoreItem(
            self, "StoreItem", items=self.items, removal_policy=self._removal
        ).machine
        QueuePipe(self, "DonePipe", queue=queue, machine=self.store_item, batch_size=BATCH_SIZE)

    def _queue(self, construct_id: str, consumer_timeout_seconds: float) -> Queue:
        queue, dead = source_queue(
            self,
            construct_id,
            consumer_timeout_seconds=int(consumer_timeout_seconds),
            removal_policy=self._removal,
        )
        self._dead_letters.append(dead)
        return queue

    def _route(self, construct_id: str, queue: Queue, detail: dict[str, Any]) -> None:
        """The queue gets the events' details; what cannot be delivered is kept as an event."""
        events.Rule(
            self,
            construct_id,
            event_bus=self.bus,
            event_pattern=events.EventPattern(
                source=[SOURCE], detail_type=[DETAIL_TYPE], detail=detail
            ),
            targets=[
                targets.SqsQueue(
                    queue,
                    message=events.RuleTargetInput.from_event_path("$.detail"),
                    dead_letter_queue=self._lost,
                )
            ],
        )

    def _operations(self, filters: Sequence[ThinFunction]) -> None:
        for queue in self._dead_letters:
            alarm_on_messages(queue)
        alarm_on_machine(self.store_item, slow_after=SLOW_STORE)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "FilterDashboard",
            machines=[self.store_item],
            functions=filters,
            dead_letters=self._dead_letters,
            prices=Prices.from_context(self.node),
        )
