"""Queues, tables, buckets, logs and functions: encryption, retention, what must not be there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sfnlocal.template import App
from sfnlocal.template.resources import Resource

DAY = 86_400


def of_type(app: App, type_name: str) -> list[Resource]:
    found = [resource for resource in app.resources if resource.type == type_name]
    assert found
    return found


def test_queues_are_encrypted_by_sqs(deployed: App) -> None:
    for queue in of_type(deployed, "AWS::SQS::Queue"):
        assert queue.properties["SqsManagedSseEnabled"] is True, queue.path


def test_queues_and_the_bucket_refuse_calls_without_tls(deployed: App) -> None:
    policies = [
        *of_type(deployed, "AWS::SQS::QueuePolicy"),
        *of_type(deployed, "AWS::S3::BucketPolicy"),
    ]
    guarded = {
        resource
        for policy in policies
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for resource in (
            statement["Resource"]
            if isinstance(statement["Resource"], list)
            else [statement["Resource"]]
        )
    }
    for resource in [*of_type(deployed, "AWS::SQS::Queue"), *of_type(deployed, "AWS::S3::Bucket")]:
        assert resource.arn in guarded


def test_sources_keep_messages_for_4_days_and_dead_letter_queues_for_14(deployed: App) -> None:
    for queue in of_type(deployed, "AWS::SQS::Queue"):
        days = 4 if "RedrivePolicy" in queue.properties else 14
        assert queue.properties["MessageRetentionPeriod"] == days * DAY, queue.path


def test_every_queue_that_a_function_consumes_has_its_own_dead_letter_queue(
    deployed: App,
) -> None:
    queues = {queue.arn: queue for queue in of_type(deployed, "AWS::SQS::Queue")}
    mappings = of_type(deployed, "AWS::Lambda::EventSourceMapping")
    dead = []
    for mapping in mappings:
        queue = queues[mapping.properties["EventSourceArn"]]
        dead.append(queue.properties["RedrivePolicy"]["deadLetterTargetArn"])
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert len(set(dead)) == len(mappings)
    assert set(dead) <= set(queues)


def test_a_message_stays_invisible_while_its_function_may_run(deployed: App) -> None:
    queues = {queue.arn: queue for queue in of_type(deployed, "AWS::SQS::Queue")}
    time_outs = {function.name: function.timeout_seconds for function in deployed.functions}
    for mapping in of_type(deployed, "AWS::Lambda::EventSourceMapping"):
        visibility = queues[mapping.properties["EventSourceArn"]].properties["VisibilityTimeout"]
        assert visibility >= 6 * time_outs[mapping.properties["FunctionName"]]


def test_tables_are_on_demand_encrypted_and_restorable(deployed: App) -> None:
    for table in of_type(deployed, "AWS::DynamoDB::Table"):
        properties = table.properties
        assert properties["BillingMode"] == "PAY_PER_REQUEST", table.path
        assert properties["SSESpecification"] == {"SSEEnabled": True}, table.path
        recovery = properties["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}, table.path


def test_a_letter_is_archived_once_for_each_redrive_of_a_run(deployed: App) -> None:
    archives = [
        table
        for table in of_type(deployed, "AWS::DynamoDB::Table")
        if table.path.endswith(("/DeadLetters", "/ReportLetters"))
    ]
    assert len(archives) == 2
    for archive in archives:
        assert [key["AttributeName"] for key in archive.properties["KeySchema"]] == [
            "executionArn",
            "redriveCount",
        ]
        assert "TimeToLiveSpecification" not in archive.properties


def test_large_inputs_are_private_encrypted_and_forgotten_in_time(deployed: App) -> None:
    for bucket in of_type(deployed, "AWS::S3::Bucket"):
        assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert "BucketEncryption" in bucket.properties
        rules = bucket.properties["LifecycleConfiguration"]["Rules"]
        (days,) = [rule["ExpirationInDays"] for rule in rules if "Prefix" not in rule]
        assert days >= 14


# Its log would be most of what a million lines cost: data only where something fails.
# And visitors' entries are nobody's to read there.
LOGS_NO_DATA = frozenset({"ScoreCompanies", "RecomputeView", "Intake"})


def test_machines_log_everything_with_data_where_delivery_has_no_size_limit(
    deployed: App,
) -> None:
    groups = {
        group.arn.removesuffix(":*"): group for group in of_type(deployed, "AWS::Logs::LogGroup")
    }
    for machine in of_type(deployed, "AWS::StepFunctions::StateMachine"):
        logging = machine.properties["LoggingConfiguration"]
        with_data = machine.path.split("/")[-1] not in LOGS_NO_DATA
        assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", with_data)
        assert machine.properties["TracingConfiguration"] == {"Enabled": True}
        (destination,) = logging["Destinations"]
        group = groups[destination["CloudWatchLogsLogGroup"]["LogGroupArn"].removesuffix(":*")]
        assert group.name.startswith("/aws/vendedlogs/states/")


def test_every_log_group_forgets(deployed: App) -> None:
    for group in of_type(deployed, "AWS::Logs::LogGroup"):
        assert group.properties["RetentionInDays"] > 0, group.path


def test_functions_are_alike(deployed: App) -> None:
    for function in of_type(deployed, "AWS::Lambda::Function"):
        properties = function.properties
        assert properties["Runtime"] == "python3.14", function.path
        assert properties["Architectures"] == ["arm64"], function.path
        assert properties["TracingConfig"] == {"Mode": "Active"}, function.path
        assert "LogGroup" in properties["LoggingConfig"], function.path
        assert len(properties["Layers"]) == 1, function.path


def test_the_layer_has_the_version_of_the_lock_file(assembly: Path) -> None:
    lock = (Path(__file__).parents[2] / "requirements.lock").read_text()
    version = re.search(r"^aws-lambda-powertools(?:\[.*\])?==([\d.]+)", lock, re.MULTILINE)
    assert version
    layers = [
        parameter["Default"]
        for template in assembly.glob("*.template.json")
        for parameter in json.loads(template.read_text())["Parameters"].values()
        if "powertools" in parameter["Default"]
    ]
    assert len(layers) >= 3
    assert set(layers) == {f"/aws/service/powertools/python/arm64/python3.14/{version[1]}"}


def test_each_function_and_machine_has_a_role_of_its_own(deployed: App) -> None:
    roles = [
        *(f.properties["Role"] for f in of_type(deployed, "AWS::Lambda::Function")),
        *(m.role_arn for m in deployed.state_machines),
    ]
    assert len(roles) == len(set(roles))


def test_no_custom_resource_hides_a_function(deployed: App) -> None:
    hidden = [
        r.path for r in deployed.resources if re.match(r"Custom::|AWS::CloudFormation::Cus", r.type)
    ]
    assert not hidden
    assert {f.handler.split(".")[0] for f in deployed.functions} == {"lambdas"}


def test_users_and_the_replay_script_find_what_they_need(deployed: App) -> None:
    names = {name.split(".", 1)[1] for name in deployed.outputs}
    assert names >= {
        "OrderMachineArn",
        "OrderDeadLettersUrl",
        "DeadLettersTable",
        "DeadLetterInputsBucket",
        "OrdersTable",
        "StockTable",
        "PaymentsTable",
        "DailyReportsMachineArn",
        "ReportMachineArn",
        "ReportDeadLettersUrl",
        "ReportLettersTable",
    }


def references(value: Any) -> Iterator[str]:
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case dict():
            for inner in value.values():
                yield from references(inner)
        case list():
            for inner in value:
                yield from references(inner)


def test_no_resource_depends_on_itself(assembly: Path) -> None:
    """CloudFormation finds such a circle at deployment only."""
    for path in assembly.glob("*.template.json"):
        assert_no_circle(json.loads(path.read_text())["Resources"])


def assert_no_circle(template: dict[str, Any]) -> None:
    needs = {
        name: {
            *references(resource.get("Properties", {})),
            *resource.get("DependsOn", []),
        }
        & set(template)
        for name, resource in template.items()
    }
    while ready := {name for name, needed in needs.items() if not needed}:
        needs = {name: needed - ready for name, needed in needs.items() if name not in ready}
    assert not needs
