"""Print the context of cdk.json, and what the arguments add, as CDK_CONTEXT_JSON wants it.

The `cdk` command passes cdk.json's context to the app; `python app.py` alone gets none of it.
Each argument is KEY=VALUE, where a VALUE that is JSON is taken as JSON: nag=true, stage=dev.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def parse(text: str) -> object:
    """Return a value given on the command line: as JSON if it is some, else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def main(arguments: list[str]) -> int:
    """Print the context."""
    path = Path(__file__).resolve().parent.parent / "cdk.json"
    context: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))["context"]
    for argument in arguments:
        key, _, value = argument.partition("=")
        context[key] = parse(value)
    print(json.dumps(context, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
