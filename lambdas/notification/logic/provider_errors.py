"""Which errors of an AWS service are the recipient's, which are its own, and which are ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from lambdas.notification.errors import ProviderUnavailable, RecipientRefused


@contextmanager
def told_apart(refusals: frozenset[str]) -> Iterator[None]:
    """RecipientRefused for the codes in `refusals`; ProviderUnavailable where the service failed,
    throttled or did not answer. What is left, such as a missing permission, is our mistake."""
    try:
        yield
    except (HTTPClientError, ConnectionError) as error:
        raise ProviderUnavailable(str(error)) from error
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if error.response["Error"]["Code"] in refusals:
            raise RecipientRefused(str(error)) from error
        if status == 429 or status >= 500 or "Throttl" in error.response["Error"]["Code"]:
            raise ProviderUnavailable(str(error)) from error
        raise
