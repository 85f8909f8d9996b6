"""How a dead letter's work is brought back: as the operator's script does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lambdas.dead_letters.letter import parse_letter
from scripts.replay_dead_letters import Clients, mark_replayed, start_letter
from sfnlocal.testing import LocalApp

# Sent but not noted as sent, a letter is sent again; the archive lets it be replayed once.
LETTER_STATES = ("SendLetter", "MarkLetterSent")


def replay_from(archive: str) -> Callable[[LocalApp, dict[str, Any]], None]:
    """`archive` is the table of the letters."""

    def replay(app: LocalApp, content: dict[str, Any]) -> None:
        clients = Clients(
            app.client("sqs"), app.client("dynamodb"), app.client("s3"), app.client("stepfunctions")
        )
        letter = parse_letter(json.dumps(content))
        mark_replayed(clients, app.table(archive), letter, start_letter(clients, letter))

    return replay
