"""The gate: who may call what in a running app, and what a refusal looks like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfnlocal.errors import ApiError
from sfnlocal.ports import Caller
from sfnlocal.proof.iam.gate import session_gate
from sfnlocal.testing import LocalApp
from tests.sfnlocal.proof.iam.apps import (
    ACCOUNT,
    MACHINE_ARN,
    QUEUE_ARN,
    QUEUE_URL,
    SEND,
    allow,
    deny,
    document,
    function,
    machine,
    opened,
    queue,
    queue_policy,
    role,
    role_arn,
    task,
    trust,
)

RULE_ARN = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r"
RULE = Caller("events.amazonaws.com", RULE_ARN)
SCHEDULE_ARN = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/g/s"
SENDS = allow("sqs:SendMessage", QUEUE_ARN)
MESSAGE = {"QueueUrl": QUEUE_URL, "MessageBody": "a"}


def sender(*statements: Any, **properties: Any) -> dict[str, Any]:
    """A state machine that sends a message, and its role."""
    own = role("machine", "states", *statements, **properties)
    return {"Q": queue(), "R": own, "M": machine({"Send": SEND})}


def send(app: LocalApp, caller: Caller | None) -> None:
    app.session.aws.call("sqs", "SendMessage", MESSAGE, caller)


# State machines


def test_what_a_role_may_happens(tmp_path: Path) -> None:
    with opened(tmp_path, sender(SENDS)) as app:
        app.run("M", {}).assert_succeeded()
        assert app.messages("Q") == ["a"]
        assert app.iam is not None
        assert app.iam.refusals == []


def test_what_a_role_may_not_fails_in_awss_words(tmp_path: Path) -> None:
    with opened(tmp_path, sender(allow("sqs:SendMessage", f"{QUEUE_ARN}2"))) as app:
        run = app.run("M", {})
        assert run.error == "SQS.AmazonSQSException"
        assert run.cause is not None
        assert run.cause.startswith(
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/machine/M is not authorized to perform: "
            f"sqs:SendMessage on resource: {QUEUE_ARN} because no identity-based policy allows "
            "the sqs:SendMessage action (Service: AmazonSQS; Status Code: 403; Error Code: "
            "AccessDenied;"
        )
        assert app.messages("Q") == []


def test_a_deny_is_named_as_one(tmp_path: Path) -> None:
    resources = sender(SENDS)
    resources["P"] = queue_policy({**deny("sqs:*", QUEUE_ARN), "Principal": "*"})
    with opened(tmp_path, resources) as app:
        cause = app.run("M", {}).cause
        assert cause is not None
        assert "with an explicit deny in a resource-based policy (Service" in cause
        assert app.iam is not None
        assert app.iam.refusals[0].denied_by.endswith(
            "/Resources/P/Properties/PolicyDocument/Statement/0"
        )


def test_a_function_that_may_not_be_invoked(tmp_path: Path) -> None:
    resources = {
        "R": role("machine", "states"),
        "F": function("def handler(event, context): ..."),
        "M": machine({"Call": task("lambda:invoke", FunctionName="f")}),
    }
    with opened(tmp_path, resources) as app:
        run = app.run("M", {})
        assert run.error == "Lambda.AWSLambdaException"
        assert run.cause is not None
        assert "lambda:InvokeFunction on resource: arn:aws:lambda" in run.cause
        assert "Error Code: AccessDeniedException" in run.cause


def test_an_execution_that_may_not_be_started(tmp_path: Path) -> None:
    child = machine({"Done": {"Type": "Succeed"}}, name="Child")
    start = task("states:startExecution", StateMachineArn=MACHINE_ARN.replace(":M", ":Child"))
    resources = {"R": role("machine", "states"), "C": child, "M": machine({"Start": start})}
    with opened(tmp_path, resources) as app:
        assert app.run("M", {}).error == "StepFunctions.AWSStepFunctionsException"
        assert app.executions("C") == []


def test_a_service_that_the_role_does_not_trust(tmp_path: Path) -> None:
    resources = sender(SENDS, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))
    with opened(tmp_path, resources) as app:
        cause = app.run("M", {}).cause
        assert cause is not None
        assert (
            "User: states.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: "
            f"{role_arn('machine')} because no resource-based policy allows"
        ) in cause


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"ArnLike": {"aws:SourceArn": MACHINE_ARN}}, "SUCCEEDED"),
        ({"ArnLike": {"aws:SourceArn": f"{MACHINE_ARN}2"}}, "FAILED"),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, "SUCCEEDED"),
        ({"StringEquals": {"aws:SourceAccount": "999999999999"}}, "FAILED"),
    ],
)
def test_a_trust_policys_conditions_on_the_source_count(
    tmp_path: Path, condition: dict[str, Any], status: str
) -> None:
    trusted = trust({"Service": "states.amazonaws.com"}, **condition)
    with opened(tmp_path, sender(SENDS, AssumeRolePolicyDocument=trusted)) as app:
        assert app.run("M", {}).status == status


def test_a_schedules_group_stands_for_it_in_a_trust_policy(tmp_path: Path) -> None:
    group = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/g"
    condition = {"StringEquals": {"aws:SourceArn": group}}
    trusted = trust({"Service": "scheduler.amazonaws.com"}, **condition)
    own = role("scheduled", "scheduler", SENDS, AssumeRolePolicyDocument=trusted)
    with opened(tmp_path, {"Q": queue(), "R": own}) as app:
        send(app, Caller("scheduler.amazonaws.com", SCHEDULE_ARN, role_arn("scheduled")))
        other = SCHEDULE_ARN.replace("/g/", "/h/")
        with pytest.raises(ApiError, match="sts:AssumeRole"):
            send(app, Caller("scheduler.amazonaws.com", other, role_arn("scheduled")))


def test_a_state_with_credentials_assumes_their_role(tmp_path: Path) -> None:
    trusted = trust({"AWS": role_arn("machine")})
    state = {**SEND, "Credentials": {"RoleArn": role_arn("other")}}
    resources = {
        "Q": queue(),
        "R": role("machine", "states", allow("sts:AssumeRole", role_arn("other"))),
        "O": role("other", "states", SENDS, AssumeRolePolicyDocument=trusted),
        "M": machine({"Send": state}),
    }
    with opened(tmp_path, resources) as app:
        app.run("M", {}).assert_succeeded()
    resources["O"] = role("other", "states", SENDS)
    with opened(tmp_path, resources) as app:
        cause = app.run("M", {}).cause
        assert cause is not None
        assert "assumed-role/machine/M is not authorized to perform: sts:AssumeRole" in cause


# Where policies stand


def test_policies_of_all_kinds_are_the_roles(tmp_path: Path) -> None:
    names = {"Roles": ["machine"], "PolicyDocument": document(SENDS)}
    for kind, properties in {
        "Policy": {"PolicyName": "p", **names},
        "ManagedPolicy": names,
        "RolePolicy": {"PolicyName": "p", "RoleName": "machine", "PolicyDocument": document(SENDS)},
    }.items():
        resources = {**sender(), "P": {"Type": f"AWS::IAM::{kind}", "Properties": properties}}
        with opened(tmp_path, resources) as app:
            app.run("M", {}).assert_succeeded()


def test_managed_policies_are_the_apps_or_awss(tmp_path: Path) -> None:
    own = {"ManagedPolicyName": "own", "PolicyDocument": document(SENDS)}
    arns = [
        f"arn:aws:iam::{ACCOUNT}:policy/own",
        "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
    ]
    resources = {
        **sender(ManagedPolicyArns=arns),
        "P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": own},
    }
    with opened(tmp_path, resources) as app:
        app.run("M", {}).assert_succeeded()
        assert app.iam is not None
        assert list(app.iam.records.problems) == []


def test_a_managed_policy_that_is_not_known_is_reported(tmp_path: Path) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonBraketFullAccess"
    with opened(tmp_path, sender(ManagedPolicyArns=[arn])) as app:
        app.run("M", {}).assert_succeeded()
        assert app.iam is not None
        (problem,) = app.iam.records.problems
        assert f"what the managed policy {arn} allows is not known here" in problem


def test_a_deny_counts_beside_a_managed_policy_that_is_not_known(tmp_path: Path) -> None:
    arns = ["arn:aws:iam::aws:policy/AmazonBraketFullAccess"]
    with opened(tmp_path, sender(deny("sqs:*"), ManagedPolicyArns=arns)) as app:
        assert app.run("M", {}).status == "FAILED"


def test_a_permissions_boundary_limits_the_role(tmp_path: Path) -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    for statement, status in ((SENDS, "SUCCEEDED"), (allow("s3:*"), "FAILED")):
        properties = {"ManagedPolicyName": "boundary", "PolicyDocument": document(statement)}
        resources = {
            **sender(SENDS, PermissionsBoundary=boundary),
            "B": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties},
        }
        with opened(tmp_path, resources) as app:
            run = app.run("M", {})
            assert run.status == status
    assert run.cause is not None
    assert "because no permissions boundary allows" in run.cause


def test_a_role_that_is_not_the_apps_is_reported(tmp_path: Path) -> None:
    with opened(tmp_path, {"Q": queue(), "M": machine({"Send": SEND})}) as app:
        app.run("M", {}).assert_succeeded()
        assert app.iam is not None
        (problem,) = app.iam.records.problems
        assert (
            problem
            == f"the role {role_arn('machine')} is not in the app: its calls are not checked"
        )


# Handlers

HANDLER = f"""
import boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl="{QUEUE_URL}", MessageBody="b")
"""


def test_a_handlers_calls_are_its_roles(tmp_path: Path) -> None:
    resources = {"Q": queue(), "R": role("function", "lambda"), "F": function(HANDLER)}
    with opened(tmp_path, resources) as app:
        answer = app.session.functions.invoke("f", {}, now_ms=app.session.now_ms)
        assert answer.payload["errorType"] == "ClientError"
        assert answer.payload["errorMessage"] == (
            "An error occurred (AccessDenied) when calling the SendMessage operation: User: "
            f"arn:aws:sts::{ACCOUNT}:assumed-role/function/f is not authorized to perform: "
            f"sqs:SendMessage on resource: {QUEUE_ARN} because no identity-based policy allows "
            "the sqs:SendMessage action"
        )


def test_a_mapping_polls_as_its_functions_role(tmp_path: Path) -> None:
    mapping = {"EventSourceArn": QUEUE_ARN, "FunctionName": "f"}
    polling = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    for actions, left in ((polling, []), (polling[1:], ["a"])):
        resources = {
            "Q": queue(),
            "R": role("function", "lambda", allow(actions, QUEUE_ARN)),
            "F": function("def handler(event, context): ..."),
            "E": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
        }
        with opened(tmp_path, resources) as app:
            send(app, None)
            app.run_until_idle()
            assert app.messages("Q") == left


# Services


def test_a_service_needs_the_resources_policy(tmp_path: Path) -> None:
    statement = {**allow("sqs:SendMessage", QUEUE_ARN), "Principal": {"Service": RULE.service}}
    policy = queue_policy({**statement, "Condition": {"ArnEquals": {"aws:SourceArn": RULE_ARN}}})
    with opened(tmp_path, {"Q": queue()}) as app, pytest.raises(ApiError) as refused:
        send(app, RULE)
    assert (refused.value.aws_code, refused.value.http_status) == ("AccessDenied", 403)
    assert refused.value.message == (
        f"User: events.amazonaws.com is not authorized to perform: sqs:SendMessage on resource: "
        f"{QUEUE_ARN} because no resource-based policy allows the sqs:SendMessage action"
    )
    with opened(tmp_path, {"Q": queue(), "P": policy}) as app:
        send(app, RULE)
        with pytest.raises(ApiError, match=r"events\.amazonaws\.com is not authorized"):
            send(app, Caller(RULE.service, f"{RULE_ARN}2"))


def test_a_policy_set_while_it_runs_counts(tmp_path: Path) -> None:
    statement = {**allow("sqs:SendMessage", QUEUE_ARN), "Principal": {"Service": RULE.service}}
    with opened(tmp_path, {"Q": queue()}) as app:
        for policy, allowed in ((document(statement), True), ("", False)):
            app.client("sqs").set_queue_attributes(
                QueueUrl=QUEUE_URL,
                Attributes={"Policy": json.dumps(policy) if policy else ""},
            )
            if allowed:
                send(app, RULE)
            else:
                with pytest.raises(ApiError):
                    send(app, RULE)


def test_a_function_is_invoked_by_whom_its_permissions_name(tmp_path: Path) -> None:
    properties = {
        "FunctionName": "f",
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": RULE_ARN,
    }
    resources = {
        "R": role("function", "lambda"),
        "F": function("def handler(event, context): ..."),
        "P": {"Type": "AWS::Lambda::Permission", "Properties": properties},
    }
    topic = Caller("sns.amazonaws.com", f"arn:aws:sns:us-east-1:{ACCOUNT}:t")

    def invoke(app: LocalApp, caller: Caller) -> None:
        app.session.aws.call("lambda", "Invoke", {"FunctionName": "f"}, caller)

    with opened(tmp_path, resources) as app:
        invoke(app, RULE)
        with pytest.raises(ApiError) as refused:
            invoke(app, topic)
        assert refused.value.aws_code == "AccessDeniedException"
        client = app.client("lambda")
        client.add_permission(
            FunctionName="f",
            StatementId="topic",
            Action="lambda:InvokeFunction",
            Principal="sns.amazonaws.com",
        )
        invoke(app, topic)
        client.remove_permission(FunctionName="f", StatementId="topic")
        with pytest.raises(ApiError):
            invoke(app, topic)


# Conditions


def test_a_key_that_only_aws_knows_refuses_and_is_named(tmp_path: Path) -> None:
    condition = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    resources = sender(allow("sqs:SendMessage", QUEUE_ARN, Condition=condition))
    with opened(tmp_path, resources) as app:
        assert app.run("M", {}).status == "FAILED"
        assert app.iam is not None
        assert [key for _, key in app.iam.refusals[0].unknown] == ["aws:principalorgid"]
    with opened(tmp_path, resources, iam_keys={"aws:PrincipalOrgID": ["o-1"]}) as app:
        app.run("M", {}).assert_succeeded()


def test_decisions_are_remembered_by_the_keys_that_they_depend_on(tmp_path: Path) -> None:
    condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}}
    table = {
        "TableName": "items",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    resources = {
        "T": {"Type": "AWS::DynamoDB::Table", "Properties": table},
        "R": role("scheduled", "scheduler", allow("dynamodb:PutItem", Condition=condition)),
    }
    caller = Caller("scheduler.amazonaws.com", SCHEDULE_ARN, role_arn("scheduled"))
    with opened(tmp_path, resources) as app:
        for _ in range(2):
            for key in ("mine", "other"):
                params = {"TableName": "items", "Item": {"id": {"S": key}}}
                if key == "mine":
                    app.session.aws.call("dynamodb", "PutItem", params, caller)
                else:
                    with pytest.raises(ApiError) as refused:
                        app.session.aws.call("dynamodb", "PutItem", params, caller)
                    assert refused.value.aws_code == "AccessDeniedException"


def test_a_key_is_used_in_the_callers_name(tmp_path: Path) -> None:
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    key = {"KeyPolicy": document({**allow("kms:*"), "Principal": root})}
    resources = {
        **sender(SENDS),
        "Q": queue(KmsMasterKeyId={"Ref": "K"}),
        "K": {"Type": "AWS::KMS::Key", "Properties": key},
    }
    with opened(tmp_path, resources) as app:
        cause = app.run("M", {}).cause
        assert cause is not None
        assert "kms:GenerateDataKey on resource: arn:aws:kms" in cause
    uses = allow(
        ["kms:GenerateDataKey*", "kms:Decrypt"],
        Condition={"StringEquals": {"kms:ViaService": "sqs.us-east-1.amazonaws.com"}},
    )
    resources["R"] = role("machine", "states", SENDS, uses)
    with opened(tmp_path, resources) as app:
        app.run("M", {}).assert_succeeded()


# What AWS needs besides calls


def test_a_sync_task_needs_the_rule_and_the_childs_executions(tmp_path: Path) -> None:
    child_arn = MACHINE_ARN.replace(":M", ":Child")
    start = task("states:startExecution.sync:2", StateMachineArn=child_arn)
    statements = [
        allow("states:StartExecution", child_arn),
        allow(
            ["states:DescribeExecution", "states:StopExecution"],
            f"arn:aws:states:us-east-1:{ACCOUNT}:execution:Child:*",
        ),
        allow(
            ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            f"arn:aws:events:us-east-1:{ACCOUNT}:rule/"
            "StepFunctionsGetEventsForStepFunctionsExecutionRule",
        ),
    ]
    for left_out, missing in (
        (None, ""),
        (1, "states:DescribeExecution"),
        (2, "events:PutTargets"),
    ):
        given = [one for number, one in enumerate(statements) if number != left_out]
        resources = {
            "R": role("machine", "states", *given),
            "C": machine({"Done": {"Type": "Succeed"}}, name="Child"),
            "M": machine({"Start": start}),
        }
        with opened(tmp_path, resources) as app:
            run = app.run("M", {})
            assert run.status == ("FAILED" if missing else "SUCCEEDED")
            assert missing in (run.cause or "")


def test_a_distributed_map_reads_and_writes_as_its_state_machine(tmp_path: Path) -> None:
    states = {
        "Each": {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": "items", "Key": "items.json"},
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Done",
                "States": {"Done": {"Type": "Pass", "End": True}},
            },
            "ResultWriter": {
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "items", "Prefix": "out"},
            },
            "End": True,
        }
    }
    statements = [
        allow("s3:GetObject", "arn:aws:s3:::items/*"),
        allow("s3:PutObject", "arn:aws:s3:::items/*"),
        allow("states:StartExecution", MACHINE_ARN),
    ]
    expected = {
        None: None,
        0: ("States.ItemReaderFailed", "s3:GetObject"),
        1: ("States.ResultWriterFailed", "s3:PutObject"),
        2: ("States.ItemReaderFailed", "states:StartExecution"),
    }
    for left_out, failure in expected.items():
        given = [one for number, one in enumerate(statements) if number != left_out]
        resources = {
            "B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "items"}},
            "R": role("machine", "states", *given),
            "M": machine(states),
        }
        with opened(tmp_path, resources) as app:
            app.client("s3").put_object(Bucket="items", Key="items.json", Body=b"[1, 2]")
            run = app.run("M", {})
            if failure is None:
                run.assert_succeeded()
            else:
                assert run.error == failure[0]
                assert failure[1] in (run.cause or "")


# Who is not checked


def test_a_tests_own_calls_are_not_checked(tmp_path: Path) -> None:
    with opened(tmp_path, sender()) as app:
        send(app, None)
        with pytest.raises(ClientError, match="NonExistentQueue"):
            app.client("sqs").send_message(QueueUrl=f"{QUEUE_URL}2", MessageBody="a")


def test_nothing_is_checked_without_iam(tmp_path: Path) -> None:
    with opened(tmp_path, sender(), iam=False) as app:
        app.run("M", {}).assert_succeeded()
        assert app.iam is None


def test_event_bridge_sends_a_dead_letter_by_the_policy_of_the_queue(tmp_path: Path) -> None:
    """Not by the role of the target: that one may not even start it."""
    policy = {**SENDS, "Principal": {"Service": "events.amazonaws.com"}}
    rule = {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventPattern": {"source": ["shop"]},
            "Targets": [
                {
                    "Id": "t",
                    "Arn": MACHINE_ARN,
                    "RoleArn": role_arn("rule"),
                    "DeadLetterConfig": {"Arn": QUEUE_ARN},
                }
            ],
        },
    }
    resources = {
        "Q": queue(),
        "P": queue_policy(policy),
        "R": role("machine", "states"),
        "M": machine({"Done": {"Type": "Succeed"}}),
        "RuleRole": role("rule", "events"),
        "Rule": rule,
    }
    with opened(tmp_path, resources, iam=False) as app:
        gate = session_gate(app.session)
        app.put_event("shop", "sold", {})
        app.run_until_idle()
        [letter] = app.messages("Q")
        assert letter["source"] == "shop"
        assert [one.action for one in gate.refusals] == ["states:StartExecution"]
