"""Print the context of cdk.json, and what the arguments add, as CDK_CONTEXT_JSON wants it.

The `cdk` command passes cdk.json's context to the app; `python app.py` alone gets none of it.
Each argument is KEY=VALUE, where a VALUE that is JSON is taken as JSON: nag=true, stage=dev. Of
these, --local stands for what a local run can do without.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

# The handlers are read where they lie, so their assets are not copied. Where each construct was
# made, and which of its methods were called, nobody asks: a sixth of the synthesis.
LOCAL_RUN: Mapping[str, object] = {
    "aws:cdk:disable-asset-staging": True,
    "aws:cdk:disable-creation-stack-traces": True,
    "aws:cdk:disable-stack-trace": True,
    "@aws-cdk/core:enableAdditionalMetadataCollection": False,
}


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
        if argument == "--local":
            context.update(LOCAL_RUN)
            continue
        key, _, value = argument.partition("=")
        context[key] = parse(value)
    print(json.dumps(context, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
