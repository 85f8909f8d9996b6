"""The service registry: its table, its API, and the machine that keeps it.

This module wires and grants; the order of the steps stands in `workflows.keep_registry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from lambdas.registry.environments import RegistryEnvironment
from stacks.alarms import alarm_on_functions, alarm_on_machine, alarm_on_messages
from stacks.callers import Issuer
from stacks.dashboards import WorkflowDashboard
from stacks.http_front import HttpFront
from stacks.prices import Prices
from stacks.queues import dead_letter_queue
from stacks.stage import Stage
from stacks.tables import table
from workflows.function import FRONT, Package, ThinFunction, table_name
from workflows.function_heartbeat import EVERY
from workflows.keep_registry import KeepRegistry
from workflows.registry_deployment import keep_when_deployed
from workflows.schedule import schedule_machine

REGISTRY_PACKAGE = Package(("!/lambdas/registry/", FRONT))
FUNCTION_TIMEOUT_SECONDS = 10
SLOW = timedelta(minutes=1)


class RegistryStack(cdk.Stack):
    """`functions` are the app's own services, by name."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        functions: Mapping[str, ThinFunction],
        issuer: Issuer,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._removal = stage.removal_policy
        self.instances = table(
            self,
            "Instances",
            partition_key="service",
            sort_key="instance",
            expires_by="removeAt",
            removal_policy=self._removal,
        )
        lost_starts = dead_letter_queue(self, "LostStarts", removal_policy=self._removal)
        keep = KeepRegistry(
            self,
            "KeepRegistry",
            table=self.instances,
            functions={service: thin.function for service, thin in functions.items()},
            removal_policy=self._removal,
        )
        schedule_machine(
            keep,
            "Every15Minutes",
            machine=keep.machine,
            expression=scheduler.ScheduleExpression.rate(EVERY),
            description="Heartbeats of the app's own services, and the sweep of the registry",
            machine_input={},
            lost_starts=lost_starts,
            max_event_age=EVERY,
            removal_policy=self._removal,
        )
        keep_when_deployed(
            keep,
            keep.machine,
            # At its own deployment, too: the first time, it comes last.
            stacks=dict.fromkeys([self, *(cdk.Stack.of(thin) for thin in functions.values())]),
            lost_starts=lost_starts,
        )

        keep_instance = self._function("KeepInstance", "keep_instance")
        self.instances.grant(
            keep_instance.function,
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        )
        discover = self._function("Discover", "discover")
        self.instances.grant(discover.function, "dynamodb:Query")
        front = HttpFront(self, "RegistryApi", issuer=issuer, removal_policy=self._removal)
        front.route(apigateway.HttpMethod.POST, "/register", keep_instance)
        front.route(apigateway.HttpMethod.DELETE, "/register", keep_instance)
        front.route(apigateway.HttpMethod.POST, "/heartbeat", keep_instance)
        front.route(apigateway.HttpMethod.POST, "/discover", discover)

        alarm_on_messages(lost_starts)
        alarm_on_machine(keep.machine, slow_after=SLOW)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "RegistryDashboard",
            machines=[keep.machine],
            functions=[keep_instance, discover],
            dead_letters=[lost_starts],
            prices=Prices.from_context(self.node),
        )
        cdk.CfnOutput(self, "RegistryUrl", value=front.url)

    def _function(self, construct_id: str, module: str) -> ThinFunction:
        return ThinFunction(
            self,
            construct_id,
            handler=f"lambdas.registry.{module}.handler",
            environment=RegistryEnvironment(instances_table=table_name(self.instances)),
            package=REGISTRY_PACKAGE,
            timeout_seconds=FUNCTION_TIMEOUT_SECONDS,
            removal_policy=self._removal,
        )
