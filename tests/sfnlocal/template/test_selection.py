from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sfnlocal.errors import InputError
from sfnlocal.template import App, find_resource, find_state_machine, load_app

ORDERS = Path(__file__).parent / "assemblies" / "orders"


@pytest.fixture(scope="module")
def app() -> App:
    return load_app(ORDERS)


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:states:us-east-1:123456789012:stateMachine:OrderStack-Order702A5B72",
        "OrderStack-Order702A5B72",
        "Order702A5B72",
        "OrderStack/Order",
        "OrderStack/Order/Resource",
        "Order",
        "order",
        "ORDERSTACK/order",
    ],
)
def test_a_machine_is_found_by_what_people_call_it(app: App, text: str) -> None:
    assert find_state_machine(app, text).resource.logical_id == "Order702A5B72"


def test_the_end_of_a_path_is_enough(app: App) -> None:
    assert find_state_machine(app, "Warehouse/Fulfilment").name.startswith("OrderStack-Warehouse")


def test_an_unknown_machine_is_answered_with_what_there_is(app: App) -> None:
    with pytest.raises(InputError, match="there is no state machine 'Refund'") as caught:
        find_state_machine(app, "Refund")
    assert caught.value.hint == (
        "there are: OrderStack/Order, OrderStack/Quick, OrderStack/Warehouse/Fulfilment, "
        "Prod/Jobs/Nightly"
    )


def test_an_app_without_machines_says_so(load: Callable[..., App]) -> None:
    with pytest.raises(InputError, match="the app has none"):
        find_state_machine(load({"Queue": {"Type": "AWS::SQS::Queue"}}), "Order")


def test_an_ambiguous_name_is_refused_with_the_choice(load: Callable[..., App]) -> None:
    def machine(path: str) -> dict[str, object]:
        return {
            "Type": "AWS::StepFunctions::StateMachine",
            "Metadata": {"aws:cdk:path": path},
            "Properties": {"DefinitionString": "{}"},
        }

    app = load(
        {
            "A": machine("Shop/Dev/Order/Resource"),
            "B": machine("Shop/Prod/Order/Resource"),
            "C": machine("Shop/order/Resource"),
        }
    )
    with pytest.raises(InputError) as caught:
        find_state_machine(app, "Order")
    assert caught.value.hint == "name one by its construct path: Shop/Dev/Order, Shop/Prod/Order"
    assert find_state_machine(app, "order").resource.logical_id == "C"
    assert find_state_machine(app, "Dev/Order").resource.logical_id == "A"


QUEUE, TABLE, GLOBAL_TABLE = (
    "AWS::SQS::Queue",
    "AWS::DynamoDB::Table",
    "AWS::DynamoDB::GlobalTable",
)


@pytest.fixture
def shop(load: Callable[..., App]) -> App:
    return load(
        {
            "Sent": {
                "Type": QUEUE,
                "Metadata": {"aws:cdk:path": "Shop/Invoices/Queue/Resource"},
                "Properties": {"QueueName": "invoices"},
            },
            "Kept": {
                "Type": TABLE,
                "Metadata": {"aws:cdk:path": "Shop/Invoices/Resource"},
                "Properties": {"TableName": "kept"},
            },
            "Shared": {"Type": GLOBAL_TABLE, "Properties": {"TableName": "shared"}},
        }
    )


@pytest.mark.parametrize(
    "text",
    [
        "https://sqs.us-east-1.amazonaws.com/123456789012/invoices",
        "arn:aws:sqs:us-east-1:123456789012:invoices",
        "invoices",
        "Sent",
        "Invoices/Queue",
        "queue",
    ],
)
def test_a_queue_is_found_by_any_of_its_names(shop: App, text: str) -> None:
    assert find_resource(shop, text, QUEUE).logical_id == "Sent"


def test_only_the_wanted_types_are_looked_at(shop: App) -> None:
    assert find_resource(shop, "Invoices", TABLE, GLOBAL_TABLE).logical_id == "Kept"
    assert find_resource(shop, "shared", TABLE, GLOBAL_TABLE).logical_id == "Shared"


def test_the_first_type_says_what_is_missing(shop: App) -> None:
    with pytest.raises(InputError, match="there is no table 'orders'") as caught:
        find_resource(shop, "orders", TABLE, GLOBAL_TABLE)
    assert caught.value.hint == "there are: Shared, Shop/Invoices"
    with pytest.raises(InputError, match="there is no global table 'kept'"):
        find_resource(shop, "kept", GLOBAL_TABLE)
