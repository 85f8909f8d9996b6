"""The scores' stack: who may do what, and which stage has it."""

from __future__ import annotations

import json

import pytest

from sfnlocal.template import App
from tests.stacks.conftest import FULL_PRODUCTION, Templates
from tests.stacks.test_grants import grants


def test_a_stage_without_a_score_service_has_no_jobs(production: Templates) -> None:
    assert not [name for name in production if name.startswith("scores")]


def test_a_score_service_over_http_needs_no_permission_and_no_sandbox(
    full_production: Templates,
) -> None:
    assert "scores-prod-sandbox" not in full_production
    text = json.dumps(full_production["scores-prod"])
    service = FULL_PRODUCTION["scoreService"]
    assert text.count(f'"SCORE_SERVICE": "{service}"') == 2
    assert "scores-dev-service" not in text


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("Scores/ScoreLine", {"lambda:InvokeFunction"}),
        ("Scores/CollectFailed", {"s3:GetObject", "s3:PutObject"}),
        ("Scores/EnqueuePart", {"s3:GetObject", "sqs:SendMessage"}),
        (
            "Scores/ScoreMessage",
            {
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "lambda:InvokeFunction",
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
            },
        ),
    ],
)
def test_a_function_may_do_what_its_work_takes(
    deployed: App, role: str, expected: set[str]
) -> None:
    found = {action for path, action, _ in grants(deployed) if path.startswith(f"{role}/")}
    assert {one for one in found if not one.startswith(("logs:", "xray:"))} == expected
