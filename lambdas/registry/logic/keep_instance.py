"""Registering, keeping and removing instances: conditional writes, so that a name is one owner's.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import fastjsonschema
from botocore.exceptions import ClientError

from lambdas.front.http import Refusal
from lambdas.registry.logic.requests import SERVICE_NAME, checked
from lambdas.registry.payloads import (
    HEARTBEAT_SECONDS,
    HEARTBEATS_MISSED_MAX,
    SERVICE,
    TTL_AFTER_SECONDS,
    Instance,
    Registration,
    instance_of,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.environment import TableName

_check_registration = fastjsonschema.compile(
    json.loads((Path(__file__).parents[1] / "registration.schema.json").read_text("utf-8"))
)
_check_instance = fastjsonschema.compile(
    {
        "type": "object",
        "required": ["service", "instance"],
        "additionalProperties": False,
        "properties": {
            "service": {"type": "string", "pattern": SERVICE_NAME},
            "instance": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,259}$"},
        },
    }
)


class Instances:
    """Of the table, as `caller` may change them. `now_s` is in seconds since 1970."""

    def __init__(self, dynamodb: DynamoDBClient, table: TableName) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def register(self, caller: str, body: object, now_s: int) -> Instance:
        """The owner of the service's name may register an instance again. The first who registers
        one is that."""
        registration = cast(Registration, checked(_check_registration, body, "registration"))
        lives_s = HEARTBEATS_MISSED_MAX * int(
            registration.get("heartbeatSeconds", HEARTBEAT_SECONDS)
        )
        found = Instance(
            instance=instance_of(registration),
            metadata=registration.get("metadata", {}),
            expiresAt=now_s + lives_s,
        )
        if "function" in registration:
            found["function"] = registration["function"]
        else:
            found["address"], found["port"] = registration["address"], registration["port"]
        service = registration["service"]
        item: dict[str, Any] = {
            "service": {"S": service},
            "instance": {"S": found["instance"]},
            "owner": {"S": caller},
            "found": {"S": json.dumps({**found, "expiresAt": None})},
            "livesSeconds": {"N": str(lives_s)},
            "expiresAt": {"N": str(found["expiresAt"])},
            "removeAt": {"N": str(found["expiresAt"] + TTL_AFTER_SECONDS)},
        }
        try:
            self._dynamodb.transact_write_items(
                TransactItems=[
                    {
                        "Update": {
                            "TableName": self._table,
                            "Key": {"service": {"S": service}, "instance": {"S": SERVICE}},
                            "UpdateExpression": "SET #owner = :caller",
                            "ConditionExpression": (
                                "attribute_not_exists(#owner) OR #owner = :caller"
                            ),
                            "ExpressionAttributeNames": {"#owner": "owner"},
                            "ExpressionAttributeValues": {":caller": {"S": caller}},
                        }
                    },
                    {"Put": {"TableName": self._table, "Item": item}},
                ]
            )
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            reasons = cast(Any, error.response)["CancellationReasons"]
            if reasons[0]["Code"] != "ConditionalCheckFailed":
                raise
            raise Refusal(
                409, "ServiceNameTaken", f"the service {service!r} is another caller's"
            ) from error
        return found

    def heartbeat(self, caller: str, body: object, now_s: int) -> int:
        """When the instance expires now."""
        service, instance = _service_and_instance(body, "heartbeat")
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"service": {"S": service}, "instance": {"S": instance}},
                UpdateExpression=(
                    "SET expiresAt = :now + livesSeconds, removeAt = :remove + livesSeconds"
                ),
                ConditionExpression="#owner = :caller AND attribute_exists(livesSeconds)",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={
                    ":caller": {"S": caller},
                    ":now": {"N": str(now_s)},
                    ":remove": {"N": str(now_s + TTL_AFTER_SECONDS)},
                },
                ReturnValues="UPDATED_NEW",
            )
        except ClientError as error:
            raise _not_yours(error, service, instance) from error
        return int(answer["Attributes"]["expiresAt"]["N"])

    def deregister(self, caller: str, body: object) -> None:
        """Also where it is gone already."""
        service, instance = _service_and_instance(body, "deregistration")
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key={"service": {"S": service}, "instance": {"S": instance}},
                ConditionExpression="attribute_not_exists(#owner) OR #owner = :caller",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":caller": {"S": caller}},
            )
        except ClientError as error:
            raise _not_yours(error, service, instance) from error


def _service_and_instance(body: object, name: str) -> tuple[str, str]:
    found = checked(_check_instance, body, name)
    return found["service"], found["instance"]


def _not_yours(error: ClientError, service: str, instance: str) -> Exception:
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        return error
    return Refusal(
        404, "InstanceUnknown", f"you have registered no instance {instance!r} of {service!r}"
    )
