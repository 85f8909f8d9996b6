"""Items that `sfnlocal run` puts into tables before the execution starts."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfnlocal.cli.options import read_json_text
from sfnlocal.errors import ApiError, InputError

if TYPE_CHECKING:
    from sfnlocal.testing.local_app import LocalApp

_OPTION = "--items"


def read_items(text: str) -> list[tuple[str, dict[str, Any]]]:
    """`TABLE=FILE_OR_JSON` as pairs of table and item; the JSON is an item or a list of them."""
    table, equals, given = text.partition("=")
    if not equals or not table:
        raise InputError(
            f"{text!r} names no table",
            where=_OPTION,
            hint="""such as Stock=stock.json, or 'Stock={"sku": "mug", "onHand": 5}'""",
        )
    # DynamoDB's numbers are decimal.
    value = json.loads(read_json_text(given, _OPTION), parse_float=Decimal)
    items = value if isinstance(value, list) else [value]
    for item in items:
        if not isinstance(item, dict):
            raise InputError(f"not an item: {json.dumps(item, default=str)}", where=_OPTION)
    return [(table, item) for item in items]


def put_item(app: LocalApp, table: str, item: dict[str, Any]) -> None:
    """Raises InputError where there is no such table, or it cannot hold the item."""
    try:
        app.put_item(table, item)
    except ApiError as error:
        message = f"{json.dumps(item, default=str)}: {error.message}"
        raise InputError(message, where=f"{_OPTION} {table}") from None
