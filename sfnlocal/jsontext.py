"""JSON text as Step Functions writes it: compact, not escaped to ASCII, sizes in UTF-8 bytes."""

from __future__ import annotations

import json

from sfnlocal.ports import Json

_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)
json_text = _encoder.encode
# What goes over the wire: compact, and ASCII, as AWS's services send it.
json_ascii = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def json_bytes(value: Json) -> int:
    """The length of the value's JSON text in UTF-8 bytes."""
    return len(json_text(value).encode("utf-8", "surrogatepass"))
