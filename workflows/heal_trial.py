"""Which version of a function works: the newest that is live is called, and where it fails, those
before it; in the end perhaps one that a heal has published.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.heal_target import HealTarget
from workflows.heal_tasks import CANDIDATES, NEWEST, call_the_canary
from workflows.jsonata import is_true, jsonata
from workflows.retry_policy import LAMBDA_FAULTS
from workflows.sole_run import SoleRun

SUSPECT = "SUSPECT"
CANDIDATE = "CANDIDATE"
REFRESHED = "REFRESHED"

WORKS = "($canaryError = '' or $canaryError in $target.answers)"


class HealTrial(Construct):
    """Goes on to `healthy`, or to `faulty` with the newest `$version` that works, where `$works`
    says that one does; from `refreshed` on, to `cured` or to `incurable`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        targets: Sequence[HealTarget],
        run: SoleRun,
        healthy: sfn.State,
        faulty: sfn.State,
        cured: sfn.State,
        incurable: sfn.State,
    ) -> None:
        super().__init__(scope, construct_id)
        self.start = suspect_newest = sfn.Pass.jsonata(
            self,
            "SuspectNewest",
            assign={
                "phase": SUSPECT,
                "tried": 0,
                "before": jsonata("$alias"),
                "version": jsonata(NEWEST),
                "suspect": jsonata(NEWEST),
                "candidates": jsonata(CANDIDATES),
            },
        )
        call_canary = call_the_canary(self, targets)
        how_it_went = sfn.Choice.jsonata(self, "HowItWent")
        is_candidate_left = sfn.Choice.jsonata(self, "IsCandidateLeft")
        next_candidate = sfn.Pass.jsonata(
            self,
            "NextCandidate",
            assign={
                "phase": CANDIDATE,
                "version": jsonata("$candidates[$tried]"),
                "tried": jsonata("$tried + 1"),
            },
        )
        self.refreshed = sfn.Pass.jsonata(
            self,
            "TryRefreshed",
            assign={
                "phase": REFRESHED,
                "version": jsonata("$newVersion"),
                "wanted": {"version": jsonata("$newVersion"), "weights": {}},
            },
        )

        # Lambda's own faults are not the version's.
        run.catch(call_canary, errors=LAMBDA_FAULTS.errors)
        call_canary.add_catch(
            how_it_went,
            assign={
                "canaryError": jsonata("$states.errorOutput.Error"),
                "suspectError": jsonata(
                    f"$phase = '{SUSPECT}' ? $states.errorOutput.Error : $suspectError"
                ),
            },
        )

        for attempt in (suspect_newest, next_candidate, self.refreshed):
            attempt.next(call_canary)
        call_canary.next(how_it_went)
        how_it_went.when(_is(SUSPECT, WORKS), healthy).when(_is(CANDIDATE, WORKS), faulty).when(
            _is(REFRESHED, WORKS), cured
        ).when(_is(REFRESHED), incurable).otherwise(is_candidate_left)
        is_candidate_left.when(is_true("$tried < $count($candidates)"), next_candidate).otherwise(
            faulty
        )


def _is(phase: str, and_: str = "true") -> sfn.Condition:
    return is_true(f"$phase = '{phase}' and {and_}")
