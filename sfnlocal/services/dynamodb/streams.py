"""The API that reads a table's stream: refused by name.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
"""

from __future__ import annotations

from typing import NoReturn

from sfnlocal.errors import UnsupportedError
from sfnlocal.ports import Json


def no_streams(operation: str, params: dict[str, Json]) -> NoReturn:
    """The route of `dynamodbstreams`."""
    raise UnsupportedError(
        f"dynamodbstreams:{operation} is not simulated",
        hint="a table's stream has an ARN here, and no records",
    )
