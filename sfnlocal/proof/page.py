"""Proofs as one HTML page that needs nothing else: what is broken first, then for each workflow the
matrix of its faults, its picture with the coverage, what it costs, and its permissions.

It is made of ProofResult alone, so that `--format json` of any earlier run gives the same page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from sfnlocal.proof.cost_text import dollars
from sfnlocal.proof.page_matrix import matrix, path_text
from sfnlocal.proof.page_measured import bar, cost_part, coverage_part
from sfnlocal.proof.page_permissions import iam_part, unused_by_all
from sfnlocal.proof.page_style import SCRIPT, style
from sfnlocal.proof.page_violations import violations
from sfnlocal.proof.results import ProofResult
from sfnlocal.proof.text import runs_text


def proof_page(proofs: Sequence[ProofResult]) -> str:
    """`proofs` in the order in which they are shown."""
    title = f"Proof of {proofs[0].proof}" if len(proofs) == 1 else f"{len(proofs)} proofs"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(title)}</title>",
        f"<style>{style()}</style></head><body>",
    ]
    if len(proofs) != 1:
        parts += _overview(title, proofs)
    for number, proof in enumerate(proofs, 1):
        parts += _proof(proof, f"proof-{number}", "h1" if len(proofs) == 1 else "h2")
    parts.append(f'<div id="panel"></div><script>{SCRIPT}</script></body></html>')
    return "\n".join(parts) + "\n"


def _badge(proven: bool) -> str:
    kind, text = ("badge", "proven") if proven else ("badge not", "not proven")
    return f'<span class="{kind}">{text}</span>'


def _overview(title: str, proofs: Sequence[ProofResult]) -> Iterator[str]:
    yield f'<div class="head"><h1>{escape(title)}</h1>'
    yield f"{_badge(all(one.proven for one in proofs))}</div>"
    yield '<table class="lines"><tr><th></th><th></th><th class="number">faults</th>'
    yield '<th class="number">executions</th><th class="number">broken</th><th>covered</th>'
    yield '<th class="number">cheapest to dearest run</th></tr>'
    for number, proof in enumerate(proofs, 1):
        percent = _percent(proof)
        cells = (runs_text(proof), f"{proof.executions:,}", f"{_broken(proof):,}")
        yield f'<tr><td><a href="#proof-{number}">{escape(proof.proof)}</a></td>'
        yield f"<td>{_badge(proof.proven)}</td>"
        yield "".join(f'<td class="number">{cell}</td>' for cell in cells)
        yield f"<td>{'' if percent is None else bar(percent)}</td>"
        yield f'<td class="number">{_costs(proof)}</td></tr>'
    yield "</table>"
    yield from unused_by_all(proofs)


def _proof(proof: ProofResult, proof_id: str, heading: str) -> Iterator[str]:
    yield f'<section><div class="head"><{heading} id="{proof_id}">'
    yield f"{'Proof of ' if heading == 'h1' else ''}{escape(proof.proof)}</{heading}>"
    yield f"{_badge(proof.proven)}</div>"
    yield from _facts(proof)
    if proof.violations:
        yield "<h3>What is broken</h3>"
        yield from violations(proof)
    if proof.results:
        yield "<h3>Every single fault</h3>"
        yield from matrix(proof)
    yield from _scenarios(proof)
    if "coverage" in proof.more:
        yield from coverage_part(proof.more["coverage"], proof_id)
    if "cost" in proof.more:
        yield from cost_part(proof.more["cost"])
    if "iam" in proof.more:
        yield from iam_part(proof.more["iam"])
    yield "</section>"


def _facts(proof: ProofResult) -> Iterator[str]:
    stands_for = len(proof.results) + sum(len(one.plan.like) for one in proof.results)
    percent = _percent(proof)
    facts = [
        (runs_text(proof), "faults, one at a time"),
        (f"{stands_for:,}", "with those they stand for"),
        (f"{proof.executions:,}", "executions"),
        (f"{_broken(proof):,}", "runs break something"),
        ("" if percent is None else f"{percent:.1f} %", "covered"),
        (_costs(proof), "a run without a fault"),
        (f"{proof.wall_ms / 1000:.0f} s", f"seed {proof.seed}"),
    ]
    yield '<div class="facts">'
    for value, about in facts:
        if value:
            yield f'<div class="fact"><b>{value}</b><span class="pale">{about}</span></div>'
    yield "</div>"


def _broken(proof: ProofResult) -> int:
    return sum(bool(one.violations) for one in proof.scenarios) + sum(
        bool(one.violations) for one in proof.results
    )


def _percent(proof: ProofResult) -> float | None:
    """Of all state machines together, rounded down."""
    points = [
        point
        for machine in proof.more.get("coverage", {}).get("machines", ())
        for point in machine["points"]
    ]
    covered = sum(1 for point in points if point["count"])
    return int(covered / len(points) * 1000) / 10 if points else None


def _costs(proof: ProofResult) -> str:
    bills = proof.more.get("cost", {}).values()
    amounts = sorted(bill["amount"] for bill in bills if "amount" in bill)
    if not amounts:
        return ""
    ends = dict.fromkeys((dollars(amounts[0]), dollars(amounts[-1])))
    return " \N{EN DASH} ".join(ends)


def _scenarios(proof: ProofResult) -> Iterator[str]:
    yield '<h3>Without a fault</h3><div class="wide"><table class="lines">'
    yield '<tr><th>scenario</th><th>ends</th><th class="number">sites</th><th>path</th></tr>'
    for one in proof.scenarios:
        path = path_text(one.visited.get(proof.state_machine, ()))
        about = f'<div class="pale">{escape(one.about)}</div>' if one.about else ""
        yield f"<tr><td>{escape(one.name)}{about}</td><td>{escape(one.status)}</td>"
        yield f'<td class="number">{len(one.sites)}</td>'
        yield f'<td class="pale path">{escape(path)}</td></tr>'
    yield "</table></div>"
