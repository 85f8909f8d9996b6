"""The ScoreCompanies machine: a file in S3, a score for each of its lines.

A Map Run reads the file and cuts it into batches; each is an Express execution that scores its
lines, each line with its own retries. A line that fails does not take its batch along. What failed
stands, with its line number, in a file that the run's letter names: the letter's replay takes that
file, so it takes those lines and no others. Scoring changes nothing, so a child may run twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from lambdas.micro_batch.payloads import CollectFailedEvent, FailedLine, Job, ScoreLineEvent
from workflows.dead_letter import DeadLetterStore, Net
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, EXECUTION_NAME, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.letter import THIS_RUN
from workflows.machine import ANY_EXECUTION, execution_arn, standard_machine
from workflows.retry_policy import RetryClass, retry
from workflows.wildcards import acknowledge_wildcard

# A child execution ends after five minutes: its batch, all retries of its lines included, has to
# fit. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
BATCH_LINES = 20
LINES_AT_ONCE = 10
# The circuit: the service never sees more than 200 requests at once.
BATCHES_AT_ONCE = 20
# More than this, and it is no longer single lines that fail: the rest is not even tried.
FAILED_PERCENT_MAX = 10

JOBS_FOLDER = "jobs"
FAILED_FOLDER = "failed"
RESULTS_FOLDER = "results"
NAME = "[A-Za-z0-9._-]+"
FAILED_KEY = f"'{FAILED_FOLDER}/' & {EXECUTION_NAME} & '.jsonl'"

SHORT_OUTAGE = RetryClass(
    ("ScoreServiceUnavailable",), interval_seconds=2, max_attempts=4, max_delay_seconds=20
)
UNREADABLE = RetryClass(
    ("States.ItemReaderFailed",), interval_seconds=5, max_attempts=2, max_delay_seconds=60
)

CAUSE_MAX = 1_000

# Which lines, the letter says in its cause; the file has all of them.
LINES_FAILED = jsonata(
    f"""{{
    'state': 'CollectFailed',
    'error': 'LinesFailed',
    'cause': $string({{
        'failed': $collected.failed,
        'lines': $collected.firstFailedLines,
        'key': {FAILED_KEY}
    }}),
    'attempts': 1,
    'failedAt': $now()
    }}"""
)

MACHINE_TIME_OUT = cdk.Duration.hours(12)


@dataclass(frozen=True, slots=True)
class BatchFunctions:
    """The functions that the machine's Lambda tasks invoke."""

    score_line: ThinFunction
    collect_failed: ThinFunction


