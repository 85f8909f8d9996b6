"""Examples that start as their users would start them: by calls of AWS's APIs.

title, about      what it shows
items             items that are in the tables before
calls             service and operation as boto3 names them; what is JSON inside stands as JSON
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfnlocal.testing import LocalApp

FOLDER = Path(__file__).parent
# Parameters that AWS takes as text.
_TEXTS = ("Detail", "payload")


@dataclass(frozen=True, slots=True)
class CallsScenario:
    name: str
    title: str
    about: str
    items: Mapping[str, list[dict[str, Any]]]
    calls: list[dict[str, Any]]

    def run(self, app: LocalApp) -> None:
        """Until nothing is due any more."""
        for table, items in self.items.items():
            for item in items:
                app.put_item(table, item)
        for call in self.calls:
            client = app.client(call["service"])
            getattr(client, call["operation"])(**_with_texts(call["parameters"]))
            app.run_until_idle()


def read_calls() -> Iterator[CallsScenario]:
    """In the order of the file names."""
    for path in sorted(FOLDER.glob("*.json")):
        data = json.loads(path.read_text("utf-8"))
        yield CallsScenario(
            name=path.stem,
            title=data["title"],
            about=data["about"],
            items=data.get("items", {}),
            calls=data["calls"],
        )


def _with_texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_texts(one) for one in value]
    if isinstance(value, dict):
        return {
            name: json.dumps(one) if name in _TEXTS else _with_texts(one)
            for name, one in value.items()
        }
    return value
