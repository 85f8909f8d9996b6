"""What a heal would do: what is different about the faulty version, and what takes its place.

That is the version that works; where none does, the same once more, in new instances. What is
latest is that only while nobody has deployed something else: a heal releases nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.function_upgrade import CHANGED_MEANWHILE, FunctionUpgrade, differences
from workflows.heal_trial import WORKS
from workflows.jsonata import is_true, jsonata

IS_LATEST_FAULTY = is_true(f"$count({differences('$faulty', '$latest')}) = 0")
FAILS = "'version ' & $suspect & ' fails with ' & $suspectError"


class HealPlan(Construct):
    """Goes on to `planned` with `$wanted` or, where it is to be made first, `$refreshes`; to
    `incurable` where nothing can take its place. `tasks` have no last Catch."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: FunctionUpgrade,
        versions: Sequence[str],
        planned: sfn.State,
        incurable: sfn.State,
    ) -> None:
        super().__init__(scope, construct_id)

        def read_version(state: str, version: str, assign: dict[str, str]) -> tasks.CallAwsService:
            return function.call(
                state,
                "getFunctionConfiguration",
                "lambda:GetFunctionConfiguration",
                {"FunctionName": jsonata("$target.function"), "Qualifier": jsonata(version)},
                resources=versions,
                assign=assign,
            )

        self.start = read_suspect = read_version(
            "ReadSuspect", "$suspect", {"faulty": jsonata("$states.result")}
        )
        which_way = sfn.Choice.jsonata(self, "WhichWay")
        read_candidate = read_version(
            "ReadCandidate",
            "$version",
            {"changes": jsonata(differences("$faulty", "$states.result"))},
        )
        read_latest = function.read_latest("ReadLatest")
        is_latest_faulty = sfn.Choice.jsonata(self, "IsLatestFaulty")
        plan_return = sfn.Pass.jsonata(
            self,
            "PlanReturn",
            assign={
                "wanted": {"version": jsonata("$version"), "weights": {}},
                "reason": jsonata(f"{FAILS} & ': back to version ' & $version"),
            },
        )
        plan_refresh = sfn.Pass.jsonata(
            self,
            "PlanRefresh",
            assign={
                "refreshes": True,
                "reason": jsonata(
                    f"{FAILS} & ', and no version before it works: the same again, in new"
                    " instances'"
                ),
            },
        )
        self.tasks = (read_suspect, read_candidate, read_latest)

        read_suspect.next(which_way)
        which_way.when(is_true(WORKS), read_candidate.next(plan_return)).otherwise(read_latest)
        read_latest.next(is_latest_faulty)
        is_latest_faulty.when(IS_LATEST_FAULTY, plan_refresh).otherwise(incurable)
        for plan in (plan_return, plan_refresh):
            plan.next(planned)


class Refresh(Construct):
    """The same code in new instances: PublishVersion makes none where nothing has changed, so the
    description does. Goes on to `published`, or to `incurable` where somebody deploys meanwhile.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html"""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: FunctionUpgrade,
        published: sfn.State,
        incurable: sfn.State,
    ) -> None:
        super().__init__(scope, construct_id)
        self.start = reconfigure = function.call(
            "Reconfigure",
            "updateFunctionConfiguration",
            "lambda:UpdateFunctionConfiguration",
            {
                "FunctionName": jsonata("$target.function"),
                "Description": jsonata("'new instances, ' & $states.context.Execution.StartTime"),
                "RevisionId": jsonata("$latest.RevisionId"),
            },
            resources=function.targets.function_arns,
            assign={},
        )
        read_latest = function.read_latest("ReadLatestAgain")
        is_still_faulty = sfn.Choice.jsonata(self, "IsLatestStillFaulty")
        publish = function.publish("Publish")
        self.tasks = (reconfigure, read_latest, publish)

        # The answer was lost, or somebody deploys.
        reconfigure.add_catch(read_latest, errors=[CHANGED_MEANWHILE])
        reconfigure.next(read_latest).next(
            is_still_faulty.when(IS_LATEST_FAULTY, publish.next(published)).otherwise(incurable)
        )
