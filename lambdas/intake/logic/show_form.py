"""The page: what the files beside it leave open is filled in from the form's fields.

Style and script stand inside it, and the Content Security Policy allows these very texts and no
others: one request, nothing from elsewhere, no frame around it.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from lambdas.intake.form import FIELDS, Choice, Consent, Text

if TYPE_CHECKING:
    from lambdas.front.http import Answer
    from lambdas.intake.payloads import Reply

_FOLDER = Path(__file__).parents[1] / "page"
_PAGE = Template((_FOLDER / "page.html").read_text("utf-8"))
_STYLE = (_FOLDER / "page.css").read_text("utf-8")
_SCRIPT = (_FOLDER / "page.js").read_text("utf-8")

SAY_AGAIN = "We could not take it just now. Nothing is lost: please send it again in a moment."
SAY_REUSED = "This form has reached us already, with other entries. Open it anew to send more."
SAY_WRONG = "Please look at what is marked, and send it again."
SAY_REFUSED = "Something is wrong with what was sent. Open the form anew, and try again."
_SAY = {"TryAgain": SAY_AGAIN, "IdempotencyKeyReused": SAY_REUSED, "SubmissionInvalid": SAY_WRONG}


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HEADERS: Mapping[str, str] = {
    "content-type": "text/html; charset=utf-8",
    # Each page has a key of its own.
    "cache-control": "no-store",
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(_STYLE)}",
            f"script-src {_hash(_SCRIPT)}",
            "connect-src 'self'",
            "img-src data:",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def page_answer(
    status: int,
    *,
    key: str,
    entries: Mapping[str, object] | None = None,
    reply: Reply | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    return {
        "statusCode": status,
        "headers": {**HEADERS, **(headers or {})},
        "body": page(key, entries or {}, reply or {}),
    }


def page(key: str, entries: Mapping[str, object], reply: Reply) -> str:
    """The form with its entries and what the reply says of them; the confirmation where there is
    one. `key` is what makes two submissions the same."""
    problems = {one["field"]: one["message"] for one in reversed(reply.get("problems", []))}
    first_wrong = next((field.name for field in FIELDS if field.name in problems), "")
    error = reply.get("error")
    stored = "submissionId" in reply
    return _PAGE.substitute(
        style=_STYLE,
        script=_SCRIPT,
        key=escape(key),
        status=escape(_SAY.get(error, SAY_REFUSED) if error else ""),
        state="wrong" if error else "",
        fields="\n".join(
            _field(field, entries.get(field.name), problems.get(field.name, ""), first_wrong)
            for field in FIELDS
        ),
        form_hidden="hidden" if stored else "",
        done_hidden="" if stored else "hidden",
        reference=escape(reply.get("submissionId", "")),
        say_again=SAY_AGAIN,
        say_reused=SAY_REUSED,
        say_wrong=SAY_WRONG,
        say_refused=SAY_REFUSED,
    )


def _field(field: Text | Choice | Consent, entry: object, problem: str, first_wrong: str) -> str:
    name, shown = field.name, escape(entry) if isinstance(entry, str) else ""
    hint = field.hint if isinstance(field, Text) else ""
    described = f"{name}-hint {name}-problem" if hint else f"{name}-problem"
    common = (
        f'id="{name}" name="{name}" required aria-describedby="{described}"'
        f' data-problem="{escape(field.problem)}"'
        + (' aria-invalid="true"' if problem else "")
        + (" autofocus" if name == first_wrong else "")
    )
    label = f'<label for="{name}">{escape(field.label)}</label>'
    hint_line = f'<p class="hint" id="{name}-hint">{escape(hint)}</p>' if hint else ""
    problem_line = f'<p class="problem" id="{name}-problem">{escape(problem)}</p>'
    match field:
        case Consent():
            ticked = " checked" if entry is True else ""
            box = f'<input type="checkbox" {common}{ticked}>'
            return f'<div class="field tick">{box}{label}{problem_line}</div>'
        case Choice():
            options = "".join(
                f'<option value="{escape(value)}"{" selected" if entry == value else ""}>'
                f"{escape(text)}</option>"
                for value, text in field.options.items()
            )
            control = f'<select {common}><option value="">Please choose</option>{options}</select>'
        case Text(lines=1):
            control = (
                f'<input type="{field.kind}" {common} maxlength="{field.characters_max}"'
                f' autocomplete="{field.autocomplete}" value="{shown}">'
            )
        case Text():
            control = (
                f'<textarea {common} maxlength="{field.characters_max}" rows="{field.lines}">'
                # The first line break in a textarea is not part of its text.
                f"\n{shown}</textarea>"
            )
    return f'<div class="field">{label}{hint_line}{control}{problem_line}</div>'
