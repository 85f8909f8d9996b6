"""A pipe at work: a batch goes through the enrichment to the target.

What fails leaves its messages in the queue until their visibility time-out ends. A throttled
enrichment or target is tried again, with growing delays, as long as the messages are hidden.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-error-troubleshooting.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError
from sfnlocal.ports import Caller, Json
from sfnlocal.triggers.batch_item_failures import failed_messages
from sfnlocal.triggers.pipe_definition import Pipe
from sfnlocal.triggers.pipe_targets import Calls, Ended, Outcome, Shipment, refusal_of, ship
from sfnlocal.triggers.pipe_templates import (
    Item,
    Occasion,
    PipeTemplate,
    Rendered,
    enriched_item,
    source_item,
)
from sfnlocal.triggers.queue_poller import Batch, Done, PollSettings, QueuePoller
from sfnlocal.triggers.targets import queue_url

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

_SERVICE = "pipes.amazonaws.com"
# AWS does not tell its delays.
_DELAY_MS_MIN, _DELAY_MS_MAX = 1_000, 60_000


class RunningPipe:
    def __init__(self, aws: Aws, pipe: Pipe) -> None:
        self._aws = aws
        self._pipe = pipe
        caller = Caller(_SERVICE, pipe.arn, pipe.given.get("RoleArn"))
        self._calls = Calls(aws, caller)
        settings = PollSettings(
            queue_arn=pipe.source,
            queue_url=queue_url(parse_arn(pipe.source)),
            batch_size=pipe.batch_size,
            window_ms=pipe.window_seconds * 1000,
            criteria=pipe.criteria,
        )
        self.poller = QueuePoller(aws, settings, caller, self._consume)

    def _consume(self, batch: Batch, done: Done) -> None:
        items = [source_item(record) for record in batch.records]
        if not self._pipe.enrichment:
            self._to_target(batch, items, single=False, done=done)
            return
        contents = self._contents(items, self._pipe.enrichment_template)
        shipment = Shipment(self._pipe, contents, items)

        def enriched(outcome: Outcome) -> None:
            if outcome.error:
                self._note(batch, self._pipe.enrichment, outcome)
                done(batch.message_ids)
            elif outcome.answer in ("", {}, [], None):
                self._note(batch, self._pipe.enrichment, outcome)
                done(())
            else:
                self._to_target(batch, *_enriched(outcome.answer), done=done)

        self._until_taken(batch, lambda ended: self._enrich(shipment, ended), enriched)

    def _enrich(self, shipment: Shipment, ended: Ended) -> None:
        arn = self._pipe.enrichment
        try:
            begin = self._calls.invoke if _is_function(arn) else self._calls.start_sync
            begin(arn, shipment.payload(), ended)
        except ApiError as error:
            ended(refusal_of(error))
        except ValueError as error:
            ended(Outcome(error=str(error)))

    def _to_target(self, batch: Batch, items: Sequence[Item], single: bool, done: Done) -> None:
        contents = self._contents(items, self._pipe.target_template)
        shipment = Shipment(self._pipe, contents, items, single)

        def taken(outcome: Outcome) -> None:
            self._note(batch, self._pipe.target, outcome)
            done(self._failed(batch, outcome))

        self._until_taken(batch, lambda ended: ship(self._calls, shipment, ended), taken)

    def _failed(self, batch: Batch, outcome: Outcome) -> Collection[str]:
        """Which record came of which message is known only without an enrichment."""
        ids = batch.message_ids
        if outcome.error or (outcome.failed and self._pipe.enrichment):
            return ids
        if outcome.failed:
            return {ids[index] for index in outcome.failed}
        reported = isinstance(outcome.answer, dict) and "batchItemFailures" in outcome.answer
        return failed_messages(outcome.answer, ids) if reported else ()

    def _contents(self, items: Sequence[Item], template: PipeTemplate | None) -> list[Rendered]:
        if template is None:
            return [Rendered(item.original) for item in items]
        pipe = self._pipe
        occasion = Occasion(
            pipe.arn, pipe.name, pipe.source, pipe.enrichment, pipe.target, self._aws.now_ms
        )
        return [template(item, occasion) for item in items]

    def _until_taken(
        self,
        batch: Batch,
        attempt: Callable[[Ended], None],
        ended: Ended,
        delay_ms: int = _DELAY_MS_MIN,
    ) -> None:
        def answered(outcome: Outcome) -> None:
            again_ms = self._aws.now_ms + delay_ms
            if not outcome.throttled or again_ms >= self.poller.visible_ms(batch):
                ended(outcome)
                return
            longer_ms = min(2 * delay_ms, _DELAY_MS_MAX)
            self._aws.at(again_ms, lambda: self._until_taken(batch, attempt, ended, longer_ms))

        attempt(answered)

    def _note(self, batch: Batch, target_arn: str, outcome: Outcome) -> None:
        count = len(batch.records)
        why = f"{count} message{'s' if count > 1 else ''} of {self._pipe.source}"
        error = outcome.error
        if outcome.failed:
            error = f"{len(outcome.failed)} of {count} records were not taken"
        self._aws.timeline.add(self._pipe.arn, why, target_arn, outcome.started, error)


def _enriched(answer: Json) -> tuple[list[Item], bool]:
    """The records that the enrichment made, and whether it is one that is no array."""
    if isinstance(answer, list):
        return [enriched_item(one) for one in answer], False
    return [enriched_item(answer)], True


def _is_function(arn: str) -> bool:
    return parse_arn(arn).service == "lambda"
