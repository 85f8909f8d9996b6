"""Visibility, delays, retention and batches, as AWS documents them (scenarios.json; sources are
pages below https://docs.aws.amazon.com/AWSSimpleQueueService/latest/)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import ApiError
from tests.sfnlocal.services.conftest import QUEUE_URL, queue
from tests.sfnlocal.services.sqs.conftest import Make, World

SCENARIOS = json.loads(Path(__file__).with_name("scenarios.json").read_text())


class Player:
    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.had: dict[str, dict[str, Any]] = {}

    def play(self, step: dict[str, Any]) -> None:
        kind = next(iter(step))
        wanted, more = step[kind], step.get("with", {})
        match kind:
            case "send":
                self.world.send(self.name, wanted, **more)
            case "receive":
                self._receive(step, wanted, more)
            case "wait":
                self.world.wait(wanted)
            case "delete":
                self.world.delete(self.name, self.had[step.get("of", wanted)])
            case "hide":
                self.world.hide(self.name, self.had[wanted], step["seconds"])
            case "set":
                url = QUEUE_URL + self.name
                self.world.call("SetQueueAttributes", QueueUrl=url, Attributes=wanted)
            case _:
                self._call(step, wanted)

    def _receive(self, step: dict[str, Any], wanted: list[str], more: dict[str, Any]) -> None:
        received = self.world.receive(self.name, **more)
        bodies = [message["Body"] for message in received]
        if step.get("any_order"):
            bodies, wanted = sorted(bodies), sorted(wanted)
        assert bodies == wanted, step
        for message in received:
            self.had[message["Body"]] = message
            self.had[step.get("keep", "")] = message

    def _call(self, step: dict[str, Any], operation: str) -> None:
        params = json.loads(json.dumps(step.get("with", {})))
        if "entries" in step:
            body = "x" * step.get("bytes", 1)
            params["Entries"] = [
                {"Id": str(number), "MessageBody": body} for number in range(step["entries"])
            ]
        for entry in params.get("Entries", []):
            if entry.get("MessageBody") == "{long}":
                entry["MessageBody"] = "x" * 1025
            if entry.get("ReceiptHandle") == "{a}":
                entry["ReceiptHandle"] = self.had["a"]["ReceiptHandle"]
        answer = self.world.call(operation, QueueUrl=QUEUE_URL + self.name, **params)
        assert [one["Id"] for one in answer.get("Successful", [])] == step.get("successful", [])
        failed = answer.get("Failed", [])
        assert {one["Id"]: one["Code"] for one in failed} == step.get("failed", {})
        assert all(one["SenderFault"] and one["Message"] for one in failed)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one["id"])
def test_scenario(make: Make, scenario: dict[str, Any]) -> None:
    name = "q.fifo" if scenario["queue"].get("FifoQueue") else "q"
    player = Player(make(queue(name, **scenario["queue"])), name)
    for step in scenario["steps"]:
        if "error" in step:
            with pytest.raises(ApiError) as caught:
                player.play(step)
            assert caught.value.aws_code == step["error"], step
        else:
            player.play(step)
