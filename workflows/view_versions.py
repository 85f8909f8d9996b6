"""The versions of a day's batch view, objects of one folder: a run removes its own that came to
nothing, and the old ones that no pointer names any more.
"""

from __future__ import annotations

from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.views.payloads import VIEWS
from workflows.jsonata import is_true, jsonata
from workflows.retry_policy import S3_SDK_FAULTS, TIME_OUTS, retry
from workflows.view_pointer import TIME_OUT

# A run whose version is older than this run's start has switched before it, or it loses: it saw
# pointers that this run has switched since. So nobody will ever name what goes here.
OLD = f"""[$states.result.Contents[
    $toMillis(LastModified) < $toMillis($states.context.Execution.StartTime)
    and $not(Key in [
        '{VIEWS}/' & $day & '/' & $live & '.json', '{VIEWS}/' & $day & '/' & $before & '.json'
    ])].{{'Key': Key}}]"""


def remove_new(scope: Construct, state: str, *, bucket: s3.IBucket) -> tasks.CallAwsService:
    """A Task that removes `$version` of all `$days`, whether it is there or not."""
    return _delete(
        scope,
        state,
        bucket=bucket,
        objects=f"""[$map($days, function($day) {{
            {{'Key': '{VIEWS}/' & $day & '/' & $version & '.json'}}
            }})]""",
    )


def remove_old(scope: Construct, *, bucket: s3.IBucket) -> sfn.Map:
    """A Map over `$next`: of each day, only the live version and the one before stay."""
    list_versions = tasks.CallAwsService.jsonata(
        scope,
        "ListVersions",
        service="s3",
        action="listObjectsV2",
        iam_action="s3:ListBucket",
        iam_resources=[bucket.bucket_arn],
        parameters={
            "Bucket": bucket.bucket_name,
            "Prefix": jsonata(f"'{VIEWS}/' & $states.input.day & '/'"),
        },
        task_timeout=TIME_OUT,
        assign={
            "old": jsonata(
                f"""(
                $day := $states.input.day;
                $live := $states.input.version;
                $before := $states.input.previousVersion;
                {OLD}
                )"""
            )
        },
    )
    retry(list_versions, S3_SDK_FAULTS, TIME_OUTS)
    any_old = sfn.Choice.jsonata(scope, "AnyOld")
    remove = _delete(scope, "RemoveOld", bucket=bucket, objects="$old")
    tidy = sfn.Succeed.jsonata(scope, "Tidy", outputs={})
    return sfn.Map.jsonata(
        scope, "RemoveOldVersions", items=sfn.ProvideItems.jsonata(jsonata("$next")), outputs={}
    ).item_processor(
        list_versions.next(
            any_old.when(is_true("$count($old) > 0"), remove.next(tidy)).otherwise(tidy)
        )
    )


def _delete(
    scope: Construct, state: str, *, bucket: s3.IBucket, objects: str
) -> tasks.CallAwsService:
    task = tasks.CallAwsService.jsonata(
        scope,
        state,
        service="s3",
        action="deleteObjects",
        iam_action="s3:DeleteObject",
        iam_resources=[bucket.arn_for_objects(f"{VIEWS}/*")],
        parameters={
            "Bucket": bucket.bucket_name,
            "Delete": {"Objects": jsonata(objects), "Quiet": True},
        },
        task_timeout=TIME_OUT,
        outputs={},
    )
    retry(task, S3_SDK_FAULTS, TIME_OUTS)
    return task
