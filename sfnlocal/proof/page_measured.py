"""What was measured over the runs of a proof, for its page: the coverage of each state machine with
its picture, and what each scenario costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from sfnlocal.ports import Json
from sfnlocal.proof.cost_text import dollars, quantity_text
from sfnlocal.proof.coverage import Coverage, MachineCoverage
from sfnlocal.proof.coverage_hints import hints
from sfnlocal.proof.coverage_page import coverage_picture
from sfnlocal.proof.page_style import CHART_COLOURS

_MILLION = 1_000_000
_BARS_REM = 34
_COVERED = (
    ("good", "covered"),
    ("partial", "entered, but not all of it: rest on it for what is missing"),
    ("bad", "not covered"),
)


def bar(percent: float) -> str:
    return f'<span class="bar"><i style="width:{percent:.1f}%"></i></span> {percent:.1f} %'


# Coverage


def coverage_part(data: Json, proof_id: str) -> Iterator[str]:
    machines = list(Coverage.from_json(data))
    yield '<h3>Coverage</h3><table class="lines"><tr><th></th><th>covered</th>'
    groups = list(machines[0].summary.groups) if machines else []
    yield from (f'<th class="number">{name}</th>' for name in groups)
    yield '<th class="number">runs</th></tr>'
    for machine in machines:
        summary = machine.summary
        yield f"<tr><td>{escape(machine.name)}</td><td>{bar(summary.percent)}</td>"
        for covered, total in summary.groups.values():
            yield f'<td class="number">{f"{covered}/{total}" if total else ""}</td>'
        yield f'<td class="number">{machine.executions:,}</td></tr>'
    yield '</table><div class="legend key">'
    for colour, text in _COVERED:
        yield f'<span><i style="background:var(--{colour})"></i>{text}</span>'
    yield '</div><div class="pictures">'
    for number, machine in enumerate(machines):
        yield f'<div class="picture">{_picture(machine, f"{proof_id}-{number}")}</div>'
    yield "</div>"
    for machine in machines:
        yield from _missing(machine)


def _picture(machine: MachineCoverage, picture_id: str) -> str:
    """A page has each id once."""
    picture = coverage_picture(machine)
    for label in ("title", "description"):
        picture = picture.replace(f'id="{label}"', f'id="{label}-{picture_id}"')
    return picture.replace(
        'aria-labelledby="title description"',
        f'aria-labelledby="title-{picture_id} description-{picture_id}"',
    )


def _missing(machine: MachineCoverage) -> Iterator[str]:
    missing = machine.missing
    if not missing:
        return
    told = hints(machine)
    yield f"<details><summary>{escape(machine.name)}: {len(missing)} not covered</summary>"
    yield '<table class="lines"><tr><th>state</th><th>what</th><th>to cover it</th></tr>'
    for point in missing:
        what, how = told[point]
        cells = (point.state, what, how)
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    yield "</table></details>"


# Cost


def cost_part(costs: Json) -> Iterator[str]:
    known = {name: bill for name, bill in costs.items() if "lines" in bill}
    unknown = {name: bill["unknown"] for name, bill in costs.items() if "unknown" in bill}
    yield "<h3>Cost</h3>"
    for text in dict.fromkeys(unknown.values()):
        yield f'<p class="pale">{escape(text)}</p>'
    if not known:
        return
    first = next(iter(known.values()))
    yield (
        '<p class="pale">Of one run without a fault, at the list prices of '
        f"{escape(first['region'])} of {escape(first['asOf'])}.</p>"
    )
    lines = [line for bill in known.values() for line in bill["lines"]]
    services = {
        name: number % CHART_COLOURS
        for number, name in enumerate(dict.fromkeys(line["service"] for line in lines))
    }
    most = max(bill["amount"] for bill in known.values()) or 1
    yield '<div class="legend key">'
    for name, number in services.items():
        yield f'<span><i style="background:var(--c{number})"></i>{escape(name)}</span>'
    yield '</div><table class="lines"><tr><th>scenario</th><th></th><th class="number">one run</th>'
    yield '<th class="number">a million</th></tr>'
    for name, bill in known.items():
        yield f"<tr><td>{escape(name)}</td><td>{_bars(bill, services, most)}</td>"
        amounts = (bill["amount"], bill["amount"] * _MILLION)
        yield "".join(f'<td class="number">{dollars(one)}</td>' for one in amounts) + "</tr>"
    yield "</table><details><summary>line by line</summary>"
    for name, bill in known.items():
        yield from _bill(name, bill)
    yield "</details>"


def _bars(bill: Json, services: dict[str, int], most: float) -> str:
    parts = []
    for name, number in services.items():
        amount = sum(line["amount"] for line in bill["lines"] if line["service"] == name)
        if amount:
            width = amount / bill["amount"] * 100
            title = escape(f"{name}: {dollars(amount)}")
            parts.append(
                f'<i style="width:{width:.2f}%;background:var(--c{number})" title="{title}"></i>'
            )
    width = bill["amount"] / most * _BARS_REM
    return f'<div class="bars" style="width:{width:.2f}rem">{"".join(parts)}</div>'


def _bill(scenario: str, bill: Json) -> Iterator[str]:
    yield f"<h4>{escape(scenario)}</h4>"
    yield '<table class="lines"><tr><th>service</th><th>what</th><th class="number">quantity</th>'
    yield '<th class="number">one run</th><th>price</th></tr>'
    for line in bill["lines"]:
        per = "" if line["per"] == 1 else f" per {line['per']:,}"
        price = f"{dollars(line['price'])}{per}"
        yield (
            f"<tr><td>{escape(line['service'])}</td><td>{escape(line['unit'])}</td>"
            f'<td class="number">{quantity_text(line["quantity"])}</td>'
            f'<td class="number">{dollars(line["amount"])}</td>'
            f'<td><a href="{escape(line["source"])}">{escape(price)}</a></td></tr>'
        )
    yield "</table>"
