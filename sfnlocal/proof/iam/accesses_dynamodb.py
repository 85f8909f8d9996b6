"""What calls of DynamoDB need permission for: items of transactions and batches each, indexes.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sfnlocal.proof.iam.access import ANY, Access, Params
from sfnlocal.proof.iam.resource_names import Home

_WRITES = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_PARTIQL = {
    "SELECT": "PartiQLSelect",
    "INSERT": "PartiQLInsert",
    "UPDATE": "PartiQLUpdate",
    "DELETE": "PartiQLDelete",
}
_STATEMENT = re.compile(
    r"""\s*(SELECT|INSERT|UPDATE|DELETE)\b.*?(?:FROM|INTO|UPDATE)?\s*"([^"]+)"(?:\."([^"]+)")?""",
    re.IGNORECASE | re.DOTALL,
)


def read(home: Home, operation: str, params: Params) -> Iterable[Access]:
    reader = _READERS.get(operation)
    if reader is not None:
        yield from reader(home, operation, params)
        return
    arn = params.get("ResourceArn") or params.get("StreamArn") or params.get("BackupArn")
    table = params.get("TableName")
    yield Access(f"dynamodb:{operation}", home.table_arn(table) if table else str(arn or ANY))


def _item(home: Home, operation: str, params: Params) -> Iterator[Access]:
    given = params.get("Key") or params.get("Item") or {}
    keys = _leading(home, params["TableName"], [given])
    if "ReturnValues" in params:
        keys["dynamodb:returnvalues"] = (str(params["ReturnValues"]),)
    yield Access(f"dynamodb:{operation}", home.table_arn(params["TableName"]), keys)


def _query(home: Home, operation: str, params: Params) -> Iterator[Access]:
    arn = home.table_arn(params["TableName"])
    if params.get("IndexName"):
        arn = f"{arn}/index/{params['IndexName']}"
    keys = {"dynamodb:select": (str(params["Select"]),)} if "Select" in params else {}
    yield Access(f"dynamodb:{operation}", arn, keys)


def _batch(home: Home, operation: str, params: Params) -> Iterator[Access]:
    for table, asked in params.get("RequestItems", {}).items():
        if operation == "BatchGetItem":
            given = asked.get("Keys", [])
        else:
            given = [_item_of(one) for request in asked for one in request.values()]
        keys = _leading(home, table, given)
        yield Access(f"dynamodb:{operation}", home.table_arn(table), keys)


def _transaction(home: Home, operation: str, params: Params) -> Iterator[Access]:
    for entry in params.get("TransactItems", []):
        for kind, one in entry.items():
            action = "GetItem" if kind == "Get" else _WRITES[kind]
            keys = _leading(home, one["TableName"], [_item_of(one)])
            keys["dynamodb:enclosingoperation"] = (operation,)
            yield Access(f"dynamodb:{action}", home.table_arn(one["TableName"]), keys)


def _partiql(home: Home, operation: str, params: Params) -> Iterator[Access]:
    listed = params.get("Statements") or params.get("TransactStatements") or [params]
    for one in listed:
        text = str(one.get("Statement", ""))
        found = _STATEMENT.match(text)
        if found is None:
            yield Access(f"dynamodb:{operation}", ANY, derived=True)
            continue
        arn = home.table_arn(found[2])
        resource = f"{arn}/index/{found[3]}" if found[3] else arn
        yield Access(f"dynamodb:{_PARTIQL[found[1].upper()]}", resource)


def _none(home: Home, operation: str, params: Params) -> Iterator[Access]:
    yield Access(f"dynamodb:{operation}", ANY)


def _item_of(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return one.get("Key") or one.get("Item") or {}


def _leading(
    home: Home, table: str, items: Iterable[Mapping[str, Any]]
) -> dict[str, tuple[str, ...]]:
    """dynamodb:LeadingKeys, the items' partition keys; of a table that the template does not have
    they are not known."""
    resource = home.resource(home.table_arn(table))
    if resource is None:
        return {}
    schema = resource.properties.get("KeySchema", [])
    name = next((one["AttributeName"] for one in schema if one["KeyType"] == "HASH"), "")
    values = {_text(item[name]) for item in items if name in item}
    return {"dynamodb:leadingkeys": tuple(sorted(values))}


def _text(value: Any) -> str:
    """An attribute value, or what boto3's resources take in its place."""
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


_READERS = {
    "GetItem": _item,
    "PutItem": _item,
    "UpdateItem": _item,
    "DeleteItem": _item,
    "Query": _query,
    "Scan": _query,
    "BatchGetItem": _batch,
    "BatchWriteItem": _batch,
    "TransactGetItems": _transaction,
    "TransactWriteItems": _transaction,
    "ExecuteStatement": _partiql,
    "BatchExecuteStatement": _partiql,
    "ExecuteTransaction": _partiql,
    "ListTables": _none,
    "DescribeLimits": _none,
    "DescribeEndpoints": _none,
}
