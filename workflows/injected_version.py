"""The version of a function that has a fault in it: the same code with one environment variable,
put behind the alias for a while and taken out again.

Function and alias change only while they have the revision that was read last: nobody else's
change is overwritten. The steps that put it in assign no variable that those around them have: they
stand in a branch of their own.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

from lambdas.injected_fault import VARIABLE
from workflows.function_upgrade import FunctionUpgrade
from workflows.jsonata import jsonata

FUNCTION = jsonata("$target.function")
ALIAS = jsonata("$target.alias")

FAULT = """$string({
    'kind': $request.kind,
    'rate': $request.rate,
    'slowSeconds': $request.slowSeconds,
    'untilMs': $toMillis($since) + $request.minutes * 60000
    })"""
WITH_FAULT = f"$merge([$configured.Environment.Variables, {{'{VARIABLE}': {FAULT}}}])"
WITHOUT_FAULT = f"""$merge([{{}}, $sift($latest.Environment.Variables, function($_, $name)
    {{$name != '{VARIABLE}'}})])"""

IS_CONFIGURED = f"$exists($latest.Environment.Variables.{VARIABLE})"
IS_LIVE = f"$exists($live.Variables.{VARIABLE})"


@dataclass(frozen=True, slots=True)
class InjectedVersion:
    """Tasks on `$target`, as `$request` says it."""

    function: FunctionUpgrade

    def put_in(self) -> sfn.Chain:
        """From the configuration to the alias; `$faultyVersion` is live at the end."""
        read_configuration = self._read("ReadConfiguration", {}, "configured", "$states.result")
        configure = self._configure("Configure", WITH_FAULT, "$configured")
        read_faulty = self._read("ReadFaulty", {}, "faulty", "$states.result")
        publish = self.function.call(
            "Publish",
            "publishVersion",
            "lambda:PublishVersion",
            {
                "FunctionName": FUNCTION,
                "RevisionId": jsonata("$faulty.RevisionId"),
                "Description": jsonata("'fault of ' & $states.context.Execution.Name"),
            },
            resources=self.function.targets.function_arns,
            assign={"faultyVersion": jsonata("$states.result.Version")},
        )
        shift = self._shift("Shift", "$faultyVersion", "{}")
        return read_configuration.next(configure).next(read_faulty).next(publish).next(shift)

    def see_alias(self, state: str) -> tasks.CallAwsService:
        """Which version is live is `$liveVersion`."""
        return self.function.call(
            state,
            "getAlias",
            "lambda:GetAlias",
            {"FunctionName": FUNCTION, "Name": ALIAS},
            resources=self.function.targets.function_arns,
            assign={"liveVersion": jsonata("$states.result.FunctionVersion")},
        )

    def unconfigure(self, state: str) -> tasks.CallAwsService:
        """`$latest` without the fault."""
        return self._configure(state, WITHOUT_FAULT, "$latest")

    def read_live(self, state: str) -> tasks.CallAwsService:
        """The live version's environment is `$live`."""
        environment = "$merge([{}, $states.result.Environment])"
        return self._read(state, {"Qualifier": ALIAS}, "live", environment)

    def shift_back(self, state: str) -> tasks.CallAwsService:
        """The alias to what it was `$before`."""
        return self._shift(state, "$before.version", "$before.weights")

    def _read(
        self, state: str, parameters: Mapping[str, Any], variable: str, value: str
    ) -> tasks.CallAwsService:
        targets = self.function.targets
        return self.function.call(
            state,
            "getFunctionConfiguration",
            "lambda:GetFunctionConfiguration",
            {"FunctionName": FUNCTION, **parameters},
            resources=targets.alias_arns if parameters else targets.function_arns,
            assign={variable: jsonata(value)},
        )

    def _configure(self, state: str, variables: str, seen: str) -> tasks.CallAwsService:
        return self.function.call(
            state,
            "updateFunctionConfiguration",
            "lambda:UpdateFunctionConfiguration",
            {
                "FunctionName": FUNCTION,
                "Environment": {"Variables": jsonata(variables)},
                "RevisionId": jsonata(f"{seen}.RevisionId"),
            },
            resources=self.function.targets.function_arns,
            assign={},
        )

    def _shift(self, state: str, version: str, weights: str) -> tasks.CallAwsService:
        return self.function.call(
            state,
            "updateAlias",
            "lambda:UpdateAlias",
            {
                "FunctionName": FUNCTION,
                "Name": ALIAS,
                "FunctionVersion": jsonata(version),
                "RoutingConfig": {"AdditionalVersionWeights": jsonata(weights)},
                "RevisionId": jsonata("$alias.revision"),
            },
            resources=self.function.targets.function_arns,
            assign={},
        )
