"""An HTTP API in front of a workflow: routes that only callers with a token reach, throttled, with
an access log; and the queue from which executions are started.

A pipe would start a Standard execution without a name of ours, and so twice; a function names it.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import aws_cdk as cdk
import jsii
from aws_cdk import aws_apigateway as apigw
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_logs as logs
from constructs import Construct

from lambdas.environment import StateMachineArn
from lambdas.front.environments import StartExecutionEnvironment
from stacks.alarms import alarm_on_api, alarm_on_backlog, alarm_on_messages
from stacks.callers import Issuer
from stacks.queues import source_queue
from stacks.web_origins import let_pages_call
from workflows.findings import acknowledge
from workflows.function import FRONT_PACKAGE, ThinFunction
from workflows.machine import Machine

# Of all callers together. The account's own limit is 10,000 a second.
REQUESTS_PER_SECOND = 50
REQUESTS_AT_ONCE = 100

START_TIMEOUT_SECONDS = 10
# Six time-outs between two receives: what cannot be started is tried for four hours.
START_RECEIVES_MAX = 240
STARTERS_MAX = 5


@jsii.implements(apigateway.IAccessLogSettings)
class AccessLog:
    """One line a request, as JSON: who, what, which answer."""

    def __init__(self, log_group: logs.LogGroup) -> None:
        self._destination = apigateway.LogGroupLogDestination(log_group)

    @property
    def destination(self) -> apigateway.IAccessLogDestination:
        return self._destination

    @property
    def format(self) -> apigw.AccessLogFormat:
        return apigw.AccessLogFormat.custom(
            json.dumps(
                {
                    "requestId": "$context.requestId",
                    "time": "$context.requestTime",
                    "sourceIp": "$context.identity.sourceIp",
                    "caller": "$context.authorizer.claims.sub",
                    "route": "$context.routeKey",
                    "status": "$context.status",
                    "latencyMs": "$context.responseLatency",
                    "refusedBecause": "$context.authorizer.error",
                    "error": "$context.integrationErrorMessage",
                }
            )
        )


class HttpFront(Construct):
    """`stage` is the API's only one, at the root of `url`; the construct's id names the API.
    Without an issuer it has public routes only. `page_methods` are those by which pages of other
    origins may call it: an API whose callers are no pages has none."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        issuer: Issuer | None,
        page_methods: Sequence[apigateway.CorsHttpMethod] = (),
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        self._issuer = issuer
        self.api = apigateway.HttpApi(
            self,
            construct_id,
            api_name=stack.stack_name,
            create_default_stage=False,
            cors_preflight=let_pages_call(self.node, page_methods),
            default_authorizer=authorizers.HttpJwtAuthorizer(
                "Callers", issuer.url, jwt_audience=[issuer.audience]
            )
            if issuer
            else None,
        )
        # This prefix keeps the log group out of the account's resource policy.
        log_group = logs.LogGroup(
            self,
            "AccessLogs",
            log_group_name=f"/aws/vendedlogs/apis/{stack.stack_name}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=removal_policy,
        )
        self.stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=REQUESTS_PER_SECOND, burst_limit=REQUESTS_AT_ONCE
            ),
            access_log_settings=AccessLog(log_group),
        )
        alarm_on_api(self.stage)
        self._limits: dict[str, dict[str, int]] = {}

    @property
    def url(self) -> str:
        return self.stage.url

    def route(self, method: apigateway.HttpMethod, path: str, function: ThinFunction) -> None:
        """A thin proxy answers the requests of a route."""
        if not self._issuer:
            raise ValueError(f"{path}: without an issuer, who may call it has to be said")
        self._add(method, path, function)

    def public_route(
        self,
        method: apigateway.HttpMethod,
        path: str,
        function: ThinFunction,
        *,
        requests_per_second: int,
        requests_at_once: int,
        reason: str,
    ) -> None:
        """The same for callers without a token, throttled by itself. `reason` says why."""
        [route] = self._add(method, path, function, apigateway.HttpNoneAuthorizer())
        acknowledge(route, "AwsSolutions-APIG4", reason)
        self._limits[f"{method.value} {path}"] = {
            "ThrottlingRateLimit": requests_per_second,
            "ThrottlingBurstLimit": requests_at_once,
        }
        stage = self.stage.node.default_child
        assert isinstance(stage, apigateway.CfnStage)
        stage.add_property_override("RouteSettings", self._limits)
        # A stage refuses limits of a route that is not there.
        stage.node.add_dependency(route)

    def _add(
        self,
        method: apigateway.HttpMethod,
        path: str,
        function: ThinFunction,
        authorizer: apigateway.IHttpRouteAuthorizer | None = None,
    ) -> Sequence[apigateway.HttpRoute]:
        return self.api.add_routes(
            path=path,
            methods=[method],
            integration=integrations.HttpLambdaIntegration(
                f"{function.name}Route", function.function
            ),
            authorizer=authorizer,
        )


class BufferedStart(Construct):
    """`queue` takes a StartMessage for each execution of `machine`, by its alias where it has one;
    what cannot be started now is started later. The ids of the queues are the stack's own."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        machine: Machine,
        alias_arn: str | None = None,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self.queue, self.dead = source_queue(
            scope,
            f"{construct_id}Queue",
            consumer_timeout_seconds=START_TIMEOUT_SECONDS,
            receives_max=START_RECEIVES_MAX,
            removal_policy=removal_policy,
        )
        alarm_on_messages(self.dead)
        alarm_on_backlog(self.queue)
        self.function = ThinFunction(
            self,
            "StartExecution",
            handler="lambdas.front.start_execution.handler",
            environment=StartExecutionEnvironment(
                state_machine=StateMachineArn(alias_arn or machine.arn)
            ),
            package=FRONT_PACKAGE,
            timeout_seconds=START_TIMEOUT_SECONDS,
            removal_policy=removal_policy,
        )
        machine.grant_start_execution(self.function.function)
        self.function.function.add_event_source(
            event_sources.SqsEventSource(
                self.queue, report_batch_item_failures=True, max_concurrency=STARTERS_MAX
            )
        )
