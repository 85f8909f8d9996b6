"""The house retry policy: which errors are retried, how often and how far apart.

Errors are retried by class, each class with its own count, so that a throttled call does not use
up the attempts of a time-out. Business errors stand in no class: they are never retried, and
neither is `States.ALL`. Step Functions tries the Retriers in order and the first match wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn

from workflows.durations import seconds


@dataclass(frozen=True, slots=True)
class RetryClass:
    """One Retrier. `max_delay_seconds` caps the exponential back-off."""

    errors: tuple[str, ...]
    interval_seconds: int
    max_attempts: int
    max_delay_seconds: int
    backoff_rate: float = 2
    jitter: sfn.JitterType = sfn.JitterType.FULL


class Retryable(Protocol):
    """A Task, Parallel, Map or custom state."""

    def add_retry(
        self,
        *,
        errors: list[str],
        interval: cdk.Duration,
        max_attempts: int,
        max_delay: cdk.Duration,
        backoff_rate: float,
        jitter_strategy: sfn.JitterType,
    ) -> object: ...


def service_faults(*errors: str) -> RetryClass:
    """Faults and throttling of an AWS service: it is healthy again in seconds, or it is not."""
    return RetryClass(errors, interval_seconds=2, max_attempts=6, max_delay_seconds=60)


# https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
LAMBDA_FAULTS = service_faults(
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)

LAMBDA_SDK_FAULTS = service_faults(
    "Lambda.LambdaException",
    "Lambda.ResourceConflictException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
)
CLOUDWATCH_SDK_FAULTS = service_faults(
    "CloudWatch.CloudWatchException",
    "CloudWatch.InternalServiceException",
    "CloudWatch.SdkClientException",
)

# Optimized integrations spell the prefix DynamoDB, the AWS SDK integrations DynamoDb.
DYNAMODB_FAULTS = service_faults(
    "DynamoDB.AmazonDynamoDBException",
    "DynamoDB.InternalServerErrorException",
    "DynamoDB.ProvisionedThroughputExceededException",
    "DynamoDB.RequestLimitExceededException",
    "DynamoDB.SdkClientException",
    "DynamoDB.ThrottlingException",
    "DynamoDB.TransactionConflictException",
)
DYNAMODB_SDK_FAULTS = service_faults(
    "DynamoDb.DynamoDbException",
    "DynamoDb.InternalServerErrorException",
    "DynamoDb.ProvisionedThroughputExceededException",
    "DynamoDb.RequestLimitExceededException",
    "DynamoDb.SdkClientException",
    "DynamoDb.ThrottlingException",
)
SQS_FAULTS = service_faults(
    "SQS.AmazonSQSException",
    "SQS.RequestThrottledException",
    "SQS.SdkClientException",
    "SQS.ThrottlingException",
)
SQS_SDK_FAULTS = service_faults(
    "Sqs.RequestThrottledException",
    "Sqs.SdkClientException",
    "Sqs.SqsException",
)
SNS_FAULTS = service_faults(
    "SNS.AmazonSNSException",
    "SNS.InternalErrorException",
    "SNS.SdkClientException",
    "SNS.ThrottledException",
)
EVENTBRIDGE_FAULTS = service_faults(
    "EventBridge.AmazonEventBridgeException",
    "EventBridge.FailedEntry",
    "EventBridge.InternalException",
    "EventBridge.SdkClientException",
)
SCHEDULER_SDK_FAULTS = service_faults(
    "Scheduler.InternalServerException",
    "Scheduler.SchedulerException",
    "Scheduler.SdkClientException",
    "Scheduler.ThrottlingException",
)
STEP_FUNCTIONS_FAULTS = service_faults(
    "StepFunctions.AWSStepFunctionsException",
    "StepFunctions.ExecutionLimitExceededException",
    "StepFunctions.SdkClientException",
    "StepFunctions.ThrottlingException",
)
S3_SDK_FAULTS = service_faults("S3.S3Exception", "S3.SdkClientException", "S3.SlowDownException")
STEP_FUNCTIONS_SDK_FAULTS = service_faults(
    "Sfn.ExecutionLimitExceededException",
    "Sfn.SdkClientException",
    "Sfn.SfnException",
    "Sfn.ThrottlingException",
)

# Whatever took the whole time-out once is likely to do so again: few attempts.
# Sandbox.Timedout is how Lambda reports a function's own time-out.
TIME_OUTS = RetryClass(
    ("States.Timeout", "States.HeartbeatTimeout", "Sandbox.Timedout"),
    interval_seconds=1,
    max_attempts=2,
    max_delay_seconds=10,
)

# Another attempt holds the idempotency record, at the longest until its function's time-out:
# the pauses together must outlast that, and full jitter could use them up at once.
IDEMPOTENCY_IN_PROGRESS = RetryClass(
    ("IdempotencyAlreadyInProgressError",),
    interval_seconds=5,
    max_attempts=4,
    max_delay_seconds=60,
    jitter=sfn.JitterType.NONE,
)

# What a version of a function that is broken raises: it cannot be loaded, or its code is wrong. It
# is called again until a heal of it has ended (docs/workflows/heal.md), 18 minutes in all. Names
# that handlers give to refusals are not among these.
FAULTY_VERSION = RetryClass(
    (
        "AttributeError",
        "ImportError",
        "IndexError",
        "KeyError",
        "ModuleNotFoundError",
        "NameError",
        "Runtime.ExitError",
        "Runtime.HandlerNotFound",
        "Runtime.ImportModuleError",
        "Runtime.UserCodeSyntaxError",
        "TypeError",
        "UnboundLocalError",
    ),
    interval_seconds=60,
    max_attempts=6,
    max_delay_seconds=300,
    backoff_rate=1.5,
    jitter=sfn.JitterType.NONE,
)


def transient(*errors: str) -> RetryClass:
    """Errors that a task declares as passing: an outage of minutes is waited out, not hours."""
    return RetryClass(errors, interval_seconds=2, max_attempts=8, max_delay_seconds=120)


def retry(state: Retryable, *classes: RetryClass) -> None:
    """Give a state one Retrier a class, in order."""
    for each in classes:
        state.add_retry(
            errors=list(each.errors),
            interval=seconds(each.interval_seconds),
            max_attempts=each.max_attempts,
            max_delay=seconds(each.max_delay_seconds),
            backoff_rate=each.backoff_rate,
            jitter_strategy=each.jitter,
        )