class ScoreCompanies(Construct):
    """`files` has the jobs, and takes their results."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: BatchFunctions,
        files: s3.IBucket,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._functions = functions
        self._files = files
        net = Net(
            self, "DeadLetter", store=dead_letters, run=replace(THIS_RUN, replay_input="$again")
        )

        which_format = sfn.Choice.jsonata(self, "WhichFormat")
        rejected = sfn.Succeed.jsonata(
            self,
            "Rejected",
            outputs={
                "status": "REJECTED",
                "path": "key",
                "reason": f"{JOBS_FOLDER}/NAME.csv or {JOBS_FOLDER}/NAME.jsonl is needed",
            },
        )

        score_csv = self._map_run(
            "ScoreCsv",
            reader=sfn.S3CsvItemReader(
                bucket=files,
                key=jsonata("$again.key"),
                csv_headers=sfn.CsvHeaders.use_first_row(),
            ),
            item={
                "line": jsonata("$states.context.Map.Item.Index + 2"),
                "company": jsonata("$states.context.Map.Item.Value"),
            },
        )
        score_json_lines = self._map_run(
            "ScoreJsonLines",
            reader=sfn.S3JsonLItemReader(bucket=files, key=jsonata("$again.key")),
            item={
                "line": jsonata("$states.context.Map.Item.Index + 1"),
                "company": jsonata("$states.context.Map.Item.Value"),
            },
        )
        # These lines have the numbers of the file that they come from.
        score_failed_lines = self._map_run(
            "ScoreFailedLines",
            reader=sfn.S3JsonLItemReader(bucket=files, key=jsonata("$again.key")),
            item={
                "line": jsonata("$states.context.Map.Item.Value.line"),
                "company": jsonata("$states.context.Map.Item.Value.company"),
            },
        )

        collect_failed = lambda_task(
            self,
            "CollectFailed",
            function=functions.collect_failed,
            event=CollectFailedEvent(
                executionArn=value_of(EXECUTION_ARN),
                bucket=files.bucket_name,
                manifest=value_of("$manifest"),
                failedKey=value_of(FAILED_KEY),
            ),
            assign={"collected": jsonata("$states.result.Payload")},
        )

        all_scored = sfn.Choice.jsonata(self, "AllScored")
        scored = sfn.Succeed.jsonata(
            self,
            "Scored",
            outputs=jsonata(
                """{
                'status': 'SCORED',
                'scored': $collected.scored,
                'refused': $collected.refused,
                'manifest': $manifest
                }"""
            ),
        )

        map_runs = (score_csv, score_json_lines, score_failed_lines)
        for map_run in map_runs:
            map_run.next(collect_failed)
            retry(map_run, UNREADABLE)
        net.catch(*map_runs, collect_failed)

        job = {"again": dict(Job(key=jsonata("$states.input.key")))}
        story = (
            which_format.when(key_is(rf"{JOBS_FOLDER}\/{NAME}\.csv"), score_csv, assign=job)
            .when(key_is(rf"{JOBS_FOLDER}\/{NAME}\.jsonl"), score_json_lines, assign=job)
            .when(key_is(rf"{FAILED_FOLDER}\/{NAME}\.jsonl"), score_failed_lines, assign=job)
            .otherwise(rejected)
        )
        collect_failed.next(
            all_scored.when(
                sfn.Condition.jsonata(jsonata("$collected.failed > 0")),
                net.start,
                assign={"failure": LINES_FAILED, "again": dict(Job(key=jsonata(FAILED_KEY)))},
            ).otherwise(scored)
        )

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            # The results have it, line by line; in the log it would cost more than all the rest.
            logs_data=False,
            removal_policy=removal_policy,
        )
        self._acknowledge([map_run.node.id for map_run in map_runs])

    def _acknowledge(self, labels: Sequence[str]) -> None:
        """What the CDK grants a machine with Map Runs."""
        executions = execution_arn(self.machine, "").removesuffix(":")
        for name in (executions, *(f"{executions}/{label}" for label in labels)):
            acknowledge_wildcard(self.machine, f"{name}:*", ANY_EXECUTION)
        acknowledge_wildcard(
            self,
            # As the CDK writes it, which is not as the bucket's own ARN is written.
            cdk.Stack.of(self).format_arn(
                service="s3",
                region="",
                account="",
                resource=self._files.bucket_name,
                resource_name="*",
            ),
            "A job's key is in the run's input, and the ResultWriter names the results.",
        )

    def _map_run(
        self, state: str, *, reader: sfn.IItemReader, item: Mapping[str, str]
    ) -> sfn.DistributedMap:
        """Its children's net is the Map Run: what they do not bring to an end, their batch, stands
        in the results as a failed item."""
        return sfn.DistributedMap.jsonata(
            self,
            state,
            label=state,
            map_execution_type=sfn.StateMachineType.EXPRESS,
            item_reader=reader,
            item_selector=item,
            item_batcher=sfn.ItemBatcher(max_items_per_batch=BATCH_LINES),
            max_concurrency=BATCHES_AT_ONCE,
            tolerated_failure_percentage=FAILED_PERCENT_MAX,
            result_writer_v2=sfn.ResultWriterV2(
                bucket=self._files,
                prefix=jsonata(f"'{RESULTS_FOLDER}/' & {EXECUTION_NAME}"),
                writer_config=sfn.WriterConfig(
                    output_type=sfn.OutputType.JSONL, transformation=sfn.Transformation.FLATTEN
                ),
            ),
            assign={"manifest": jsonata("$states.result.ResultWriterDetails.Key")},
        ).item_processor(self._batch(state))

    def _batch(self, state: str) -> sfn.IChainable:
        """What a child execution does; it answers a list with a result a line."""
        score_line = lambda_task(
            self,
            f"{state}Line",
            function=self._functions.score_line,
            event=ScoreLineEvent(
                executionArn=value_of(EXECUTION_ARN),
                line=value_of("$states.input.line"),
                company=value_of("$states.input.company"),
            ),
            retries=(SHORT_OUTAGE,),
            outputs=jsonata("$states.result.Payload"),
        )
        line_failed = sfn.Pass.jsonata(self, f"{state}LineFailed")
        score_line.add_catch(
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
        lines = sfn.Map.jsonata(
            self,
            f"{state}Lines",
            items=sfn.ProvideItems.jsonata(jsonata("$states.input.Items")),
            max_concurrency=LINES_AT_ONCE,
        ).item_processor(score_line)

        # Then it is not the lines: the Map Run counts the batch as failed.
        nothing_scored = sfn.Fail.jsonata(
            self,
            f"{state}BatchFailed",
            error=jsonata("$states.input[0].error"),
            cause=jsonata("$states.input[0].cause"),
        )
        return lines.next(
            sfn.Choice.jsonata(self, f"{state}AnyScored")
            .when(
                sfn.Condition.jsonata(
                    jsonata("$count($states.input.error) = $count($states.input)")
                ),
                nothing_scored,
            )
            .otherwise(sfn.Succeed.jsonata(self, f"{state}BatchScored"))
        )


def key_is(pattern: str) -> sfn.Condition:
    """Does the job's key match? It may be of any type."""
    key = "$states.input.key"
    return sfn.Condition.jsonata(
        jsonata(f"$type({key}) = 'string' ? $contains({key}, /^{pattern}$/) : false")
    )
