"""The branch of the device ingest that tells a device's group when it is over its limit: once for
each message that is newer than the last alert's.

The topic is the group's; an alert that was told is noted in the device's item.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.devices.payloads import Alert
from workflows.device_branch import TIME_OUT, BranchLetter
from workflows.device_record import NOT_NEWER, update_device
from workflows.jsonata import jsonata, value_of
from workflows.queue import Queue
from workflows.retry_policy import TIME_OUTS, retry, service_faults

SNS_SDK_FAULTS = service_faults(
    "Sns.InternalErrorException",
    "Sns.SdkClientException",
    "Sns.SnsException",
    "Sns.ThrottledException",
)


def alert_branch(
    scope: Construct,
    *,
    devices: dynamodb.ITable,
    topics: Mapping[str, sns.ITopic],
    dead: Queue,
) -> sfn.IChainable:
    """An alert that was told is noted: the same message, or an older one, tells none again."""
    is_over = sfn.Choice.jsonata(scope, "IsOverLimit")
    no_alert = sfn.Pass.jsonata(scope, "NoAlert", outputs={"alert": "NONE"})
    publish = tasks.CallAwsService.jsonata(
        scope,
        "PublishAlert",
        service="sns",
        action="publish",
        iam_action="sns:Publish",
        iam_resources=[topic.topic_arn for topic in topics.values()],
        parameters={
            "TopicArn": jsonata("$lookup($topics, $device.group)"),
            "Subject": jsonata("$message.deviceId & ' is over its limit'"),
            "Message": jsonata("$string($alert)"),
        },
        task_timeout=TIME_OUT,
    )
    retry(publish, SNS_SDK_FAULTS, TIME_OUTS)
    note = update_device(
        scope,
        "NoteAlert",
        devices=devices,
        update="SET alertedAtMs = :at",
        condition="attribute_not_exists(alertedAtMs) OR alertedAtMs < :at",
        values={},
        outputs={"alert": "TOLD"},
    )
    told_meanwhile = sfn.Pass.jsonata(scope, "ToldMeanwhile", outputs={"alert": "TOLD"})
    note.add_catch(told_meanwhile, errors=[NOT_NEWER])
    BranchLetter(scope, "Alert", queue=dead).catch(publish, note)

    alert = sfn.Pass.jsonata(
        scope,
        "WriteAlert",
        assign={
            "topics": {name: topic.topic_arn for name, topic in topics.items()},
            "alert": dict(
                Alert(
                    deviceId=jsonata("$message.deviceId"),
                    group=jsonata("$device.group"),
                    measuredAt=jsonata("$measuredAt"),
                    measuredAtMs=value_of("$message.measuredAtMs"),
                    celsius=value_of("$celsius"),
                    limitCelsius=value_of("$device.limitCelsius"),
                )
            ),
        },
    )
    is_new = jsonata(
        """$device.limitCelsius = null ? false :
        $celsius > $device.limitCelsius and $message.measuredAtMs > $device.alertedAtMs"""
    )
    return is_over.when(sfn.Condition.jsonata(is_new), alert.next(publish).next(note)).otherwise(
        no_alert
    )
