"""POST /discover: the instances of a service, from a cache that outlives the request."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.front.http import Refusal, answer, http_proxy, json_body
from lambdas.registry.environments import RegistryEnvironment
from lambdas.registry.logic.discover import discover, service_of
from lambdas.registry.logic.discovery_cache import DiscoveryCache
from lambdas.registry.logic.requests import BODY_BYTES_MAX
from lambdas.registry.payloads import FRESH_SECONDS, Discovered

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.environment import TableName
    from lambdas.front.http import Answer, HttpEvent

DYNAMODB = boto3.client(
    "dynamodb", config=Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 2})
)


@cache
def services(table: TableName) -> DiscoveryCache:
    """Of this sandbox. Lambda stops a sandbox between requests, so it refreshes while one waits."""
    return DiscoveryCache(
        lambda service: discover(DYNAMODB, table, service, int(time.time())),
        now_s=time.time,
        failures=(BotoCoreError, ClientError),
        fresh_s=FRESH_SECONDS,
    )


@http_proxy
def handler(event: HttpEvent, context: LambdaContext) -> Answer:
    service = service_of(json_body(event, BODY_BYTES_MAX))
    found = services(RegistryEnvironment.read().instances_table).instances(service)
    if not found:
        raise Refusal(404, "ServiceUnknown", f"the service {service!r} has no living instance")
    return answer(200, Discovered(service=service, instances=found, freshSeconds=FRESH_SECONDS))
