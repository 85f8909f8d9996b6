"""Net 1 in a machine that speaks JSONPath. The dead-letter branch stays what it is, JSONata: a
Catch in JSONPath only keeps what it was given, and one state tells it as the branch wants it.

JSONPath cannot do that itself: a missing Cause would end the run beyond every Catch.
"""

from __future__ import annotations

from functools import cached_property

from aws_cdk import aws_stepfunctions as sfn

from workflows.dead_letter import Net
from workflows.jsonata import jsonata
from workflows.jsonpath import value_at
from workflows.letter import CAUSE_CHARACTERS_MAX, failure

CAUGHT = {"state": value_at("$$.State"), "errorOutput": value_at("$")}


class JsonPathNet(Net):
    """A machine may have dead ends only: then nothing is caught, and nothing to be told."""

    @cached_property
    def _tell_failure(self) -> sfn.Pass:
        told = failure(state="$caught.state", error_output="$caught.errorOutput")
        state = sfn.Pass.jsonata(self, "TellFailure", assign={"failure": told})
        state.next(self.start)
        return state

    def catch(
        self,
        *states: sfn.TaskStateBase | sfn.CustomState | sfn.DistributedMap,
        errors: tuple[str, ...] = ("States.ALL",),
    ) -> None:
        for state in states:
            state.add_catch(
                self._tell_failure,
                errors=list(errors),
                result_path=sfn.JsonPath.DISCARD,
                assign={"caught": CAUGHT},
            )

    def dead_end(self, state: str, *, error: str, cause: str) -> sfn.Pass:
        """A state that no error leads to but a decision; `cause` is a JSONata expression."""
        dead_end = sfn.Pass.jsonata(
            self,
            state,
            assign={
                "failure": jsonata(
                    f"""{{
                    'state': '{state}',
                    'error': '{error}',
                    'cause': $substring({cause}, 0, {CAUSE_CHARACTERS_MAX}),
                    'attempts': 1,
                    'failedAt': $now()
                    }}"""
                )
            },
        )
        dead_end.next(self.start)
        return dead_end
