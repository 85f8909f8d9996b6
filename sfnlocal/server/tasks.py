"""Task tokens answered, and activities: created, listed, and asked for work.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-activities.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from sfnlocal.driver.activities import ActivityTask
from sfnlocal.driver.requests import check_name
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.server.executions import Answer
from sfnlocal.server.names import checked_arn
from sfnlocal.server.paging import page
from sfnlocal.server.tags import Tags

Params = dict[str, Any]

_AWS_OWNED_KEY = {"type": "AWS_OWNED_KEY"}


class TaskOperations:
    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def operations(self) -> Mapping[str, Callable[[Params], Answer]]:
        return {
            "SendTaskSuccess": self._success,
            "SendTaskFailure": self._failure,
            "SendTaskHeartbeat": self._heartbeat,
        }

    def _success(self, params: Params) -> Params:
        try:
            output = json.loads(params["output"])
        except (ValueError, RecursionError) as error:
            raise ApiError("InvalidOutput", f"Invalid Output: '{error}'") from error
        self._session.send_task_success(params["taskToken"], output)
        return {}

    def _failure(self, params: Params) -> Params:
        self._session.send_task_failure(
            params["taskToken"], params.get("error"), params.get("cause")
        )
        return {}

    def _heartbeat(self, params: Params) -> Params:
        self._session.send_task_heartbeat(params["taskToken"])
        return {}


class ActivityOperations:
    """Dates by ARN are all that AWS keeps of an activity, beside its tags."""

    def __init__(self, session: Session, tags: Tags) -> None:
        self._session = session
        self._tags = tags
        self._created_ms = {
            resource.arn: session.start_ms
            for resource in session.app.of_type("AWS::StepFunctions::Activity")
        }

    @property
    def operations(self) -> Mapping[str, Callable[[Params], Answer]]:
        return {
            "CreateActivity": self._create,
            "DescribeActivity": self._describe,
            "ListActivities": self._list,
            "DeleteActivity": self._delete,
            "GetActivityTask": self._get_task,
        }

    def exists(self, arn: str) -> bool:
        return arn in self._created_ms

    def _create(self, params: Params) -> Params:
        name = params["name"]
        check_name(name)
        app = self._session.app
        arn = f"arn:{app.partition}:states:{app.region}:{app.account}:activity:{name}"
        if arn not in self._created_ms:
            self._tags.add(arn, params.get("tags", []))
            self._created_ms[arn] = self._session.now_ms
            self._session.activities.create(arn)
        return {"activityArn": arn, "creationDate": self._created_ms[arn] / 1000}

    def _known(self, params: Params) -> str:
        arn: str = params["activityArn"]
        checked_arn(arn, "activity")
        if arn not in self._created_ms:
            raise ApiError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
        return arn

    def _summary(self, arn: str) -> Params:
        return {
            "activityArn": arn,
            "name": arn.rpartition(":")[2],
            "creationDate": self._created_ms[arn] / 1000,
        }

    def _describe(self, params: Params) -> Params:
        arn = self._known(params)
        return {**self._summary(arn), "encryptionConfiguration": _AWS_OWNED_KEY}

    def _list(self, params: Params) -> Params:
        arns = list(self._created_ms)
        return page("activities", arns, params, key=lambda arn: arn, shown=self._summary)

    def _delete(self, params: Params) -> Params:
        arn = params["activityArn"]
        checked_arn(arn, "activity")
        if self._created_ms.pop(arn, None) is not None:
            self._session.activities.delete(arn)
            self._tags.forget(arn)
        return {}

    def _get_task(self, params: Params) -> Future[Params]:
        """Answered when there is a task. Who cancels it wants none any more."""
        arn = self._known(params)
        answer: Future[Params] = Future()

        def take(task: ActivityTask) -> bool:
            wanted = answer.set_running_or_notify_cancel()
            if wanted:
                answer.set_result({"taskToken": task.token, "input": task.input})
            return wanted

        self._session.activities.ask(arn, params.get("workerName"), take)
        return answer
