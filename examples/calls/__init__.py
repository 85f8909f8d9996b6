"""Examples that start as their users would start them: by calls of AWS's APIs.

title, about      what it shows
items             items that are in the tables before
calls             service and operation as boto3 names them; what is JSON inside stands as JSON;
                  or a request to an HTTP API, with a token of the caller if there is one, or the
                  webhook of a release that its host signs. `then` says how many seconds pass
                  afterwards; without it, all that is due happens
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.callers import ask, trust_issuer
from examples.webhooks import PATH, a_release, send_webhook
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
        if any("request" in call or "webhook" in call for call in self.calls):
            # A request lets time pass, and with it every schedule.
            app.pause_schedules()
        for call in self.calls:
            if "request" in call:
                _request(app, call)
            elif "webhook" in call:
                _webhook(app, **call["webhook"])
            else:
                client = app.client(call["service"])
                getattr(client, call["operation"])(**_with_texts(call["parameters"]))
            if "then" in call:
                app.advance(seconds=call["then"])
            else:
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


def _request(app: LocalApp, call: Mapping[str, Any]) -> None:
    """Prints what was asked and answered. Links of an answer are polled where the call says so."""
    trust_issuer(app)
    method, path = call["request"].split(" ")
    options = {name: call[name] for name in ("api", "json", "headers", "caller") if name in call}
    if "caller" in call:
        answer = ask(app, method, path, **options)
    else:
        answer = app.request(method, path, **options)
    print(f"{call['request']} -> {answer.status} {_shortened(answer.json)}")
    for after_s in call.get("pollAfterSeconds", ()):
        app.advance(seconds=after_s)
        polled = app.request("GET", answer.json["statusUrl"])
        print(f"   {after_s} s later GET statusUrl -> {polled.status} {polled.text}")
    print()


def _webhook(app: LocalApp, tag: str, delivery: str, **more: Any) -> None:
    """`more` is what the release is told with: `id` of the release, `action`, ..."""
    told = {**a_release(app, tag, id=more.pop("id")), **more}
    answer = send_webhook(app, told, delivery=delivery)
    print(f"POST {PATH}, delivery {delivery} -> {answer.status} {answer.text}\n")


def _shortened(value: Any) -> str:
    """Links without what signs them."""
    return re.sub(r"\?X-Amz-[^\"]*", "?...", json.dumps(value))


def _with_texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_texts(one) for one in value]
    if isinstance(value, dict):
        return {
            name: json.dumps(one) if name in _TEXTS else _with_texts(one)
            for name, one in value.items()
        }
    return value
