"""Event source mappings: an SQS queue whose messages a function gets in batches.

A function's error leaves its batch in the queue until the visibility time-out ends. While the
function is throttled the same batch is tried again, with growing delays, as long as its messages
are hidden. Where they go after too many receives is the queue's redrive policy.
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError, InputError, SfnLocalError
from sfnlocal.ports import Caller
from sfnlocal.services.functions import FunctionHost, Invocation
from sfnlocal.services.lambda_event_sources import EventSource, refusal
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.batch_item_failures import failed_messages
from sfnlocal.triggers.filter_criteria import LAMBDA_FILTERS, FilterCriteria, filter_criteria
from sfnlocal.triggers.queue_poller import (
    CONCURRENCY_MAX,
    Batch,
    Done,
    PollSettings,
    QueuePoller,
)
from sfnlocal.triggers.queue_pollers import QueuePollers
from sfnlocal.triggers.targets import queue_url

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

_TYPE = "AWS::Lambda::EventSourceMapping"
_SERVICE = "lambda.amazonaws.com"
_THROTTLED = 429
# AWS does not tell its delays.
_DELAY_MS_MIN, _DELAY_MS_MAX = 1_000, 60_000
_FILTERED_KEYS = frozenset({"body"})


class Mappings:
    """Runs the mappings of the template and of the Lambda API."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._pollers = QueuePollers(aws)
        self._loading = False
        aws.event_sources.runner = lambda: self

    def load(self) -> None:
        """Those of the template. Raises InputError for what AWS refuses."""
        self._loading = True
        for source in self._aws.app.derived(_checked):
            self._aws.event_sources.deploy(source)
        self._loading = False

    def stand_aside(self, queue_arn: str) -> None:
        """Somebody else takes the messages of this queue."""
        self._pollers.stand_aside(queue_arn)

    # Implements lambda_event_sources.Runner

    def check(self, source: EventSource) -> None:
        _criteria(source)
        timeout_ms = self._aws.functions.find(source.function_arn).timeout_seconds * 1000
        visibility_ms = self._visibility_timeout_ms(source.queue_arn)
        if visibility_ms < timeout_ms:
            raise ApiError(
                "InvalidParameterValueException",
                f"Queue visibility timeout: {visibility_ms // 1000} seconds is less than Function "
                f"timeout: {timeout_ms // 1000} seconds",
            )

    def changed(self, source: EventSource) -> None:
        if not source.enabled:
            self._pollers.stop(source.id)
            return
        role_arn = self._aws.functions.registry.get(source.function_arn).latest.settings.get("Role")
        caller = Caller(_SERVICE, source.arn, role_arn)
        mapping = _RunningMapping(self._aws, source, caller)
        self._pollers.start(source.id, mapping.poller)
        if not self._loading:
            self._pollers.wake(source.queue_arn)

    def deleted(self, source: EventSource) -> None:
        self._pollers.stop(source.id)

    def _visibility_timeout_ms(self, queue_arn: str) -> int:
        for queue in self._aws.app.of_type("AWS::SQS::Queue"):
            if queue.arn == queue_arn:
                return int(queue.properties.get("VisibilityTimeout", 30)) * 1000
        params = {
            "QueueUrl": queue_url(parse_arn(queue_arn)),
            "AttributeNames": ["VisibilityTimeout"],
        }
        try:
            answer = self._aws.call("sqs", "GetQueueAttributes", params)
        except ApiError as error:
            raise ApiError(
                "InvalidParameterValueException",
                "Error occurred while ReceiveMessage. SQS Error Code: "
                f"{error.aws_code}. SQS Error Message: {error.message}",
            ) from None
        return int(answer["Attributes"]["VisibilityTimeout"]) * 1000


