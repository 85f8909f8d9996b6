"""The ScoreCompanies machine: a file in S3, a score for each of its lines.

A Map Run reads the file and cuts it into batches, each an Express execution (score_map_run.py).
What failed stands, with its line number, in a file that the run's letter names: the letter's replay
takes that file, so it takes those lines and no others. Scoring changes nothing, so a child may run
twice.
"""

from __future__ import annotations

from dataclasses import replace

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from lambdas.micro_batch.payloads import COMPANY_ID_MAX, CollectFailedEvent, Job
from workflows.dead_letter import DeadLetterStore, Net
from workflows.findings import acknowledge_wildcard
from workflows.function import ThinFunction
from workflows.jsonata import (
    EXECUTION_ARN,
    EXECUTION_INPUT,
    EXECUTION_NAME,
    is_true,
    jsonata,
    value_of,
)
from workflows.lambda_task import lambda_task
from workflows.letter import THIS_RUN
from workflows.machine import ANY_EXECUTION, standard_machine
from workflows.score_map_run import score_map_run

MACHINE_TIME_OUT = cdk.Duration.hours(12)

JOBS_FOLDER = "jobs"
FAILED_FOLDER = "failed"
NAME = "[A-Za-z0-9._-]+"
FAILED_KEY = f"'{FAILED_FOLDER}/' & {EXECUTION_NAME} & '.jsonl'"

INDEX = "$states.context.Map.Item.Index"
ITEM = "$states.context.Map.Item.Value"


def company_of(line: str) -> str:
    """What of a line goes into its batch: the company's id, or nothing, which is refused. A line as
    large as a state's input would end the execution beyond every Catcher, and its batch with it."""
    company_id = f"{line}.companyId"
    has_id = (
        f"$type({line}) = 'object' and $type({company_id}) = 'string'"
        f" and $length({company_id}) <= {COMPANY_ID_MAX}"
    )
    return f"({has_id} ? {{'companyId': {company_id}}} : null)"


# Lines that failed have the numbers of the file that they come from.
IS_SECOND_RUN = f"$substringBefore({EXECUTION_INPUT}.key, '/') = '{FAILED_FOLDER}'"

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


class ScoreCompanies(Construct):
    """`files` has the jobs, and takes their results."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        score_line: ThinFunction,
        collect_failed: ThinFunction,
        files: s3.IBucket,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
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
        key = jsonata("$again.key")
        score_csv = score_map_run(
            self,
            "ScoreCsv",
            reader=sfn.S3CsvItemReader(
                bucket=files, key=key, csv_headers=sfn.CsvHeaders.use_first_row()
            ),
            item={"line": jsonata(f"{INDEX} + 2"), "company": jsonata(company_of(ITEM))},
            score_line=score_line,
            results=files,
        )
        score_json_lines = score_map_run(
            self,
            "ScoreJsonLines",
            reader=sfn.S3JsonLItemReader(bucket=files, key=key),
            item={
                "line": jsonata(f"{IS_SECOND_RUN} ? {ITEM}.line : {INDEX} + 1"),
                "company": jsonata(f"{IS_SECOND_RUN} ? {ITEM}.company : {company_of(ITEM)}"),
            },
            score_line=score_line,
            results=files,
        )
        collect = lambda_task(
            self,
            "CollectFailed",
            function=collect_failed,
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
            outputs={
                "status": "SCORED",
                "scored": jsonata("$collected.scored"),
                "refused": jsonata("$collected.refused"),
                "manifest": jsonata("$manifest"),
            },
        )
        net.catch(score_csv, score_json_lines, collect)

        job = {"again": dict(Job(key=jsonata("$states.input.key")))}
        lines_failed = {"failure": LINES_FAILED, "again": dict(Job(key=jsonata(FAILED_KEY)))}
        story = (
            which_format.when(key_is(rf"{JOBS_FOLDER}\/{NAME}\.csv"), score_csv, assign=job)
            .when(
                key_is(rf"({JOBS_FOLDER}|{FAILED_FOLDER})\/{NAME}\.jsonl"),
                score_json_lines,
                assign=job,
            )
            .otherwise(rejected)
        )
        score_csv.next(collect)
        score_json_lines.next(collect)
        collect.next(
            all_scored.when(
                is_true("$collected.failed > 0"),
                net.start,
                assign=lines_failed,
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
        self._acknowledge(files, "", "/ScoreCsv", "/ScoreJsonLines")

    def _acknowledge(self, files: s3.IBucket, *labels: str) -> None:
        """What the CDK grants a machine with Map Runs."""
        executions = self.machine.execution_arn("").removesuffix(":")
        for label in labels:
            acknowledge_wildcard(self.machine, f"{executions}{label}:*", ANY_EXECUTION)
        # As the CDK writes it, which is not as the bucket's own ARN is written.
        objects = cdk.Stack.of(self).format_arn(
            service="s3",
            region="",
            account="",
            resource=files.bucket_name,
            resource_name="*",
        )
        reason = "A job's key is in the run's input, and the ResultWriter names the results."
        acknowledge_wildcard(self, objects, reason)


def key_is(pattern: str) -> sfn.Condition:
    """Does the job's key match? It may be of any type."""
    key = "$states.input.key"
    return sfn.Condition.jsonata(
        jsonata(f"$type({key}) = 'string' ? $contains({key}, /^{pattern}$/) : false")
    )
