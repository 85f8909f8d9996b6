"""The front of the order workflow: its HTTP API, the clients' keys, the buffer before the machine.

This module wires and grants; the order of the steps stands in `workflows`.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from lambdas.environment import Environment, QueueUrl
from lambdas.order.environments import AcceptOrderEnvironment, ReadOrderEnvironment
from stacks.alarms import alarm_on_functions
from stacks.callers import Issuer
from stacks.front_dashboard import FrontDashboard
from stacks.http_front import BufferedStart, HttpFront
from stacks.orders_stack import OrdersStack
from stacks.stage import Stage
from stacks.tables import table
from workflows.function import ORDER_FRONT_PACKAGE, ThinFunction, table_name

# API Gateway waits for 30 seconds at the most.
PROXY_TIMEOUT_SECONDS = 10


class OrderFrontStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        orders: OrdersStack,
        issuer: Issuer,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._removal_policy = stage.removal_policy
        requests = table(
            self, "OrderRequests", partition_key="requestId", removal_policy=stage.removal_policy
        )
        buffer = BufferedStart(
            self,
            "OrderBuffer",
            machine=orders.order,
            alias_arn=orders.live_order.alias_arn,
            removal_policy=stage.removal_policy,
        )

        self.accept_order = accept_order = self._proxy(
            "AcceptOrder",
            "accept_order",
            AcceptOrderEnvironment(
                order_requests_table=table_name(requests),
                order_buffer_queue=QueueUrl(buffer.queue.url),
            ),
        )
        requests.grant(accept_order.function, "dynamodb:PutItem", "dynamodb:UpdateItem")
        buffer.queue.grant(accept_order.function, "sqs:SendMessage")

        self.read_order = read_order = self._proxy(
            "ReadOrder",
            "read_order",
            ReadOrderEnvironment(
                orders_table=table_name(orders.orders), order_requests_table=table_name(requests)
            ),
        )
        orders.orders.grant(read_order.function, "dynamodb:GetItem")
        requests.grant(read_order.function, "dynamodb:GetItem")

        front = HttpFront(
            self,
            "OrderApi",
            issuer=issuer,
            page_methods=[apigateway.CorsHttpMethod.GET, apigateway.CorsHttpMethod.POST],
            removal_policy=stage.removal_policy,
        )
        front.route(apigateway.HttpMethod.POST, "/orders", accept_order)
        front.route(apigateway.HttpMethod.GET, "/orders/{orderId}", read_order)

        alarm_on_functions(self)
        FrontDashboard(
            self,
            "OrderFrontDashboard",
            api=front.stage,
            buffer=buffer,
            functions=[accept_order, read_order],
        )
        cdk.CfnOutput(self, "OrderApiUrl", value=front.url)
        cdk.CfnOutput(self, "OrderBufferDeadLettersUrl", value=buffer.dead.url)

    def _proxy(self, construct_id: str, module: str, environment: Environment) -> ThinFunction:
        return ThinFunction(
            self,
            construct_id,
            handler=f"lambdas.order.{module}.handler",
            environment=environment,
            package=ORDER_FRONT_PACKAGE,
            timeout_seconds=PROXY_TIMEOUT_SECONDS,
            removal_policy=self._removal_policy,
        )
