"""What the proofs of upgrades and heals share: other runs and strangers at the alias, the scenarios
that end in a letter, and what stands behind both machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import CALL, Failure, LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from
from tests.workflows.shop import iso
from tests.workflows.versions import name_of

CUT_OFF = Failure("Lambda.Broken", '{"errorMessage": "it is a long story')
HELD = {"heldBy": "another", "heldUntil": "2027-01-01T00:00:00.000Z"}


def held(target: Callable[[LocalApp], str]) -> Callable[[LocalApp], None]:
    """Another run has the lease of the target that is called so."""

    def prepare(app: LocalApp) -> None:
        app.put_item("Leases", {"target": target(app), "heldSince": iso(app.now), **HELD})

    return prepare


def function_held(construct: str) -> Callable[[LocalApp], None]:
    return held(lambda app: f"function {name_of(app, construct)}")


def alias_is_gone(construct: str) -> Callable[[LocalApp], None]:
    def prepare(app: LocalApp) -> None:
        app.client("lambda").delete_alias(FunctionName=name_of(app, construct), Name="live")

    return prepare


def function_is_gone(construct: str) -> Callable[[LocalApp], None]:
    def prepare(app: LocalApp) -> None:
        app.client("lambda").delete_function(FunctionName=name_of(app, construct))

    return prepare


def both(*acts: Callable[[LocalApp], object]) -> Callable[[LocalApp], None]:
    def prepare(app: LocalApp) -> None:
        for act in acts:
            act(app)

    return prepare


def ends_in_a_letter(machine: str, asked: dict[str, Any], name: str) -> list[Scenario]:
    """The alias cannot be read, and the cause is JSON that is cut off."""

    def starts(more: dict[str, str]) -> Callable[[LocalApp], None]:
        def start(app: LocalApp) -> None:
            app.mock(machine, "ReadAlias", [CUT_OFF, CALL])
            app.start(machine, {**asked, **more}, name)

        return start

    return [
        Scenario(
            name=scenario,
            about=about,
            start=starts(more),
            only=only,
            expect="FAILED",
            bring_back=True,
        )
        for scenario, about, more, only in (
            ("fails", "it fails with a cause that is cut off", {}, ()),
            (
                "fails-large",
                "and its input is too large",
                {"reason": '"' * 100_000},
                ["StoreInput"],
            ),
        )
    ]


def proof_of(
    machine: str,
    scenarios: Sequence[Scenario],
    invariants: Sequence[Callable[[LocalApp], None]],
    ignore: Mapping[str, str],
) -> Proof:
    """With the nets of the stack that both machines are in."""
    others = "the orders that fail here are another proof's"
    return Proof(
        state_machine=machine,
        scenarios=scenarios,
        dead_letters="UpgradeDeadLetters",
        replay=replay_from("UpgradeLetters"),
        letter_states=LETTER_STATES,
        schedules=("Upgrades/UpgradeSweep/Hourly",),
        invariants=invariants,
        ignore={
            "UpgradeLetters": "the archive keeps each letter",
            "Audit": "a replay does it again, and says so",
            "UpgradeDeadLetterInputs": "a letter goes out without an input that cannot be stored",
            "UpgradeLostEvents": "what rules could not start waits there, with an alarm",
            "Leases": "a run that cannot give its lease back lets it run out",
            **dict.fromkeys(("DeadLetters", "LostEvents", "OrderDeadLetters"), others),
            **ignore,
        },
    )
