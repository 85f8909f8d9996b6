"""Form intake: every single fault between the page and the table, which sends again what was not
taken, with the same key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from lambdas.intake.form import Submission
from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp

ENTRIES = Submission(
    name="Ada Lovelace",
    email="ada@example.com",
    topic="order",
    message="Where is my order?",
    consent=True,
)
WRONG = Submission(name="", email="ada", topic="weather", message=" ", consent=False)
OTHER = Submission(**{**ENTRIES, "message": "Something else"})


def sent(*submissions: Submission) -> Callable[[LocalApp], None]:
    """With one key. What the page tells its visitor is true."""

    def send(app: LocalApp) -> None:
        for entries in submissions:
            answer = app.request(
                "POST",
                "/submissions",
                api="IntakeApi",
                json=entries,
                headers={"idempotency-key": "visit-1"},
            )
            if answer.status == 201:
                reference = answer.json["submissionId"]
                [item] = [
                    one for one in app.items("Submissions") if one["submissionId"] == reference
                ]
                assert item["entries"] == entries

    return send


def stored(app: LocalApp) -> Mapping[str, int]:
    return Counter(item["submissionId"] for item in app.items("Submissions"))


def sent_again(name: str, about: str, *submissions: Submission) -> Scenario:
    send = sent(*submissions)
    return Scenario(name=name, about=about, start=send, recover=send)


INTAKE = Proof(
    state_machine="Intake",
    scenarios=[
        sent_again("stored", "a form that fits", ENTRIES),
        sent_again("wrong", "each field of the form is wrong", WRONG),
        sent_again("mended", "the same form, once it is right", WRONG, ENTRIES),
        sent_again("twice", "the page did not hear the first answer", ENTRIES, ENTRIES),
        sent_again("reused", "other entries with the same key", ENTRIES, OTHER),
    ],
    effects={"storing": stored},
    schedules=(),
    ignore={"Submissions.receivedAt": "when it was stored first"},
)