class _RunningMapping:
    def __init__(self, aws: Aws, source: EventSource, caller: Caller) -> None:
        self._aws = aws
        self._source = source
        settings = PollSettings(
            queue_arn=source.queue_arn,
            queue_url=queue_url(parse_arn(source.queue_arn)),
            batch_size=source.batch_size,
            window_ms=source.window_seconds * 1000,
            criteria=_criteria(source),
            concurrency_max=source.concurrency_max or CONCURRENCY_MAX,
        )
        self.poller = QueuePoller(aws, settings, caller, self._consume)

    def _consume(self, batch: Batch, done: Done) -> None:
        self._try(batch, done, _DELAY_MS_MIN)

    def _try(self, batch: Batch, done: Done, delay_ms: int) -> None:
        began_ms, event = self._aws.now_ms, {"Records": batch.records}
        try:
            answer = self._aws.functions.invoke(self._source.function_arn, event, now_ms=began_ms)
        except ApiError as error:
            again_ms = began_ms + delay_ms
            if error.http_status == _THROTTLED and again_ms < self.poller.visible_ms(batch):
                longer_ms = min(2 * delay_ms, _DELAY_MS_MAX)
                self._aws.at(again_ms, lambda: self._try(batch, done, longer_ms))
                return
            self._note(batch, error=f"{error.aws_code}: {error.message}")
            done(batch.message_ids)
            return
        failed = self._failed(answer, batch)
        self._note(batch, answer.request_id, _told(answer, failed))
        self._aws.at(began_ms + answer.elapsed_ms, lambda: done(failed))

    def _failed(self, answer: Invocation, batch: Batch) -> Collection[str]:
        if answer.function_error is not None:
            return batch.message_ids
        if not self._source.report_batch_item_failures:
            return ()
        return failed_messages(answer.payload, batch.message_ids)

    def _note(self, batch: Batch, started: str = "", error: str = "") -> None:
        count = len(batch.records)
        why = f"{count} message{'s' if count > 1 else ''} of {self._source.queue_arn}"
        source = self._source
        self._aws.timeline.add(source.arn, why, source.function_arn, started, error)


def _checked(app: App) -> tuple[EventSource, ...]:
    """Made once, to see what AWS would say."""
    from sfnlocal.services.aws import Aws

    aws = Aws(app, FunctionHost(app), now_ms=0)
    # It checks, and wakes nobody.
    Mappings(aws)._loading = True
    refused = {resource.where for resource, _ in refusals(app)}
    for resource in app.of_type(_TYPE):
        if resource.where in refused:
            continue
        try:
            aws.event_sources.add(resource.properties, resource.name)
        except ApiError as error:
            raise InputError(
                f"AWS refuses the mapping: {error.message}",
                where=resource.where,
                hint="correct its properties in the template",
            ) from None
    return tuple(aws.event_sources)


def _told(answer: Invocation, failed: Collection[str]) -> str:
    """What went wrong."""
    if answer.function_error is not None:
        return f"{answer.payload.get('errorType')}: {answer.payload.get('errorMessage')}"
    return f"failed: {', '.join(sorted(failed))}" if failed else ""


def _criteria(source: EventSource) -> FilterCriteria:
    return filter_criteria(source.filter_criteria, LAMBDA_FILTERS, keys=_FILTERED_KEYS)


def refusals(app: App) -> list[tuple[Resource, str]]:
    """The mappings of the template that are not simulated, and why."""
    found = [(resource, _refusal(resource, app)) for resource in app.of_type(_TYPE)]
    return [(resource, reason) for resource, reason in found if reason is not None]


def _refusal(resource: Resource, app: App) -> str | None:
    try:
        given = dict(resource.properties)
    except SfnLocalError as error:
        return error.message
    reason = refusal(given)
    if reason is not None:
        return reason
    if not any(queue.arn == given["EventSourceArn"] for queue in app.of_type("AWS::SQS::Queue")):
        return f"the queue {given['EventSourceArn']} is not in this app"
    function = given["FunctionName"]
    if function.startswith("arn:"):
        arn = parse_arn(function)
        if (arn.account, arn.region) != (app.account, app.region):
            return f"the function {function} is not in this app"
    return None
