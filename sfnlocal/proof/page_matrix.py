"""The matrix of a proof's page: sites down, kinds of faults across, a square for each run.

The runs of one fault stand together: once, until before the last retry, for ever. Resting on a
square tells its plan, where it led, and the command that runs it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from typing import Literal, TypeAlias, get_args

from sfnlocal.proof.results import Persistence, PlanResult, ProofResult
from sfnlocal.proof.text import COLUMNS, column
from sfnlocal.reports.wording import duration

# What came of a run.
Kind: TypeAlias = Literal["held", "back", "letter", "violated"]
LEGEND: dict[Kind, str] = {
    "held": "ended well by itself: retried, caught, or compensated",
    "back": "left its dead letter, and was brought back from there",
    "letter": "ended as a dead letter, which is where it belongs",
    "violated": "violated: something that must hold does not",
}
ABOUT: dict[str, str] = {
    "refused": "nothing was done, and an error came back",
    "lost": "it was done, but an error came back",
    "silent": "no answer, a late one, or no heartbeat",
    "crash": "the handler dies before or after what it does",
    "twice": "it is delivered twice",
    "in part": "a batch is a success, but for its first entry",
    "too large": "its answer is over the limit",
    "ended": "the execution is aborted or times out",
}
_SHOWN_STATES = 40


def kind_of(result: PlanResult) -> Kind:
    if result.violations:
        return "violated"
    if result.replayed:
        return "back"
    return "held" if result.status == "SUCCEEDED" else "letter"


def matrix(proof: ProofResult) -> Iterator[str]:
    columns = list(dict.fromkeys(COLUMNS.values()))
    columns = [name for name in columns if any(column(one) == name for one in proof.results)]
    yield from _legend(proof)
    yield '<div class="wide"><table class="matrix"><thead><tr><th></th>'
    for name in columns:
        yield f'<th title="{ABOUT[name]}">{name}</th>'
    yield "</tr></thead><tbody>"
    rows: dict[tuple[str, str, str], list[PlanResult]] = {}
    for one in proof.results:
        site = one.plan.site
        rows.setdefault((site.kind, site.owner, site.name), []).append(one)
    owners = dict.fromkeys((kind, owner) for kind, owner, _ in sorted(rows, key=_states_first))
    for kind, owner in owners:
        what = "states of" if kind == "state" else "calls by"
        yield f'<tr class="owner"><th colspan="{len(columns) + 1}">{what} {escape(owner)}</th></tr>'
        for (of_kind, of_owner, name), results in rows.items():
            if (of_kind, of_owner) == (kind, owner):
                yield from _row(proof, name, results, columns)
    yield "</tbody></table></div>"


def _states_first(row: tuple[str, str, str]) -> bool:
    return row[0] != "state"


def _legend(proof: ProofResult) -> Iterator[str]:
    yield '<div class="legend">'
    kinds = [kind_of(one) for one in proof.results]
    for kind, text in LEGEND.items():
        count = kinds.count(kind)
        if count:
            yield f'<span><i class="dot {kind}"></i>{count:,} {text}</span>'
    yield "</div>"


def _row(
    proof: ProofResult, name: str, results: list[PlanResult], columns: Iterable[str]
) -> Iterator[str]:
    yield f'<tr><th class="site">{escape(name)} <span class="runs">{len(results)}</span></th>'
    for wanted in columns:
        yield "<td>"
        here = [one for one in results if column(one) == wanted]
        for _, runs in groupby(here, key=_fault):
            in_order = sorted(runs, key=_persistence)
            yield f'<span class="fault">{"".join(_dot(proof, run) for run in in_order)}</span>'
        yield "</td>"
    yield "</tr>"


def _fault(result: PlanResult) -> tuple[object, ...]:
    return result.plan.scenario, result.plan.site, result.plan.fault


def _persistence(result: PlanResult) -> int:
    return get_args(Persistence).index(result.plan.persistence)


def _dot(proof: ProofResult, result: PlanResult) -> str:
    told = escape("\n".join(_told(proof, result)))
    return f'<i class="dot {kind_of(result)}" title="{told}"></i>'


def _told(proof: ProofResult, result: PlanResult) -> Iterator[str]:
    plan = result.plan
    yield f"{plan.fault}, {plan.persistence.replace('-', ' ')}, at {plan.site} ({plan.scenario})"
    if plan.like:
        yield f"stands for {', '.join(plan.like)}"
    ended = f"{result.status}{f' with {result.error}' if result.error else ''}"
    back = f", brought back by {result.replayed}" if result.replayed else ""
    yield f"{ended} after {duration(result.virtual_ms)}{back}"
    if result.visited:
        yield path_text(result.visited)
    yield from (f"! {one.invariant}: {one.message}" for one in result.violations)
    yield f"$ {command(proof, result)}"


def command(proof: ProofResult, result: PlanResult) -> str:
    """What runs this plan again."""
    return f"sfnlocal prove {proof.proof} --plan '{result.plan}' --seed {proof.seed}"


def path_text(states: Iterable[str]) -> str:
    """`A > B (3 times) > C`."""
    parts = []
    for name, same in groupby(states):
        count = len(list(same))
        parts.append(name if count == 1 else f"{name} ({count} times)")
    shown = parts[:_SHOWN_STATES]
    more = [f"{len(parts) - len(shown)} more"] if len(parts) > len(shown) else []
    return " \N{RIGHTWARDS ARROW} ".join([*shown, *more])
