"""How work is brought back where nobody writes letters: by a queue, and by an operator.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

from typing import Any

from sfnlocal.proof import Scenario
from sfnlocal.proof.results import Plan, Site
from sfnlocal.testing import LocalApp
from tests.sfnlocal.proof.conftest import Prove, shop

ROLE = "arn:aws:iam::123456789012:role/r"


def queue(dead: str = "") -> dict[str, Any]:
    policy = {"deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]}, "maxReceiveCount": 2}
    return {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": policy} if dead else {}}


def template() -> dict[str, Any]:
    """event -> rule -> queue -> pipe -> Express machine -> table"""
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Arguments": {"TableName": "charges", "Item": {"id": {"S": "o-1"}}},
        "TimeoutSeconds": 5,
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "Put", "States": {"Put": put}}
    resources: dict[str, Any] = {
        "Charges": shop()["Resources"]["Charges"],
        "Lost": queue(),
        "Dead": queue(),
        "Queue": queue(dead="Dead"),
        "Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Queue"}, {"Ref": "Lost"}],
                "PolicyDocument": {
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": "*",
                    }
                },
            },
        },
        "Shop": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineType": "EXPRESS",
                "RoleArn": ROLE,
                "Definition": {**definition, "TimeoutSeconds": 20},
            },
        },
        "Pipe": {
            "Type": "AWS::Pipes::Pipe",
            "Properties": {
                "RoleArn": ROLE,
                "Source": {"Fn::GetAtt": ["Queue", "Arn"]},
                "Target": {"Ref": "Shop"},
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["shop"]},
                "Targets": [
                    {
                        "Id": "queue",
                        "Arn": {"Fn::GetAtt": ["Queue", "Arn"]},
                        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Lost", "Arn"]}},
                    }
                ],
            },
        },
    }
    return {"Resources": resources}


def start(app: LocalApp) -> None:
    app.put_event("shop", "Order", {"id": "o-1"})


def put_again(app: LocalApp) -> None:
    lost = app.messages("Lost")
    app.client("sqs").purge_queue(QueueUrl=app.queue_url("Lost"))
    for _ in lost:
        start(app)


PROOF: dict[str, Any] = {
    "scenarios": [Scenario(name="paid", start=start)],
    "dead_letters": None,
    "replay": None,
}
BROKEN = Plan("paid", Site("state", "Shop", "Put", 1), "refused:UnforeseenError", "for-ever")
THROTTLED = Plan(
    "paid", Site("call", "Rule", "sqs.SendMessage", 1), "refused:RequestThrottled", "for-ever"
)


def test_an_express_execution_that_failed_is_left_to_its_queue(prove: Prove) -> None:
    result = prove(template(), **PROOF).run(BROKEN)
    assert (result.status, result.executions, result.violations) == ("FAILED", 3, ())


def test_what_a_rule_could_not_deliver_is_lost_without_an_operator(prove: Prove) -> None:
    """The queue is down, its rule's dead-letter queue is not."""
    runner = prove(template(), **PROOF)
    result = runner.run(THROTTLED)
    told = {violation.invariant: violation.message for violation in result.violations}
    assert told.keys() == {"ended", "contents"}
    assert "nothing started Shop" in told["ended"]
    assert "Lost:" in told["contents"]


def test_an_operator_brings_back_what_a_rule_could_not_deliver(prove: Prove) -> None:
    result = prove(template(), **PROOF, recover=put_again).run(THROTTLED)
    assert (result.executions, result.violations) == (1, ())
