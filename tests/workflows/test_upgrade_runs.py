"""Upgrades on the synthesized template: steps, bakes, and the way back.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html
"""

from __future__ import annotations

from typing import Any

from sfnlocal.testing import LocalApp, Run
from tests.workflows.versions import BUG, alias, audited, configure, deploy, name_of, validate

BAKE_S = 300


def upgrade(app: LocalApp, target: str = "ValidateOrder", **request: Any) -> Run:
    return app.start("Upgrade", {"target": target, "bakeSeconds": BAKE_S, **request})


def test_a_canary_gets_a_share_then_all_then_the_alias(sfn: LocalApp) -> None:
    configure(sfn, "ValidateOrder", LOOK="new")
    run = upgrade(sfn, percent=20)
    sfn.advance(seconds=1)
    assert alias(sfn, "ValidateOrder") == ("1", {"2": 0.2})
    versions = validate(sfn, 50)
    assert 3 <= versions.count("2") <= 20
    sfn.advance(seconds=BAKE_S)
    assert alias(sfn, "ValidateOrder") == ("1", {"2": 1.0})
    assert set(validate(sfn, 5)) == {"2"}
    sfn.advance(seconds=BAKE_S + 1)
    assert alias(sfn, "ValidateOrder") == ("2", {})
    run.assert_succeeded()
    assert run.output["outcome"] == "UPGRADED"
    assert (run.output["from"], run.output["to"], run.output["changes"]) == (
        "1",
        "2",
        ["Environment"],
    )
    [first, second] = run.output["checks"]
    assert (first["percent"], first["newCalls"], first["liveCalls"]) == (
        20,
        versions.count("2"),
        versions.count("1"),
    )
    assert (second["percent"], second["newCalls"], second["liveCalls"]) == (100, 5, 0)
    assert audited(sfn, f"function {name_of(sfn, 'ValidateOrder')}") == {
        ("upgrade", "BEFORE"): 1,
        ("shift", "BEFORE"): 3,
        ("shift", "AFTER"): 3,
        ("upgrade", "AFTER"): 1,
    }
    assert sfn.items("Leases") == []


def test_a_new_version_that_fails_is_taken_back_at_once(sfn: LocalApp) -> None:
    deploy(sfn, "ValidateOrder", BUG)
    run = upgrade(sfn, percent=50)
    sfn.advance(seconds=1)
    validate(sfn, 20)
    sfn.advance(seconds=BAKE_S + 1)
    run.assert_succeeded()
    assert run.output["outcome"] == "ROLLED_BACK"
    assert "the new version fails 100 % of its calls, the live one 0 %" in run.output["reason"]
    assert alias(sfn, "ValidateOrder") == ("1", {})
    assert set(validate(sfn, 5)) == {"1"}


def test_nothing_changed_says_so(sfn: LocalApp) -> None:
    run = sfn.run("Upgrade", {"target": "ValidateOrder"})
    assert run.output["outcome"] == "NOTHING_CHANGED"
    assert alias(sfn, "ValidateOrder") == ("1", {})
