"""The alias `live` of `$target`, as upgrades and heals speak of it: what it is, what there is where
it is missing, and the command that leads it back.

`$alias` is {version, weights}: the version that is live, and the shares of others.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_stepfunctions as sfn

from workflows.function import LIVE
from workflows.jsonata import jsonata
from workflows.upgrade_target import FUNCTION


@dataclass(frozen=True, slots=True)
class AliasSteps:
    """How an alias is read or moved: the first state, and all tasks, which have no last Catch."""

    start: sfn.TaskStateBase
    tasks: tuple[sfn.TaskStateBase, ...]


def same_alias(other: str) -> str:
    """Whether `$alias` is as that one."""
    return (
        f"$alias.version = {other}.version and $string($alias.weights) = $string({other}.weights)"
    )


def no_alias(names: str) -> str:
    """A refusal, with what there is."""
    return jsonata(
        f"""(
        $names := [{names}];
        $target.name & ' has no alias {LIVE}; '
            & ($count($names) > 0 ? 'it has ' & $join($names, ', ') : 'it has none')
        )"""
    )


# A refusal of what the template knows, and somebody has deleted; `$known` are the others' names.
NO_TARGET = jsonata("'there is no ' & $target.name & ' any more; there are ' & $join($known, ', ')")


def way_back(alias: str) -> str:
    """The command that leads the alias back to what it was, as an expression."""
    return f"""(
        $shares := {alias}.weights;
        $share := $sum([0, $each($shares, function($weight) {{ $weight }})]);
        $target.kind = '{FUNCTION}'
        ? 'aws lambda update-alias --function-name ' & $target.function & ' --name {LIVE}'
            & ' --function-version ' & {alias}.version & " --routing-config '"
            & $string({{'AdditionalVersionWeights': $shares}}) & "'"
        : 'aws stepfunctions update-state-machine-alias --state-machine-alias-arn '
            & $target.aliasArn & " --routing-configuration '" & $string($append(
                [{{
                    'stateMachineVersionArn': {alias}.version,
                    'weight': 100 - $round(100 * $share)
                }}],
                $each($shares, function($weight, $version) {{
                    {{'stateMachineVersionArn': $version, 'weight': $round(100 * $weight)}}
                }})
            )) & "'"
        )"""
