"""The errors that SQS answers with.

SDKs show the code of the query protocol where SQS had one before it spoke JSON: an ApiError has
both. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sfnlocal.errors import ApiError

_PREFIX = "AWS.SimpleQueueService."
_QUERY_CODES: Mapping[str, str] = {
    **{
        code: _PREFIX + code
        for code in (
            "BatchEntryIdsNotDistinct",
            "BatchRequestTooLong",
            "EmptyBatchRequest",
            "InvalidBatchEntryId",
            "MessageNotInflight",
            "PurgeQueueInProgress",
            "QueueDeletedRecently",
            "TooManyEntriesInBatchRequest",
            "UnsupportedOperation",
        )
    },
    "QueueDoesNotExist": _PREFIX + "NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
}


def sqs_error(code: str, message: str) -> ApiError:
    return ApiError(code, message, query_code=_QUERY_CODES.get(code, ""))


def missing_parameter(name: str) -> ApiError:
    return sqs_error("MissingParameter", f"The request must contain the parameter {name}.")


def invalid_value(name: str, value: object, reason: str) -> ApiError:
    return sqs_error(
        "InvalidParameterValue", f"Value {value} for parameter {name} is invalid. Reason: {reason}"
    )


def no_such_queue() -> ApiError:
    return sqs_error("QueueDoesNotExist", "The specified queue does not exist.")
