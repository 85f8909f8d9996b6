"""A Map Run of ScoreCompanies, and what its child executions do: each scores the lines of a batch
and answers a list with a result a line.

A line that fails, after its own retries, is a result too: it does not take its batch along. Where
no line of the batch has a result, it is not the lines: then the batch fails. The children's net is
the Map Run: what they do not bring to an end, their batch, stands in the results as a failed item.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from lambdas.micro_batch.payloads import FailedLine, ScoreLineEvent
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, EXECUTION_NAME, is_true, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.retry_policy import RetryClass, retry

# A child execution ends after five minutes: its batch, all retries of its lines included, has to
# fit. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
BATCH_LINES = 20
LINES_AT_ONCE = 10
# The circuit: the service never sees more than 200 requests at once.
BATCHES_AT_ONCE = 20
# More than this, and it is no longer single lines that fail: the rest is not even tried.
FAILED_PERCENT_MAX = 10

RESULTS_FOLDER = "results"

UNREADABLE = RetryClass(
    ("States.ItemReaderFailed",), interval_seconds=5, max_attempts=2, max_delay_seconds=60
)

SHORT_OUTAGE = RetryClass(
    ("ScoreServiceUnavailable",), interval_seconds=2, max_attempts=4, max_delay_seconds=20
)
CAUSE_MAX = 1_000


def score_map_run(
    scope: Construct,
    state: str,
    *,
    reader: sfn.IItemReader,
    item: Mapping[str, str],
    score_line: ThinFunction,
    results: s3.IBucket,
) -> sfn.DistributedMap:
    """It assigns `manifest`, the key of what the ResultWriter says about its files."""
    map_run = sfn.DistributedMap.jsonata(
        scope,
        state,
        label=state,
        map_execution_type=sfn.StateMachineType.EXPRESS,
        item_reader=reader,
        item_selector=item,
        item_batcher=sfn.ItemBatcher(max_items_per_batch=BATCH_LINES),
        max_concurrency=BATCHES_AT_ONCE,
        tolerated_failure_percentage=FAILED_PERCENT_MAX,
        result_writer_v2=sfn.ResultWriterV2(
            bucket=results,
            prefix=jsonata(f"'{RESULTS_FOLDER}/' & {EXECUTION_NAME}"),
            writer_config=sfn.WriterConfig(
                output_type=sfn.OutputType.JSONL, transformation=sfn.Transformation.FLATTEN
            ),
        ),
        assign={"manifest": jsonata("$states.result.ResultWriterDetails.Key")},
    ).item_processor(score_batch(scope, state, score_line))
    retry(map_run, UNREADABLE)
    return map_run


def score_batch(scope: Construct, prefix: str, score_line: ThinFunction) -> sfn.IChainable:
    """Its states' names begin with `prefix`; its input is the batch, `{"Items": [lines]}`."""
    score = lambda_task(
        scope,
        f"{prefix}Line",
        function=score_line,
        event=ScoreLineEvent(
            executionArn=value_of(EXECUTION_ARN),
            line=value_of("$states.input.line"),
            company=value_of("$states.input.company"),
        ),
        retries=(SHORT_OUTAGE,),
        outputs=jsonata("$states.result.Payload"),
    )
    line_failed = sfn.Pass.jsonata(scope, f"{prefix}LineFailed")
    score.add_catch(
        line_failed,
        outputs=dict(
            FailedLine(
                line=value_of("$states.input.line"),
                company=value_of("$states.input.company"),
                error=jsonata("$states.errorOutput.Error"),
                cause=jsonata(f"$substring($states.errorOutput.Cause, 0, {CAUSE_MAX})"),
            )
        ),
    )
    each_line = sfn.Map.jsonata(
        scope,
        f"{prefix}Lines",
        items=sfn.ProvideItems.jsonata(jsonata("$states.input.Items")),
        max_concurrency=LINES_AT_ONCE,
    ).item_processor(score)

    any_scored = sfn.Choice.jsonata(scope, f"{prefix}AnyScored")
    batch_failed = sfn.Fail.jsonata(
        scope,
        f"{prefix}BatchFailed",
        error=jsonata("$states.input[0].error"),
        cause=jsonata("$states.input[0].cause"),
    )
    batch_scored = sfn.Succeed.jsonata(scope, f"{prefix}BatchScored")
    none_scored = "$count($states.input.error) = $count($states.input)"
    return each_line.next(
        any_scored.when(is_true(none_scored), batch_failed).otherwise(batch_scored)
    )
