"""Resource ARNs. The parts are those of AWS's events (resourceType and resource)."""

from __future__ import annotations

import pytest

from sfnlocal.language.resource import parse_resource

REQUEST, JOB, TOKEN = "REQUEST_RESPONSE", "RUN_A_JOB", "WAIT_FOR_TASK_TOKEN"


@pytest.mark.parametrize(("arn", "service", "action", "pattern"), [
    ("arn:aws:lambda:eu-west-1:123456789012:function:pay", "lambda", "", REQUEST),
    ("arn:aws-cn:lambda:cn-north-1:123456789012:function:pay:live", "lambda", "", REQUEST),
    ("arn:aws:lambda:eu-west-1:123456789012:function:pay:$LATEST", "lambda", "", REQUEST),
    ("arn:aws:states:eu-west-1:123456789012:activity:human", "activity", "", REQUEST),
    ("arn:aws:states:::lambda:invoke", "lambda", "invoke", REQUEST),
    ("arn:aws-us-gov:states:::sqs:sendMessage", "sqs", "sendMessage", REQUEST),
    ("arn:aws:states:::lambda:invoke.waitForTaskToken", "lambda", "invoke.waitForTaskToken", TOKEN),
    ("arn:aws:states:::states:startExecution.sync", "states", "startExecution.sync", JOB),
    ("arn:aws:states:::states:startExecution.sync:2", "states", "startExecution.sync:2", JOB),
    ("arn:aws:states:::glue:startJobRun.sync", "glue", "startJobRun.sync", JOB),
    ("arn:aws:states:::http:invoke", "http", "invoke", REQUEST),
    ("arn:aws:states:::aws-sdk:sqs:sendMessageBatch", "aws-sdk:sqs", "sendMessageBatch", REQUEST),
    (
        "arn:aws:states:::aws-sdk:sfn:startExecution.waitForTaskToken",
        "aws-sdk:sfn",
        "startExecution.waitForTaskToken",
        TOKEN,
    ),
])  # fmt: skip
def test_a_resource_is_taken_apart(arn: str, service: str, action: str, pattern: str) -> None:
    resource = parse_resource(arn)
    assert (resource.arn, resource.service, resource.action, resource.pattern) == (
        arn, service, action, pattern,
    )  # fmt: skip


@pytest.mark.parametrize("arn", [
    "",
    "pay",
    "arn:aws:s3:::bucket",
    "arn:aws:lambda:eu-west-1:123456789012:layer:pay",
    "arn:aws:states:::dynamodb:query",
    "arn:aws:states:::sqs:sendMessage.sync",
    "arn:aws:states:::dynamodb:putItem.waitForTaskToken",
    "arn:aws:states:::glue:startJobRun.sync:2",
    "arn:aws:states:::lambda:invoke.later",
    "arn:aws:states:::aws-sdk:sqs:sendMessage.sync",
    "arn:aws:states:::nothing:here",
])  # fmt: skip
def test_aws_does_not_recognize(arn: str) -> None:
    with pytest.raises(ValueError, match="^" + arn.split("$")[0]):
        parse_resource(arn)
