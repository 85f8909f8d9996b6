"""Silences the schedules of other workflows, which have nothing to do with a proof.

They are disabled in the template that its sessions run: each of thousands would begin them all.
"""

from __future__ import annotations

from dataclasses import replace

from sfnlocal.errors import NeedsAwsError
from sfnlocal.proof.scenarios import Proof
from sfnlocal.template import App, Resource, find_resource
from sfnlocal.triggers.schedules import SCHEDULE

_STATE_MACHINE = "AWS::StepFunctions::StateMachine"


def silenced(app: App, proof: Proof) -> App:
    """The app, in which only the proof's schedules start something. InputError for one that it
    does not have."""
    if proof.schedules is None:
        stack = find_resource(app, proof.state_machine, _STATE_MACHINE).stack
        kept = {one.where for one in app.of_type(SCHEDULE) if one.stack == stack}
    else:
        kept = {find_resource(app, name, SCHEDULE).where for name in proof.schedules}
    resources = tuple(
        _disabled(one) if one.type == SCHEDULE and one.where not in kept else one
        for one in app.resources
    )
    return replace(app, resources=resources)


def _disabled(schedule: Resource) -> Resource:
    try:
        properties = {**schedule.properties, "State": "DISABLED"}
    except NeedsAwsError:
        # It is not loaded either.
        return schedule
    return replace(schedule, properties=properties)
