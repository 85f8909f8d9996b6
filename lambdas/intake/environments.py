"""The environment of each function of the form intake; imported by the stack at synth."""

from __future__ import annotations

from lambdas.environment import Environment, StateMachineArn


class ShowFormEnvironment(Environment):
    """show_form calls nothing."""


class TakeSubmissionEnvironment(Environment):
    """take_submission starts the workflow and waits for it."""

    intake_machine: StateMachineArn
