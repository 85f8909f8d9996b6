"""Scores one line, or says why no score is possible. Asking twice is harmless: nothing is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lambdas.micro_batch.errors import CompanyUnknown
from lambdas.micro_batch.logic.score_service import ScoreService
from lambdas.micro_batch.payloads import Line, LineResult, Refusal

COMPANY_ID = re.compile(r"[A-Za-z0-9-]{1,40}")


def score_line(service: ScoreService, line: Line) -> LineResult:
    """The errors of the service pass through, but for a company that it does not know."""
    number, company = line["line"], line["company"]
    company_id = company.get("companyId") if isinstance(company, Mapping) else None
    if not isinstance(company_id, str) or not COMPANY_ID.fullmatch(company_id):
        return _refused(number, "1 to 40 letters, digits or hyphens are needed")
    try:
        return LineResult(line=number, companyId=company_id, score=service.score(company_id))
    except CompanyUnknown:
        return _refused(number, f"the score service knows no {company_id}")


def _refused(number: int, reason: str) -> LineResult:
    return LineResult(line=number, refused=Refusal(path="companyId", reason=reason))
