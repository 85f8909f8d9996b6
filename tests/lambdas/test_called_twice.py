"""Lambda calls a function again when an answer is lost, a queue delivers again, a client repeats:
every handler with a side effect has a test that calls it twice with the same event, named here.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-retries.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sfnlocal.template import App
from tests.lambdas.test_house_rules import HANDLERS, LAMBDAS

TESTS = Path(__file__).parents[1]
FRONT_RUNS = "workflows/test_order_front_runs.py"
PROVIDERS = "lambdas/notification/test_providers.py"
HOP = "lambdas/filters/test_hop.py", "test_the_same_message_twice_is_the_same_event_twice"
LETTERS = "workflows/test_dead_letters_runs.py", "test_a_lost_answer_brings_nothing_back_twice"
CALLED_TWICE = {
    "completion.complete_task": (
        "workflows/test_completions.py",
        "test_the_first_answer_counts",
    ),
    "dead_letters.receive_letters": LETTERS,
    "dead_letters.start_replay": LETTERS,
    "devices.accept_reading": (
        "workflows/test_device_ingest_runs.py",
        "test_a_device_without_mqtt_sends_the_same_over_http",
    ),
    "filters.classify": HOP,
    "filters.normalize": HOP,
    "filters.redact": HOP,
    "front.start_execution": (FRONT_RUNS, "test_a_start_that_comes_twice_starts_once"),
    "intake.take_submission": (
        "workflows/test_intake_runs.py",
        "test_the_same_submission_again_is_the_first_one",
    ),
    "micro_batch.collect_failed": (
        "lambdas/micro_batch/test_collect_failed.py",
        "test_a_second_call_puts_the_same_object",
    ),
    "micro_batch.enqueue_part": (
        "lambdas/micro_batch/test_enqueue_part.py",
        "test_a_second_call_sends_the_same_messages",
    ),
    "micro_batch.score_message": (
        "lambdas/micro_batch/test_score_message.py",
        "test_a_message_that_comes_twice_is_counted_once",
    ),
    "notification.accept_notifications": (
        "workflows/test_notification_runs.py",
        "test_the_same_key_is_the_same_notification",
    ),
    "notification.call_webhook": (
        PROVIDERS,
        "test_a_webhook_that_is_to_be_called_twice_is_called_once",
    ),
    "notification.publish_message": (PROVIDERS, "test_a_message_that_comes_twice_is_sent_once"),
    "notification.record_events": (
        "workflows/test_notification_front_runs.py",
        "test_who_unsubscribes_twice_has_unsubscribed",
    ),
    "notification.send_email": (PROVIDERS, "test_a_message_that_comes_twice_is_sent_once"),
    "notification.send_recorded": (
        "workflows/test_notification_runs.py",
        "test_a_message_that_comes_again_is_sent_once",
    ),
    "operation.start_operation": (
        "workflows/test_operation_runs.py",
        "test_a_repeated_request_runs_once_and_never_puts_an_older_status_back",
    ),
    "order.accept_order": (
        FRONT_RUNS,
        "test_the_same_key_is_answered_alike_and_starts_no_second_order",
    ),
    "order.charge_payment": (
        "lambdas/order/test_charge_payment.py",
        "test_a_second_call_answers_the_same_charge_without_asking",
    ),
    "order.create_invoice": (
        "lambdas/order/test_create_invoice.py",
        "test_a_message_that_comes_twice_makes_one_invoice",
    ),
    "order.release_stock": (
        "lambdas/order/test_release_stock.py",
        "test_a_second_call_gives_nothing_more",
    ),
    "order.reserve_stock": (
        "lambdas/order/test_reserve_stock.py",
        "test_a_second_call_takes_nothing_more",
    ),
    "registry.keep_instance": (
        "workflows/test_registry_runs.py",
        "test_registering_twice_is_registering_once",
    ),
    "release.accept_release": (
        "workflows/test_release_runs.py",
        "test_a_release_is_built_once_however_many_deliveries_tell_of_it",
    ),
    "release.record_status": (
        "lambdas/release/test_statuses.py",
        "test_the_recorder_keeps_the_last_status",
    ),
    "release.report_status": (
        "lambdas/release/test_statuses.py",
        "test_telling_twice_tells_the_same",
    ),
    "sandbox.builder": (
        "lambdas/sandbox/test_builder.py",
        "test_a_job_that_comes_twice_is_answered_twice_alike",
    ),
    "sandbox.payment_provider": (
        "lambdas/sandbox/test_payment_provider.py",
        "test_a_key_is_charged_once",
    ),
    "sandbox.report_provider": (
        "lambdas/sandbox/test_report_provider.py",
        "test_a_key_that_is_asked_for_twice_is_one_report",
    ),
    "sandbox.warehouse": (
        "lambdas/sandbox/test_warehouse.py",
        "test_a_message_that_comes_again_after_its_answer_is_done",
    ),
    "views.build_view": (
        "lambdas/views/test_views.py",
        "test_a_view_adds_up_all_batches_and_is_the_same_when_built_twice",
    ),
}
# Calls of these change nothing, or nothing but themselves, which is what they are for.
CHANGES_NOTHING = {
    "intake.show_form",
    "micro_batch.score_line",
    "notification.find_quiet_end",
    "operation.format_page",
    "order.read_order",
    "order.validate_order",
    "registry.discover",
    "report.take_batch",
    "timed_tasks.check_request",
    "views.count_sales",
    "views.read_manifest",
    "views.read_sales",
}
ON_PURPOSE = {
    "sandbox.loop": "the mistake that the cost guard is for",
    "sandbox.score_service": "counts how often it is to fail",
}
READING = ("Get", "Query", "Scan", "List", "Describe", "BatchGet", "Head")
ALWAYS = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    # score_line asks its service, which keeps nothing.
    "lambda:InvokeFunction",
    # Where an asynchronous call of validate_order ends: Lambda tells the bus.
    "events:PutEvents",
}


def test_every_handler_is_here() -> None:
    named = [*CALLED_TWICE, *CHANGES_NOTHING, *ON_PURPOSE]
    assert sorted(named) == sorted(
        path.relative_to(LAMBDAS).with_suffix("").as_posix().replace("/", ".") for path in HANDLERS
    )


@pytest.mark.parametrize("handler", CALLED_TWICE)
def test_its_test_is_there(handler: str) -> None:
    file, test = CALLED_TWICE[handler]
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("handler", sorted(CHANGES_NOTHING))
def test_what_changes_nothing_may_change_nothing(handler: str, deployed: App) -> None:
    [function] = [f for f in deployed.functions if f.handler == f"lambdas.{handler}.handler"]
    construct = f"{function.resource.path.rsplit('/', 1)[0]}/"
    actions = {
        action
        for policy in deployed.of_type("AWS::IAM::Policy")
        if policy.path.startswith(construct)
        for statement in policy.properties["PolicyDocument"]["Statement"]
        for action in _listed(statement["Action"])
    }
    assert "logs:PutLogEvents" in actions
    writing = {one for one in actions - ALWAYS if not one.split(":")[1].startswith(READING)}
    assert writing == set()


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions
