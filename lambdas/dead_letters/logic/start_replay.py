"""Starts the work of a dead letter again, at most once a name.

A replay gets what its letter says is left to do, else the failed run's own input: from the letter,
from the bucket that a large one was put into, or from the execution itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lambdas.dead_letters.letter import LetterError, parse_letter
from lambdas.dead_letters.payloads import LETTER

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_stepfunctions import SFNClient

    from lambdas.dead_letters.letter import Letter
    from lambdas.dead_letters.payloads import StartReplayEvent


def start_replay(step_functions: SFNClient, s3: S3Client, event: StartReplayEvent) -> str:
    """The ARN of the execution, started now or earlier."""
    if event["kind"] == LETTER:
        text = read_input(step_functions, s3, parse_letter(event["body"]))
    else:
        text = lost_input(event["body"])
    return start_once(step_functions, event["stateMachineArn"], event["name"], text)


def start_once(step_functions: SFNClient, state_machine_arn: str, name: str, text: str) -> str:
    """The ARN of the execution of this name; LetterError where it had another input."""
    try:
        return step_functions.start_execution(
            stateMachineArn=state_machine_arn, name=name, input=text
        )["executionArn"]
    except step_functions.exceptions.ExecutionAlreadyExists as error:
        machine = state_machine_arn.replace(":stateMachine:", ":execution:")
        arn = f"{machine}:{name}"
        found = step_functions.describe_execution(executionArn=arn)
        if json.loads(found["input"]) != json.loads(text):
            raise LetterError(f"{name} has run before, with another input") from error
        return arn


def read_input(step_functions: SFNClient, s3: S3Client, letter: Letter) -> str:
    """The replay's input as JSON text."""
    match letter.content:
        case {"replayInput": value}:
            return _json(value)
        case {"input": value}:
            return _json(value)
        case {"inputLocation": {"bucket": str(bucket), "key": str(key)}}:
            text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        case {"inputLocation": {"executionArn": str(arn)}}:
            described = step_functions.describe_execution(executionArn=arn)
            if "input" not in described:
                raise LetterError(f"{arn} does not show its input")
            text = described["input"]
        case _:
            raise LetterError(f"its inputLocation is unknown: {letter.content['inputLocation']}")
    try:
        json.loads(text)
    except ValueError as error:
        raise LetterError(f"its stored input is no JSON: {error}") from error
    return text


def lost_input(body: str) -> str:
    """What a schedule would have handed over; of an event, its detail, as this app's rules do."""
    try:
        content = json.loads(body)
    except ValueError as error:
        raise LetterError(f"it is no JSON: {error}") from error
    if isinstance(content, dict) and "detail-type" in content:
        return _json(content["detail"])
    return body


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
