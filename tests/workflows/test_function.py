"""A function gets exactly the environment that its handler reads, or the synthesis fails."""

from __future__ import annotations

from typing import Any, cast

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sqs as sqs

from lambdas.environment import TableName
from lambdas.order.environments import CreateInvoiceEnvironment, ReserveStockEnvironment
from sfnlocal.template import App
from workflows.function import ORDER_PACKAGE, ThinFunction, table_name


def test_a_missing_variable_fails_at_synth() -> None:
    incomplete = cast(Any, ReserveStockEnvironment)
    with pytest.raises(TypeError, match="reservations_table"):
        incomplete(stock_table=TableName("stock"))


def test_a_resource_of_another_kind_fails_at_synth() -> None:
    queue = sqs.Queue(cdk.Stack(cdk.App(), "Stack"), "Queue")
    with pytest.raises(AttributeError, match="table_name"):
        table_name(cast(Any, queue))


def test_an_empty_variable_fails_at_synth() -> None:
    with pytest.raises(ValueError, match="INVOICES_TABLE"):
        ThinFunction(
            cdk.Stack(cdk.App(), "Stack"),
            "CreateInvoice",
            handler="lambdas.order.create_invoice.handler",
            environment=CreateInvoiceEnvironment(invoices_table=TableName("")),
            package=ORDER_PACKAGE,
            timeout_seconds=30,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )


def test_a_function_knows_the_tables_it_was_given(deployed: App) -> None:
    tables = {r.name: r.path for r in deployed.resources if r.type == "AWS::DynamoDB::Table"}
    (reserve,) = [f for f in deployed.functions if f.handler.endswith("reserve_stock.handler")]
    assert {
        name: tables[value] for name, value in reserve.environment.items() if "TABLE" in name
    } == {"STOCK_TABLE": "Orders/Stock", "RESERVATIONS_TABLE": "Orders/Reservations"}


def test_handlers_are_where_their_names_say(deployed: App) -> None:
    for function in deployed.functions:
        module = function.handler.rsplit(".", 1)[0].replace(".", "/")
        assert function.code_folder is not None
        assert (function.code_folder / f"{module}.py").is_file(), function.handler
