"""Times as API calls give them: epoch seconds, or what botocore makes of them."""

from __future__ import annotations

from datetime import UTC, datetime

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json


def moment_ms(value: Json) -> int:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    if isinstance(value, str):
        try:
            return moment_ms(datetime.fromisoformat(value))
        except ValueError:
            raise ApiError("ValidationError", f"timestamp {value} is invalid") from None
    return round(float(value) * 1000)
