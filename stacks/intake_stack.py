"""Form intake: a public page, the proxy behind its form, the machine that checks and stores, and
the table. Nothing of it is a single point: each part is a service of several Availability Zones.

This module wires and grants; the order of the steps stands in `workflows`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from lambdas.environment import Environment, StateMachineArn
from lambdas.intake.environments import ShowFormEnvironment, TakeSubmissionEnvironment
from stacks.alarms import alarm_on_functions, alarm_on_machine
from stacks.dashboards import WorkflowDashboard
from stacks.http_front import HttpFront
from stacks.prices import Prices
from stacks.stage import Stage
from stacks.tables import table
from workflows.function import INTAKE_PACKAGE, ThinFunction
from workflows.intake import Intake

PAGE_TIMEOUT_SECONDS = 5
# Longer than the proxy waits for the machine, shorter than API Gateway waits for the proxy.
PROXY_TIMEOUT_SECONDS = 25
SLOW = timedelta(seconds=5)

PAGES_PER_SECOND = 20
PAGES_AT_ONCE = 40
SUBMISSIONS_PER_SECOND = 10
SUBMISSIONS_AT_ONCE = 20


class IntakeStack(cdk.Stack):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._removal_policy = removal = stage.removal_policy
        submissions = table(
            self, "Submissions", partition_key="submissionId", removal_policy=removal
        )
        intake = Intake(self, "Intake", submissions=submissions, removal_policy=removal).machine

        show_form = self._function(
            "ShowForm", "show_form", ShowFormEnvironment(), PAGE_TIMEOUT_SECONDS
        )
        take_submission = self._function(
            "TakeSubmission",
            "take_submission",
            TakeSubmissionEnvironment(intake_machine=StateMachineArn(intake.arn)),
            PROXY_TIMEOUT_SECONDS,
        )
        intake.grant_start_sync_execution(take_submission.function)

        front = HttpFront(self, "IntakeApi", issuer=None, removal_policy=removal)
        front.public_route(
            apigateway.HttpMethod.GET,
            "/",
            show_form,
            requests_per_second=PAGES_PER_SECOND,
            requests_at_once=PAGES_AT_ONCE,
            reason="A page for every visitor; it knows nothing.",
        )
        front.public_route(
            apigateway.HttpMethod.POST,
            "/submissions",
            take_submission,
            requests_per_second=SUBMISSIONS_PER_SECOND,
            requests_at_once=SUBMISSIONS_AT_ONCE,
            reason="Visitors have no token; size and rate are limited, each entry is checked.",
        )

        alarm_on_machine(intake, slow_after=SLOW)
        alarm_on_functions(self)
        WorkflowDashboard(
            self,
            "IntakeDashboard",
            machines=[intake],
            functions=[show_form, take_submission],
            dead_letters=[],
            prices=Prices.from_context(self.node),
        )
        cdk.CfnOutput(self, "IntakeUrl", value=front.url)
        cdk.CfnOutput(self, "SubmissionsTable", value=submissions.table_name)

    def _function(
        self, construct_id: str, module: str, environment: Environment, timeout_seconds: int
    ) -> ThinFunction:
        return ThinFunction(
            self,
            construct_id,
            handler=f"lambdas.intake.{module}.handler",
            environment=environment,
            package=INTAKE_PACKAGE,
            timeout_seconds=timeout_seconds,
            removal_policy=self._removal_policy,
        )
