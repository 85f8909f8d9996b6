"""moto, which answers what sfnlocal does not have itself: who imports this loads it.

Ids that moto makes (message ids, request ids, ...) come from its one random source, which is
seeded here: the same run gives the same ids.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto import mock_aws
from moto.core.botocore_stubber import MockRawResponse
from moto.core.config import DefaultConfig
from moto.core.models import botocore_stubber
from moto.moto_api._internal import mock_random

from sfnlocal.errors import UnsupportedError
from sfnlocal.services.moto_models import corrected_models, forget_everything

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

_NOT_SIMULATED = "mock the states that call it, or answer it with Session.aws.route()"
# Credentials and boto3's session are the simulation's.
_CONFIG: DefaultConfig = {
    "core": {
        "mock_credentials": False,
        "passthrough": {"services": [], "urls": []},
        "reset_boto3_session": False,
        "service_whitelist": None,
    }
}


class MotoBackend:
    """Runs from the moment at which it is made until `stop`; one at a time. `current` is the Aws
    that it answers for. It is not thread-safe: to be called with Aws.lock."""

    def __init__(self, current: Callable[[], Aws], *, seed: int) -> None:
        self._current = current
        mock_random.seed(seed)
        with ExitStack() as undo:
            mock = mock_aws(config=_CONFIG)
            mock.start()
            undo.callback(mock.stop)
            undo.enter_context(corrected_models(current))
            self._undo = undo.pop_all()

    def stop(self) -> None:
        self._undo.close()

    def forget(self, *, seed: int) -> None:
        """Be as if it had just been made."""
        mock_random.seed(seed)
        forget_everything()

    def answer(
        self, service: str, request: AWSPreparedRequest, event_name: str
    ) -> AWSResponse | None:
        """None where it knows no such service. Raises UnsupportedError where it knows the service
        or the operation, and cannot simulate it here."""
        request.headers["x-moto-account-id"] = self._current().app.account
        try:
            response = botocore_stubber(event_name, request)
        except NotImplementedError as error:
            raise UnsupportedError(
                f"{service} is not simulated: {error}", hint=_NOT_SIMULATED
            ) from error
        except ImportError as error:
            # moto imports what simulates a service when that is first called.
            name = service.partition(":")[0]
            raise UnsupportedError(
                f"{service} is not simulated: {error}", hint=f"pip install 'moto[{name}]'"
            ) from error
        return None if response is None or _is_unknown(response) else response


def _is_unknown(response: AWSResponse) -> bool:
    if response.status_code != 404:
        return False
    raw: MockRawResponse = response.raw
    return raw.getvalue() == b"Not yet implemented"
