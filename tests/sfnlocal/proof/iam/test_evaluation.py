"""The evaluator: conditions and decisions as AWS's documentation has them, as data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import InputError
from sfnlocal.proof.iam.conditions import OperatorError, parse_conditions
from sfnlocal.proof.iam.decision import Policies, decide
from sfnlocal.proof.iam.matching import NoValueError, UnknownKeyError
from sfnlocal.proof.iam.policies import Kind, Principal, Request, Statement, parse_policy

HERE = Path(__file__).parent
CONDITIONS = json.loads((HERE / "conditions.json").read_text())
DECISIONS = json.loads((HERE / "decisions.json").read_text())
ACCOUNT = "123456789012"
ROLE = Principal(
    ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/r", f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
)
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders"


class Keys:
    """A request's condition keys; those that are `unknown` nobody here knows."""

    def __init__(self, given: Mapping[str, Any], unknown: Sequence[str] = ()) -> None:
        self._given = {key.lower(): value for key, value in given.items()}
        self._unknown = {key.lower() for key in unknown}

    def values(self, key: str) -> Sequence[str] | None:
        if key.lower() in self._unknown:
            raise UnknownKeyError(key)
        value = self._given.get(key.lower())
        return [value] if isinstance(value, str) else value


def names(case: Mapping[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize("case", CONDITIONS, ids=names)
def test_a_condition_holds_as_documented(case: dict[str, Any]) -> None:
    (condition,) = parse_conditions({case["operator"]: {case["key"]: case["wanted"]}})
    keys = Keys({case["key"]: case["given"], **case.get("context", {})})
    try:
        held = condition.holds(keys)
    except NoValueError:
        held = False
    assert held is case["holds"], case["source"]


@pytest.mark.parametrize("case", DECISIONS, ids=names)
def test_a_request_is_decided_as_documented(case: dict[str, Any]) -> None:
    def parsed(name: str, kind: Kind) -> tuple[Statement, ...] | None:
        if case.get(name) is None:
            return None
        document = {"Version": case.get("version", "2012-10-17"), "Statement": case[name]}
        return parse_policy(document, name, kind)

    service = case.get("service", "")
    keys = Keys(case.get("context", {}), case.get("unknown", ()))
    decision = decide(
        Request(
            Principal(ACCOUNT, service=service) if service else ROLE,
            case.get("action", "sqs:SendMessage"),
            case.get("on", QUEUE),
            keys,
        ),
        Policies(
            identity=parsed("identity", "identity") or (),
            resource=parsed("resource", "resource"),
            boundary=parsed("boundary", "identity"),
            both_must_allow=case.get("key", False),
        ),
    )
    expected = case["expect"]
    assert decision.allowed is (expected == "allowed"), case["source"]
    assert bool(decision.unknown) is (expected == "unknown")
    if expected in ("allowed", "unknown"):
        assert bool(decision.by) is decision.allowed
    else:
        assert expected in decision.reason, decision
        assert (decision.denied_by is not None) is expected.startswith("deny")


def test_the_cases_are_as_many_as_agreed() -> None:
    assert len(CONDITIONS) + len(DECISIONS) >= 120
    assert all(case["source"].startswith("https://docs.aws.amazon.com/") for case in CONDITIONS)
    assert all(case["source"].startswith("https://docs.aws.amazon.com/") for case in DECISIONS)


ALLOW = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ({**ALLOW, "Condition": {"StringSame": {"a": "b"}}}, "identity", "no condition operator"),
        ({**ALLOW, "Condition": {"Some:Bool": {"a": "b"}}}, "identity", "no condition operator"),
        ({**ALLOW, "Condition": {"NullIfExists": {"a": "true"}}}, "identity", "no IfExists"),
        ({**ALLOW, "Condition": {"Bool": "true"}}, "identity", "needs keys"),
        ({**ALLOW, "Effect": "allow"}, "identity", "Effect is Allow or Deny"),
        ({**ALLOW, "Actions": "sqs:*"}, "identity", "no element Actions"),
        ({"Effect": "Allow", "Resource": "*"}, "identity", "needs Action or NotAction"),
        ({**ALLOW, "NotAction": "s3:*"}, "identity", "Action or NotAction"),
        ({**ALLOW, "NotResource": "*"}, "identity", "Resource or NotResource"),
        ({"Effect": "Allow", "Action": "*"}, "identity", "needs Resource"),
        ({**ALLOW, "Principal": "*"}, "identity", "has no Principal"),
        (ALLOW, "resource", "needs a Principal"),
        ({**ALLOW, "Principal": "*"}, "trust", "has no Resource"),
    ],
)
def test_what_iam_would_refuse_is_said_with_its_place(
    statement: dict[str, Any], kind: Kind, message: str
) -> None:
    document = {"Version": "2012-10-17", "Statement": [ALLOW, statement]}
    if kind != "identity":
        document["Statement"] = [statement]
    with pytest.raises(InputError) as refused:
        parse_policy(document, "app.template.json#/Resources/P", kind)
    assert message in refused.value.message
    number = 1 if kind == "identity" else 0
    assert f"Resources/P/Statement/{number}" in refused.value.where


def test_an_operator_that_is_none_is_named() -> None:
    with pytest.raises(OperatorError, match="there is no condition operator StringIs"):
        parse_conditions({"StringIs": {"aws:a": "b"}})
