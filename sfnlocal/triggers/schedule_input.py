"""The input of a universal target, as the parameters of its API operation.

Members are named as the AWS SDK for Java names them, as in Step Functions' SDK integrations; a
blob (Lambda's Payload) is text that is sent as it is.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

from typing import Any

from sfnlocal.ports import Json
from sfnlocal.services.aws_sdk import Arguments


class ScheduleArguments(Arguments):
    def _scalar(self, key: str, value: Json, type_name: str) -> Any:
        if type_name == "blob" and isinstance(value, str):
            return value.encode()
        return super()._scalar(key, value, type_name)

    def _unknown(self, key: str) -> None:
        self.mistakes.append(f'The operation has no parameter "{key}"')
