"""Starts an execution once: its name is taken by the first start and answers every other one.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

    from lambdas.environment import StateMachineArn
    from lambdas.front.payloads import StartMessage


def start_execution(
    step_functions: SFNClient, machine: StateMachineArn, message: StartMessage
) -> bool:
    """Whether this call started it, or cannot tell; false when it had ended before."""
    try:
        step_functions.start_execution(
            stateMachineArn=machine,
            name=message["name"],
            input=json.dumps(message["input"]),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        return False
    return True
