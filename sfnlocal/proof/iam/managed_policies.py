"""AWS managed policies that CDK attaches to roles of serverless apps, as data.

What AWS may add to them later is not here: their sources say which page to compare with. A policy
that is not in the list is named in the report, since what it allows cannot be evaluated.
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

from __future__ import annotations

import functools
import json
from importlib.resources import files

from sfnlocal.proof.iam.policies import Statement, parse_policy

_MARKER = ":iam::aws:policy/"


def is_aws_managed(arn: str) -> bool:
    return _MARKER in arn


def aws_managed_policy(arn: str) -> tuple[Statement, ...] | None:
    """Its statements; None: not known here."""
    return _known().get(arn.partition(_MARKER)[2])


@functools.cache
def _known() -> dict[str, tuple[Statement, ...]]:
    text = files("sfnlocal.proof.iam").joinpath("aws_managed_policies.json").read_text()
    return {
        name: parse_policy({"Version": "2012-10-17", **document}, f"AWS managed policy {name}")
        for name, document in (
            (name, {"Statement": given["Statement"]}) for name, given in json.loads(text).items()
        )
    }
