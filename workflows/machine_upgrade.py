"""The steps of an upgrade that are Step Functions': what is live and what is latest, a version, the
alias's weights, the new version's failed executions.

An alias of a state machine has no revision to compare: it is read right before it is changed, and
the lease keeps other upgrades away. A version's executions are counted by listing the newest ones,
since metrics do not tell the versions behind an alias apart.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html
https://docs.aws.amazon.com/step-functions/latest/dg/execution-alias-version-associate.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.durations import timeout
from workflows.failed_runs import FAILED_STATUSES
from workflows.jsonata import is_true, jsonata
from workflows.live_alias import NO_TARGET, AliasSteps, no_alias, same_alias
from workflows.retry_policy import STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS, retry, transient
from workflows.upgrade_target import Targets

TIME_OUT = timeout(30)
NOT_FOUND = "Sfn.ResourceNotFoundException"
NO_MACHINE = "Sfn.StateMachineDoesNotExistException"

# An execution takes up to about 1 kB of the answer, and the answer may have 256 KiB.
EXECUTIONS_LISTED_MAX = 100

MACHINE = jsonata("$target.stateMachineArn")
ALIAS = jsonata("$target.aliasArn")
# Before its first change a state machine has no revision id, and this is what it is called.
FIRST_REVISION = "INITIAL"


@dataclass(frozen=True, slots=True)
class MachineUpgrade:
    """Tasks on `$target`; they assign the same variables as FunctionUpgrade's."""

    scope: Construct
    targets: Targets

    def read_alias(self, state: str) -> tasks.CallAwsService:
        """Of two versions the older is the live one, and the other one's upgrade was not ended."""
        return self._call(
            state,
            "describeStateMachineAlias",
            {"StateMachineAliasArn": ALIAS},
            {
                "alias": jsonata(
                    """(
                    $numbered := function($arn) { $number($split($arn, ':')[7]) };
                    $routes := $states.result.RoutingConfiguration
                        ^($numbered(StateMachineVersionArn));
                    $other := $routes[1];
                    {
                        'version': $routes[0].StateMachineVersionArn,
                        'weights': $other
                            ? {$other.StateMachineVersionArn: $other.Weight / 100} : {}
                    }
                    )"""
                )
            },
        )

    def know_alias(self, state: str, *, refused: sfn.IChainable) -> AliasSteps:
        """As FunctionUpgrade's."""
        read = self.read_alias(state)
        listed = self._call(
            f"{state}es",
            "listStateMachineAliases",
            {"StateMachineArn": MACHINE},
            {
                "problem": no_alias(
                    "$states.result.StateMachineAliases.($split(StateMachineAliasArn, ':')[7])"
                )
            },
        )
        read.add_catch(listed, errors=[NOT_FOUND])
        listed.add_catch(refused, errors=[NOT_FOUND, NO_MACHINE], assign={"problem": NO_TARGET})
        listed.next(refused)
        return AliasSteps(read, (read, listed))

    def read_latest(self, state: str) -> tasks.CallAwsService:
        return self._describe(state, MACHINE, {"latest": revision("$states.result")})

    def read_live(self, state: str) -> tasks.CallAwsService:
        return self._describe(
            state,
            jsonata("$alias.version"),
            {
                "changes": jsonata(
                    f"{revision_of('$states.result')} = $latest ? [] : ['Revision']"
                ),
                "liveVersion": jsonata("$alias.version"),
            },
        )

    def publish(self, state: str) -> tasks.CallAwsService:
        return self._call(
            state,
            "publishStateMachineVersion",
            {"StateMachineArn": MACHINE, "RevisionId": jsonata("$latest")},
            {"newVersion": jsonata("$states.result.StateMachineVersionArn")},
        )

    def move(self, *, moved: sfn.State, abandoned: sfn.State) -> AliasSteps:
        """To `$wanted`, where the alias is still what it was when it was `$left`."""
        see_alias = self.read_alias("SeeMachineAlias")
        is_alias_ours = sfn.Choice.jsonata(self.scope, "IsMachineAliasOurs")
        shift = self._shift("ShiftMachine")
        shift.next(moved)
        see_alias.next(
            is_alias_ours.when(is_true(same_alias("$wanted")), moved)
            .when(is_true(same_alias("$left")), shift)
            .otherwise(abandoned)
        )
        return AliasSteps(see_alias, (see_alias, shift))

    def _shift(self, state: str) -> tasks.CallAwsService:
        return self._call(
            state,
            "updateStateMachineAlias",
            {
                "StateMachineAliasArn": ALIAS,
                "RoutingConfiguration": jsonata(
                    """(
                    $second := $keys($wanted.weights)[0];
                    $percent := $second ? $round(100 * $lookup($wanted.weights, $second)) : 0;
                    [
                        {'StateMachineVersionArn': $wanted.version, 'Weight': 100 - $percent},
                        $second ? {'StateMachineVersionArn': $second, 'Weight': $percent}
                    ]
                    )"""
                ),
            },
            {"alias": jsonata("$wanted")},
        )

    def count_runs(self, state: str, which: str) -> tasks.CallAwsService:
        """`which` is `new` or `live`: of the newest executions that began since `$since`, how many
        ended, and how many of those badly."""
        return self._call(
            state,
            "listExecutions",
            {
                "StateMachineArn": jsonata(f"${which}Version"),
                "MaxResults": EXECUTIONS_LISTED_MAX,
            },
            {
                f"{which}Counted": jsonata(
                    f"""(
                    $ended := $states.result.Executions[
                        $toMillis(StartDate) >= $toMillis($since) and Status != 'RUNNING'
                    ];
                    $failed := $ended[Status in {list(FAILED_STATUSES)}];
                    {{'{which}Calls': $count($ended), '{which}Errors': $count($failed)}}
                    )"""
                )
            },
        )

    def _describe(self, state: str, arn: str, assign: Mapping[str, Any]) -> tasks.CallAwsService:
        """Without the definition, which may be larger than a state."""
        return self._call(
            state,
            "describeStateMachine",
            {"StateMachineArn": arn, "IncludedData": "METADATA_ONLY"},
            assign,
        )

    def _call(
        self, state: str, action: str, parameters: Mapping[str, Any], assign: Mapping[str, Any]
    ) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self.scope,
            state,
            service="sfn",
            action=action,
            iam_action=f"states:{action[0].upper()}{action[1:]}",
            iam_resources=self.targets.machine_arns,
            parameters=parameters,
            task_timeout=TIME_OUT,
            assign=assign,
        )
        retry(task, STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS, transient("Sfn.ConflictException"))
        return task


def revision_of(described: str) -> str:
    return f"($exists({described}.RevisionId) ? {described}.RevisionId : '{FIRST_REVISION}')"


def revision(described: str) -> str:
    return jsonata(revision_of(described))
