"""The typed environment: what a stack writes, a handler reads."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from lambdas.environment import (
    RESOURCE_KINDS,
    Environment,
    FunctionName,
    MissingVariableError,
    TableName,
    Variable,
)
from lambdas.order import environments as order
from lambdas.sandbox import environments as sandbox

CHARGE = order.ChargePaymentEnvironment(
    payment_provider_function=FunctionName("provider"), idempotency_table=TableName("records")
)
DECLARED = [
    environment
    for module in (order, sandbox)
    for environment in vars(module).values()
    if isinstance(environment, type) and issubclass(environment, Environment)
]


def test_a_handler_reads_what_the_stack_wrote() -> None:
    read = order.ChargePaymentEnvironment.read(CHARGE.to_variables())
    assert (read.payment_provider_function, read.idempotency_table) == ("provider", "records")


def test_variables_are_named_after_the_fields() -> None:
    assert CHARGE.to_variables() == {
        "PAYMENT_PROVIDER_FUNCTION": "provider",
        "IDEMPOTENCY_TABLE": "records",
    }


def test_a_variable_tells_the_kind_of_resource_it_names() -> None:
    assert order.ChargePaymentEnvironment.variables() == (
        Variable("payment_provider_function", "PAYMENT_PROVIDER_FUNCTION", FunctionName),
        Variable("idempotency_table", "IDEMPOTENCY_TABLE", TableName),
    )


def test_it_reads_the_process_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOICES_TABLE", "the-invoices")
    assert order.CreateInvoiceEnvironment.read().invoices_table == "the-invoices"


@pytest.mark.parametrize("variables", [{}, {"INVOICES_TABLE": ""}])
def test_a_missing_or_empty_variable_is_named_with_its_kind(variables: dict[str, str]) -> None:
    with pytest.raises(MissingVariableError) as raised:
        order.CreateInvoiceEnvironment.read(variables)
    assert str(raised.value) == (
        "CreateInvoiceEnvironment needs the environment variable INVOICES_TABLE (a DynamoDB table)"
    )


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(MissingVariableError, match=r"STOCK_TABLE .*, RESERVATIONS_TABLE "):
        order.ReserveStockEnvironment.read({})


def test_a_stack_cannot_give_an_empty_name() -> None:
    with pytest.raises(ValueError, match="CreateInvoiceEnvironment: INVOICES_TABLE is empty"):
        order.CreateInvoiceEnvironment(invoices_table=TableName("")).to_variables()


@pytest.mark.parametrize(
    "values", [{}, {"stock_table": "s"}, {"invoices_table": "i", "stock_table": "s"}]
)
def test_a_stack_gives_all_that_is_declared_and_nothing_else(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"has the fields \['invoices_table'\]"):
        order.CreateInvoiceEnvironment(**values)


def test_nobody_changes_an_environment() -> None:
    with pytest.raises(AttributeError, match="payment_provider_function cannot be set"):
        CHARGE.payment_provider_function = FunctionName("another")  # type: ignore[misc]


def test_a_field_of_no_resource_kind_is_refused() -> None:
    class Untyped(Environment):
        table: str

    with pytest.raises(TypeError, match=r"Untyped\.table must be one of"):
        Untyped.variables()


@pytest.mark.parametrize("environment", DECLARED)
def test_every_declared_environment_names_resource_kinds(environment: type[Environment]) -> None:
    assert {variable.kind for variable in environment.variables()} <= set(RESOURCE_KINDS)


def test_what_the_stacks_import_brings_neither_boto3_nor_powertools() -> None:
    modules = [
        "lambdas.order.environments",
        "lambdas.order.errors",
        "lambdas.order.payloads",
        "lambdas.sandbox.environments",
    ]
    program = (
        f"import sys, {', '.join(modules)}\n"
        "print({'boto3', 'botocore', 'aws_lambda_powertools'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("set()\n", "")
