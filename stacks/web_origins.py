"""The origins of pages that may call the APIs of customers, and read what a presigned URL shows: a
browser asks API Gateway and S3 itself, which let other origins only where CORS rules name them.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_s3 as s3
from constructs import Node

from stacks.stage import StageError

PREFLIGHT_SECONDS = 3600
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?")


def web_origins(node: Node) -> tuple[str, ...]:
    """Context key: `webOrigins`, a list such as ["https://shop.example"]. Without it no page of
    another origin may call or read."""
    given = node.try_get_context("webOrigins")
    # On the command line it is JSON text.
    try:
        origins = json.loads(given) if isinstance(given, str) else given or []
    except ValueError:
        origins = given
    if not (isinstance(origins, list) and all(_ORIGIN.fullmatch(str(one)) for one in origins)):
        raise StageError(
            f'the context webOrigins is no list of origins like ["https://shop.example"]: {given!r}'
        )
    return tuple(origins)


def let_pages_read(bucket: s3.Bucket) -> None:
    """GET from the origins of the context, with the headers that a poll looks at."""
    if origins := web_origins(bucket.node):
        bucket.add_cors_rule(
            allowed_methods=[s3.HttpMethods.GET],
            allowed_origins=list(origins),
            exposed_headers=["ETag", "Last-Modified"],
            max_age=PREFLIGHT_SECONDS,
        )


def let_pages_call(
    node: Node, methods: Sequence[apigateway.CorsHttpMethod]
) -> apigateway.CorsPreflightOptions | None:
    """By these methods from the origins of the context, with a token and a key, and without
    cookies."""
    origins = web_origins(node)
    if not (origins and methods):
        return None
    return apigateway.CorsPreflightOptions(
        allow_origins=list(origins),
        allow_methods=list(methods),
        allow_headers=["authorization", "content-type", "idempotency-key"],
        expose_headers=["retry-after"],
        max_age=cdk.Duration.seconds(PREFLIGHT_SECONDS),
    )
