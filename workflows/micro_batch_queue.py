"""The EnqueueCompanies machine: a file in S3, cut into the messages of a work queue.

It only cuts; the queue's consumer scores, as many messages at once as the service can take. Work
of any length is split: each turn of the loop takes a part that a function ends in seconds, and the
state carries where the next one begins. The job is named after its file, so that a second run of
the same file counts no line twice.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.micro_batch.payloads import EnqueuePartEvent
from workflows.attribute_values import number, text
from workflows.dead_letter import DeadLetterStore, Net
from workflows.durations import timeout
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, is_true, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.machine import standard_machine
from workflows.micro_batch import JOBS_FOLDER, NAME, key_is
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, retry, transient

MACHINE_TIME_OUT = cdk.Duration.hours(2)

# The item that says how many lines there are; the shards behind it count those that are done.
TOTAL_SHARD = 0


class EnqueueCompanies(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        enqueue_part: ThinFunction,
        files: s3.IBucket,
        jobs: dynamodb.ITable,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        net = Net(self, "DeadLetter", store=dead_letters)

        is_job = sfn.Choice.jsonata(self, "IsJob")
        rejected = sfn.Succeed.jsonata(
            self,
            "Rejected",
            outputs={
                "status": "REJECTED",
                "path": "key",
                "reason": f"{JOBS_FOLDER}/NAME.jsonl is needed",
            },
        )

        enqueue = lambda_task(
            self,
            "EnqueuePart",
            function=enqueue_part,
            event=EnqueuePartEvent(
                executionArn=value_of(EXECUTION_ARN),
                jobId=value_of("$jobId"),
                bucket=files.bucket_name,
                key=value_of("$key"),
                offset=value_of("$part.offset"),
                line=value_of("$part.line"),
            ),
            retries=(transient("MessagesRefused"),),
            assign={"part": jsonata("$states.result.Payload")},
        )
        all_enqueued = sfn.Choice.jsonata(self, "AllEnqueued")

        record_lines = tasks.DynamoUpdateItem.jsonata(
            self,
            "RecordLines",
            table=jobs,
            key={
                "jobId": text(jsonata("$jobId")),
                "shard": tasks.DynamoAttributeValue.from_number(TOTAL_SHARD),
            },
            update_expression=("SET #lines = :lines, enqueuedAt = if_not_exists(enqueuedAt, :now)"),
            expression_attribute_names={"#lines": "lines"},
            expression_attribute_values={
                ":lines": number(jsonata("$string($part.line)")),
                ":now": text(jsonata("$now()")),
            },
            task_timeout=timeout(30),
        )
        retry(record_lines, DYNAMODB_FAULTS, TIME_OUTS)

        enqueued = sfn.Succeed.jsonata(
            self,
            "Enqueued",
            outputs={
                "status": "ENQUEUED",
                "jobId": jsonata("$jobId"),
                "lines": jsonata("$part.line"),
            },
        )

        net.catch(enqueue, record_lines)

        story = is_job.when(
            key_is(rf"{JOBS_FOLDER}\/{NAME}\.jsonl"),
            enqueue,
            assign={
                "key": jsonata("$states.input.key"),
                "jobId": jsonata("$replace($states.input.key, /^.*\\/|\\.jsonl$/, '')"),
                "part": {"offset": 0, "line": 0, "done": False},
            },
        ).otherwise(rejected)
        enqueue.next(
            all_enqueued.when(
                is_true("$part.done"),
                record_lines.next(enqueued),
            ).otherwise(enqueue)
        )

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
