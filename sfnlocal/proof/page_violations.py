"""What is broken, first on a proof's page: each kind once, with the difference, the path of one
run, and the commands that run all of them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from sfnlocal.proof.results import ProofResult, Violation

_COMMANDS_SHOWN = 5


def violations(proof: ProofResult) -> Iterator[str]:
    kinds: dict[tuple[str, str], list[Violation]] = {}
    for one in proof.violations:
        # The same but for names and numbers is told once where all its words are the same.
        kinds.setdefault((one.invariant, one.message), []).append(one)
    for (invariant, message), same in sorted(kinds.items(), key=lambda item: -len(item[1])):
        runs = "1 run" if len(same) == 1 else f"{len(same):,} runs"
        yield f'<div class="violation"><h4><span class="bad">{escape(invariant)}</span>'
        yield f' <span class="pale">in {runs}</span></h4>'
        yield f"<pre>{''.join(_coloured(message))}</pre>"
        yield from _commands(same)
        if same[0].path:
            yield "<details><summary>the path of the first</summary>"
            yield f"<pre>{escape(same[0].path)}</pre></details>"
        yield "</div>"


def _commands(same: list[Violation]) -> Iterator[str]:
    commands = list(dict.fromkeys(one.command for one in same))
    for command in commands[:_COMMANDS_SHOWN]:
        yield f'<code class="command">{escape(command)}</code>'
    rest = commands[_COMMANDS_SHOWN:]
    if rest:
        yield f"<details><summary>and {len(rest)} more</summary>"
        yield from (f'<code class="command">{escape(command)}</code>' for command in rest)
        yield "</details>"


def _coloured(message: str) -> Iterator[str]:
    for line in message.splitlines():
        kind = {"-": "minus", "+": "plus"}.get(line.lstrip()[:1], "")
        yield f'<span class="{kind}">{escape(line)}</span>\n' if kind else f"{escape(line)}\n"
