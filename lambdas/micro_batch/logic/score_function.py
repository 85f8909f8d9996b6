"""The score service behind a Lambda function: the adapter for the sandbox in dev."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from lambdas.micro_batch.errors import (
    CompanyUnknown,
    ScoreServiceRefused,
    ScoreServiceUnavailable,
)
from lambdas.micro_batch.logic.score_service import TIMEOUT_SECONDS, score_of

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class FunctionScoreService:
    def __init__(self, function: str, client: LambdaClient | None = None) -> None:
        self._function = function
        # One attempt: who called retries.
        self._client = client or boto3.client(
            "lambda",
            config=Config(
                connect_timeout=2,
                read_timeout=TIMEOUT_SECONDS,
                retries={"total_max_attempts": 1},
            ),
        )

    def score(self, company_id: str) -> int:
        try:
            response = self._client.invoke(
                FunctionName=self._function, Payload=json.dumps({"companyId": company_id}).encode()
            )
            answer: object = json.load(response["Payload"])
        except (HTTPClientError, ConnectionError) as error:
            raise ScoreServiceUnavailable(str(error)) from error
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status != 429 and status < 500:
                raise ScoreServiceRefused(str(error)) from error
            raise ScoreServiceUnavailable(str(error)) from error
        match answer:
            case {"errorType": "UnknownCompanyError"}:
                raise CompanyUnknown(company_id)
            case {"errorType": str(error_type)}:
                raise ScoreServiceUnavailable(f"the score service failed: {error_type}")
            case _:
                return score_of(answer)
