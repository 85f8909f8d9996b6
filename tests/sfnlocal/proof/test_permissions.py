"""Permissions in proofs: what a role may not breaks its run, and what no run used is told."""

from __future__ import annotations

from typing import Any

from sfnlocal.proof.permissions import Permissions
from tests.sfnlocal.proof.conftest import Prove, broken, plan, shop, shop_proof

REFUSED = plan("refused:UnforeseenError")
CHARGES = {"Fn::GetAtt": ["Charges", "Arn"]}
LETTERS = {"Fn::GetAtt": ["Letters", "Arn"]}


def allow(action: str, resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def role(name: str, service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    trusts = {"Service": f"{service}.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": trusts, "Action": "sts:AssumeRole"}
    policy = {"PolicyName": "own", "PolicyDocument": {"Statement": list(statements)}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "AssumeRolePolicyDocument": {"Statement": [trust]},
            "Policies": [policy],
        },
    }


def guarded(*of_machine: dict[str, Any]) -> dict[str, Any]:
    """The shop with roles: its function's has a statement that nothing needs."""
    template = shop()
    puts = allow("dynamodb:PutItem", CHARGES)
    deletes = allow("dynamodb:DeleteItem", CHARGES)
    invokes = allow("lambda:InvokeFunction", {"Fn::GetAtt": ["Charge", "Arn"]})
    template["Resources"] |= {
        "ChargeRole": role("charge", "lambda", puts, deletes),
        "ShopRole": role("shop", "states", invokes, *of_machine),
        "OtherRole": role("other", "lambda", puts),
    }
    return template


SENDS = allow("sqs:SendMessage", LETTERS)


def test_a_call_that_a_role_may_not_make_breaks_the_run_under_a_fault(prove: Prove) -> None:
    runner = prove(guarded())
    result = runner.run(REFUSED)
    assert "permitted" in broken(result)
    [told] = [one for one in result.violations if one.invariant == "permitted"]
    assert told.message == (
        "ShopRole may not sqs:SendMessage on Letters; grant: letters.grant_send_messages(shop_role)"
    )
    assert str(REFUSED) in told.command


def test_a_refusal_is_told_of_the_run_in_which_it_happened(prove: Prove) -> None:
    runner = prove(guarded())
    assert "permitted" in broken(runner.run(REFUSED))
    assert "permitted" not in broken(runner.run(plan("refused:Lambda.ServiceException")))


def test_a_call_without_a_fault_is_checked_too(prove: Prove) -> None:
    template = guarded(SENDS)
    del template["Resources"]["ChargeRole"]["Properties"]["Policies"]
    result = prove(template).baseline(shop_proof().scenarios[0])
    assert "permitted" in {one.invariant for one in result.violations}


def test_unused_statements_are_told_of_the_roles_that_worked(prove: Prove) -> None:
    runner = prove(guarded(SENDS))
    assert broken(runner.run(REFUSED)) == set()
    told = runner.permissions.json()
    used = {
        role["name"]: {tuple(one["actions"]): one["used"] > 0 for one in role["statements"]}
        for role in told["roles"]
    }
    assert used == {
        "ChargeRole": {("dynamodb:PutItem",): True, ("dynamodb:DeleteItem",): False},
        "ShopRole": {("lambda:InvokeFunction",): True, ("sqs:SendMessage",): True},
    }
    assert "unused: ChargeRole: dynamodb:DeleteItem on Charges" in {
        one["key"] for one in told["findings"]
    }


def test_what_other_processes_used_counts(prove: Prove) -> None:
    runner = prove(guarded(SENDS))
    runner.baseline(runner.proof.scenarios[0])
    records = runner.permissions.records()
    assert {one["action"] for one in records["records"]} == {
        "lambda:InvokeFunction",
        "dynamodb:PutItem",
    }
    sent = {**records["records"][0], "action": "sqs:SendMessage", "by": [], "count": 7}
    runner.permissions.merge({**records, "records": [sent]})
    told = runner.permissions.json()["records"]["records"]
    assert sum(one["count"] for one in told if one["action"] == "sqs:SendMessage") == 7


def test_nothing_is_told_where_nothing_was_checked() -> None:
    permissions = Permissions(checked=False)
    permissions.merge(None)
    assert permissions.refused() == []
    assert permissions.records() is None
    assert permissions.json() is None
