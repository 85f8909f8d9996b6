"""Brings back what failed, once everything works again: letters are replayed, runs without a letter
redriven, and messages of a queue's own dead-letter queue go back to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.interpreter import Execution
from sfnlocal.proof.invariants import Letter
from sfnlocal.proof.scenarios import Proof
from sfnlocal.template import find_resource

_QUEUE = "AWS::SQS::Queue"


def take_letters(session: Session, queue: str, *, keep: bool = False) -> list[Letter]:
    """The letters of a queue, taken away unless they are to be kept. What is no JSON object is a
    letter that says nothing."""
    resource = find_resource(session.app, queue, _QUEUE)
    letters = [_letter(message.body) for message in session.aws.queues.peek(resource.arn)]
    if letters and not keep:
        session.aws.call("sqs", "PurgeQueue", {"QueueUrl": resource.name})
    return letters


def _letter(body: str) -> Letter:
    try:
        letter = json.loads(body)
    except ValueError:
        return {"body": body}
    return letter if isinstance(letter, dict) else {"body": letter}


def replayed_by(session: Session, world: Any, proof: Proof, failed: Iterable[Execution]) -> str:
    """`replay` where letters were, `redrive` where there are none."""
    if proof.dead_letters is None or proof.replay is None:
        for execution in failed:
            session.redrive_execution(execution.arn)
        return "redrive"
    for letter in take_letters(session, proof.dead_letters):
        proof.replay(world, letter)
    return "replay"


def move_dead_messages(session: Session) -> None:
    """StartMessageMoveTask for every queue that others give up their messages to."""
    targets: set[str] = set()
    for queue in session.app.of_type(_QUEUE):
        policy = queue.properties.get("RedrivePolicy")
        if policy:
            given = json.loads(policy) if isinstance(policy, str) else policy
            targets.add(str(given["deadLetterTargetArn"]))
    for arn in sorted(targets):
        if session.aws.queues.peek(arn):
            session.aws.call("sqs", "StartMessageMoveTask", {"SourceArn": arn})
    session.run_until_idle()
