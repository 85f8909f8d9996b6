"""Permissions on a proof's page: what is missing, what each role used of its statements, and what
none of the proofs used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from sfnlocal.ports import Json
from sfnlocal.proof.results import ProofResult


def unused_by_all(proofs: Sequence[ProofResult]) -> Iterator[str]:
    """Statement by statement, of the roles that worked in any of them."""
    used: Counter[str] = Counter()
    told: dict[str, tuple[str, Json]] = {}
    for proof in proofs:
        for role in proof.more.get("iam", {}).get("roles", ()):
            for one in role["statements"]:
                used[one["where"]] += one["used"]
                told[one["where"]] = role["name"], one
    unused = [
        told[where]
        for where, count in used.items()
        if not count and told[where][1]["effect"] == "Allow"
    ]
    if not told:
        return
    count = f"{len(unused)} of {len(told)} statements of roles allowed nothing in any proof"
    if not unused:
        yield f'<p class="pale">{count}.</p>'
        return
    yield f"<details><summary>{count}</summary>"
    yield '<table class="lines"><tr><th>role</th><th>what</th><th>on</th></tr>'
    for name, one in unused:
        cells = (name, ", ".join(one["actions"]), ", ".join(dict.fromkeys(one["resources"])))
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    yield "</table></details>"


def iam_part(data: Json) -> Iterator[str]:
    yield "<h3>Permissions</h3>"
    statements = [one for role in data["roles"] for one in role["statements"]]
    calls = sum(one["count"] for one in data["records"]["records"])
    used = sum(1 for one in statements if one["used"])
    yield (
        f'<p class="pale">{calls:,} calls were checked against {len(data["roles"])} roles. '
        f"{used} of {len(statements)} statements allowed something; another proof may need the "
        "others.</p>"
    )
    missing = [one for one in data["findings"] if one["kind"] in ("missing", "not-evaluable")]
    for one in missing:
        yield f'<div class="finding {one["kind"]}"><b>{escape(one["who"])}</b> '
        yield f"{escape(one['kind'])}: {escape(one['text'])}"
        yield f'<div class="pale">{escape(one["hint"])}</div></div>'
    wider = [one for one in data["findings"] if one["kind"] == "wider"]
    if wider:
        yield f"<details><summary>{len(wider)} wider than these runs need</summary>"
        yield '<table class="lines"><tr><th>role</th><th>what</th><th></th></tr>'
        for one in wider:
            cells = (one["who"], one["text"], one["hint"])
            yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        yield "</table></details>"
    yield '<details><summary>what each role used</summary><div class="roles">'
    for role in sorted(data["roles"], key=lambda one: one["name"]):
        yield from _role(role)
    yield "</div></details>"


def _role(role: Json) -> Iterator[str]:
    yield f'<div class="role"><h4>{escape(role["name"])}</h4><table>'
    for one in role["statements"]:
        never = "" if one["used"] or one["effect"] == "Deny" else ' class="never"'
        deny = "<b>Deny</b> " if one["effect"] == "Deny" else ""
        what = "<br>".join(escape(action) for action in one["actions"])
        where = "<br>".join(escape(target) for target in dict.fromkeys(one["resources"]))
        count = f"{one['used']:,}" if one["used"] else "unused"
        yield f'<tr{never} title="{escape(one["where"])}"><td>{deny}{what}</td><td>{where}</td>'
        yield f'<td class="number">{count}</td></tr>'
    yield "</table></div>"
