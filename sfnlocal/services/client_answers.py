"""What a client makes of a service's answers: error responses, times, checked parameters.

Our own services are called without a client; whoever is used to one gets what it would have given.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ParamValidationError
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from botocore.validate import ParamValidator

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.parameter_check import parameter_check


def check_parameters(params: Mapping[str, Any], operation: OperationModel) -> None:
    """Raises ParamValidationError, as a client does before it sends anything."""
    check = parameter_check(operation.service_model.service_name, operation.name)
    if operation.input_shape is not None and not check(params):
        report = ParamValidator().validate(params, operation.input_shape)
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())


def error_response(error: ApiError, request_id: str) -> Any:
    """ClientError.response."""
    shown = {"Code": error.aws_code, "Message": error.message}
    if error.query_code:
        shown |= {"Code": error.query_code, "QueryErrorCode": error.aws_code, "Type": "Sender"}
    return {
        "Error": shown,
        # Some services' errors have their message as a member too.
        "message": error.message,
        **error.members,
        "ResponseMetadata": metadata(error.http_status, request_id),
    }


def metadata(status: int, request_id: str) -> dict[str, Any]:
    return {
        "RequestId": request_id,
        "HTTPStatusCode": status,
        "HTTPHeaders": {"x-amzn-requestid": request_id},
        "RetryAttempts": 0,
    }


def parsed(value: Json, shape: Shape | None) -> Any:
    """An answer as a client gives it: epoch seconds become datetimes."""
    match shape:
        case StructureShape():
            members = shape.members
            return {name: parsed(item, members.get(name)) for name, item in value.items()}
        case ListShape():
            return [parsed(item, shape.member) for item in value]
    if shape is not None and shape.type_name == "timestamp":
        return datetime.fromtimestamp(value, UTC)
    return value
