"""The status document of an operation: one object in S3 that clients poll instead of an API.

Whoever writes it writes all of it. It is overwritten in place: S3 reads what was written last.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.operation.payloads import FOLDER, RESULT_FILE, STATUS_FILE
from workflows.durations import timeout
from workflows.findings import acknowledge_wildcard
from workflows.jsonata import jsonata
from workflows.retry_policy import S3_SDK_FAULTS, TIME_OUTS, retry

TIME_OUT = timeout(30)


@dataclass(frozen=True, slots=True)
class OperationFiles:
    """An operation's objects. `operation_id` is the JSONata expression that names it."""

    bucket: s3.IBucket
    operation_id: str

    @property
    def objects_arn(self) -> str:
        return self.bucket.arn_for_objects(f"{FOLDER}/*")

    def acknowledge_for(self, scope: Construct) -> None:
        """Say why the role below `scope` may use any operation's objects."""
        acknowledge_wildcard(
            scope, self.objects_arn, "The key is the operation's id, which no role can know."
        )

    def store_result(self, scope: Construct, state: str, *, body: str) -> tasks.CallAwsService:
        """A Task that puts the result: an object, for a text would be put in quotes."""
        return self._put(scope, state, RESULT_FILE, body)

    def write_status(
        self, scope: Construct, state: str, document: Mapping[str, str]
    ) -> tasks.CallAwsService:
        """A Task that writes the document: its fields as JSONata expressions."""
        fields = {"operationId": self.operation_id, "updatedAt": "$now()", **document}
        text = ", ".join(f"'{name}': {expression}" for name, expression in fields.items())
        return self._put(scope, state, STATUS_FILE, f"{{{text}}}")

    def read_status(self, scope: Construct, state: str) -> tasks.CallAwsService:
        """A Task that assigns `document`. Only to who may list the bucket S3 says that there is
        none (NoSuchKey, and not 403).
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""
        task = tasks.CallAwsService.jsonata(
            scope,
            state,
            service="s3",
            action="getObject",
            iam_action="s3:GetObject",
            iam_resources=[self.objects_arn],
            additional_iam_statements=[
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn])
            ],
            parameters={"Bucket": self.bucket.bucket_name, "Key": self._key(STATUS_FILE)},
            task_timeout=TIME_OUT,
            assign={"document": jsonata("$parse($states.result.Body)")},
        )
        retry(task, S3_SDK_FAULTS, TIME_OUTS)
        return task

    def _key(self, file: str) -> str:
        return jsonata(f"'{FOLDER}/' & {self.operation_id} & '/{file}'")

    def _put(self, scope: Construct, state: str, file: str, body: str) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            scope,
            state,
            service="s3",
            action="putObject",
            iam_action="s3:PutObject",
            iam_resources=[self.objects_arn],
            parameters={
                "Bucket": self.bucket.bucket_name,
                "Key": self._key(file),
                "Body": jsonata(body),
                "ContentType": "application/json",
                "CacheControl": "no-store",
            },
            task_timeout=TIME_OUT,
            outputs={},
        )
        retry(task, S3_SDK_FAULTS, TIME_OUTS)
        return task
