"""score_line: a score, or why none is possible."""

from __future__ import annotations

import pytest

from lambdas.micro_batch.errors import ScoreServiceUnavailable
from lambdas.micro_batch.logic.score_line import score_line
from lambdas.micro_batch.payloads import Line
from tests.lambdas.micro_batch.conftest import Scores


def test_a_line_is_scored_by_its_company(scores: Scores) -> None:
    line = Line(line=7, company={"companyId": "c-1", "name": "One"})
    assert score_line(scores, line) == {"line": 7, "companyId": "c-1", "score": 500}


@pytest.mark.parametrize(
    "company", [None, 7, [], {}, {"companyId": 7}, {"companyId": ""}, {"companyId": "c 1"}]
)
def test_a_line_without_an_id_is_refused_unasked(scores: Scores, company: object) -> None:
    result = score_line(scores, Line(line=7, company=company))
    assert (result["line"], result["refused"]["path"]) == (7, "companyId")
    assert scores.asked == []


def test_an_unknown_company_is_refused(scores: Scores) -> None:
    result = score_line(scores, Line(line=7, company={"companyId": "unknown-1"}))
    assert "unknown-1" in result["refused"]["reason"]


def test_a_failure_of_the_service_passes_through(scores: Scores) -> None:
    scores.down.add("c-1")
    with pytest.raises(ScoreServiceUnavailable):
        score_line(scores, Line(line=7, company={"companyId": "c-1"}))
