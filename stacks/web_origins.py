"""The origins of pages that may read what a presigned URL shows: a browser asks S3 itself, which
answers other origins only where a CORS rule of the bucket names them.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

import json
import re

from aws_cdk import aws_s3 as s3
from constructs import Node

from stacks.stage import StageError

PREFLIGHT_SECONDS = 3600
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?")


def web_origins(node: Node) -> tuple[str, ...]:
    """Context key: `webOrigins`, a list such as ["https://shop.example"]. Without it no page of
    another origin may read."""
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
