"""A Task state's Resource: what it names, in the parts that events and services use.

The optimized integrations and the patterns that each supports:
https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sfnlocal.ports import Pattern, TaskResource


class _Integration(NamedTuple):
    """`jobs` are those of the actions that `.sync` waits for."""

    actions: str
    jobs: str = ""
    token: bool = False


_OPTIMIZED: dict[str, _Integration] = {
    "apigateway": _Integration("invoke", token=True),
    "athena": _Integration(
        "startQueryExecution stopQueryExecution getQueryExecution getQueryResults",
        jobs="startQueryExecution",
    ),
    "batch": _Integration("submitJob", jobs="submitJob"),
    "bedrock": _Integration(
        "invokeModel createModelCustomizationJob", jobs="createModelCustomizationJob", token=True
    ),
    "codebuild": _Integration(
        "startBuild stopBuild batchDeleteBuilds batchGetReports startBuildBatch stopBuildBatch "
        "retryBuildBatch deleteBuildBatch",
        jobs="startBuild startBuildBatch retryBuildBatch",
    ),
    "databrew": _Integration("startJobRun", jobs="startJobRun"),
    "dynamodb": _Integration("getItem putItem updateItem deleteItem"),
    "ecs": _Integration("runTask", jobs="runTask", token=True),
    "eks": _Integration(
        "createCluster deleteCluster createFargateProfile deleteFargateProfile createNodegroup "
        "deleteNodegroup runJob call",
        jobs="createCluster deleteCluster createFargateProfile deleteFargateProfile "
        "createNodegroup deleteNodegroup runJob",
        token=True,
    ),
    "elasticmapreduce": _Integration(
        "createCluster terminateCluster addStep cancelStep setClusterTerminationProtection "
        "modifyInstanceFleetByName modifyInstanceGroupByName",
        jobs="createCluster terminateCluster addStep",
    ),
    "emr-containers": _Integration(
        "createVirtualCluster deleteVirtualCluster startJobRun",
        jobs="deleteVirtualCluster startJobRun",
    ),
    "emr-serverless": _Integration(
        "createApplication startApplication stopApplication deleteApplication startJobRun "
        "cancelJobRun",
        jobs="createApplication startApplication stopApplication deleteApplication startJobRun "
        "cancelJobRun",
    ),
    "events": _Integration("putEvents", token=True),
    "glue": _Integration("startJobRun", jobs="startJobRun"),
    "http": _Integration("invoke"),
    "lambda": _Integration("invoke", token=True),
    "mediaconvert": _Integration("createJob", jobs="createJob"),
    "sagemaker": _Integration(
        "createEndpoint createEndpointConfig createHyperParameterTuningJob createLabelingJob "
        "createModel createProcessingJob createTrainingJob createTransformJob updateEndpoint",
        jobs="createHyperParameterTuningJob createLabelingJob createProcessingJob "
        "createTrainingJob createTransformJob",
    ),
    "sns": _Integration("publish", token=True),
    "sqs": _Integration("sendMessage", token=True),
    "states": _Integration("startExecution", jobs="startExecution", token=True),
}

_SUFFIXES: dict[str, Pattern] = {
    "": "REQUEST_RESPONSE",
    ".sync": "RUN_A_JOB",
    ".sync:2": "RUN_A_JOB",
    ".waitForTaskToken": "WAIT_FOR_TASK_TOKEN",
}

_FUNCTION = re.compile(r"arn:[\w-]+:lambda:[^:]+:[^:]+:function:[\w-]+(:[\w$-]+)?")
_ACTIVITY = re.compile(r"arn:[\w-]+:states:[^:]+:[^:]+:activity:[^:\s]+")
_SERVICE = re.compile(
    r"arn:[\w-]+:states:[^:]*:[^:]*:(aws-sdk:)?([a-z][\w-]*):([a-z]\w*)(\.[\w:]+)?", re.ASCII
)


def parse_resource(arn: str) -> TaskResource:
    """Raises ValueError where AWS would not recognize the resource."""
    if _FUNCTION.fullmatch(arn):
        return TaskResource(arn, "lambda", "", "REQUEST_RESPONSE")
    if _ACTIVITY.fullmatch(arn):
        return TaskResource(arn, "activity", "", "REQUEST_RESPONSE")
    found = _SERVICE.fullmatch(arn)
    if found is None:
        raise ValueError(arn)
    sdk, service, action, suffix = found.group(1), found.group(2), found.group(3), found.group(4)
    suffix = suffix or ""
    pattern = _SUFFIXES.get(suffix)
    if pattern is None or not _supports(sdk, service, action, suffix, pattern):
        raise ValueError(arn)
    return TaskResource(arn, f"{sdk or ''}{service}", f"{action}{suffix}", pattern)


def _supports(sdk: str | None, service: str, action: str, suffix: str, pattern: Pattern) -> bool:
    if sdk:
        return pattern != "RUN_A_JOB"
    integration = _OPTIMIZED.get(service)
    if integration is None or action not in integration.actions.split():
        return False
    if pattern == "RUN_A_JOB":
        # Only Step Functions' own jobs have the second form, with a JSON output.
        second_form = suffix == ".sync:2"
        return action in integration.jobs.split() and (service == "states" or not second_form)
    return pattern == "REQUEST_RESPONSE" or integration.token
