"""The template's resources exist in moto as the template describes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfnlocal.errors import InputError
from sfnlocal.services.aws import Aws
from sfnlocal.services.provision import ON_FIRST_CALL, provision
from sfnlocal.services.simulated import IGNORED_TYPES, MOTO_TYPES, SUPPORTED_TYPES, not_simulated

from .conftest import ACCOUNT, QUEUE_ARN, QUEUE_URL, REGION, make_app, queue, resource, table

Start = Callable[..., Aws]


def attributes(aws: Aws, name: str) -> dict[str, str]:
    client = aws.client("sqs")
    answer = client.get_queue_attributes(QueueUrl=QUEUE_URL + name, AttributeNames=["All"])
    found: dict[str, str] = answer["Attributes"]
    return found


def test_a_queue_may_stand_before_its_dead_letter_queue(started: Start) -> None:
    policy = {"deadLetterTargetArn": QUEUE_ARN + "dead", "maxReceiveCount": 3}
    aws = started(queue("q", RedrivePolicy=policy), queue("dead"))
    assert '"maxReceiveCount":3' in attributes(aws, "q")["RedrivePolicy"].replace(" ", "")


def test_a_queue_has_its_attributes_also_where_the_template_has_texts(started: Start) -> None:
    aws = started(
        queue(
            "q", VisibilityTimeout="45", MessageRetentionPeriod=1209600, SqsManagedSseEnabled=True
        )
    )
    found = attributes(aws, "q")
    assert (found["VisibilityTimeout"], found["MessageRetentionPeriod"]) == ("45", "1209600")
    assert found["SqsManagedSseEnabled"] == "true"


def test_a_fifo_queue_is_one(started: Start) -> None:
    aws = started(queue("q.fifo", FifoQueue=True, ContentBasedDeduplication="true"))
    client, url = aws.client("sqs"), QUEUE_URL + "q.fifo"
    for _ in range(2):
        client.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    received = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert len(received) == 1, "content-based deduplication"


def test_a_table_has_its_keys_indexes_stream_expiry_and_recovery(started: Start) -> None:
    index = {
        "IndexName": "by-status",
        "KeySchema": [{"AttributeName": "status", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    orders = table(
        "orders",
        GlobalSecondaryIndexes=[index],
        StreamSpecification={"StreamViewType": "NEW_IMAGE"},
        TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": "true"},
        SSESpecification={"SSEEnabled": True},
    )
    orders.properties["AttributeDefinitions"].append(  # the index's key
        {"AttributeName": "status", "AttributeType": "S"}
    )
    client = started(orders).client("dynamodb")
    description = client.describe_table(TableName="orders")["Table"]
    assert [one["IndexName"] for one in description["GlobalSecondaryIndexes"]] == ["by-status"]
    assert description["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
    assert description["SSEDescription"]["Status"] == "ENABLED"
    expiry = client.describe_time_to_live(TableName="orders")["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    backups = client.describe_continuous_backups(TableName="orders")
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_global_table_is_its_replica_of_this_region(started: Start) -> None:
    source = table("orders").properties
    replicas = [{"Region": "us-west-2"}, {"Region": REGION, "Tags": [{"Key": "a", "Value": "b"}]}]
    one = resource("AWS::DynamoDB::GlobalTable", "orders", **source, Replicas=replicas)
    client = started(one).client("dynamodb")
    arn = client.describe_table(TableName="orders")["Table"]["TableArn"]
    tags = client.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]


def test_a_bucket_has_its_versions_and_rules(started: Start) -> None:
    aws = started(
        resource(
            "AWS::S3::Bucket",
            "letters",
            VersioningConfiguration={"Status": "Enabled"},
            LifecycleConfiguration={
                "Rules": [{"Id": "old", "Status": "Enabled", "ExpirationInDays": "90"}]
            },
            PublicAccessBlockConfiguration={"BlockPublicAcls": True},
            BucketEncryption={
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
                ]
            },
        ),
        resource("AWS::S3::Bucket", "plain"),
    )
    client = aws.client("s3")
    assert client.get_bucket_versioning(Bucket="letters")["Status"] == "Enabled"
    [rule] = client.get_bucket_lifecycle_configuration(Bucket="letters")["Rules"]
    assert (rule["ID"], rule["Expiration"]) == ("old", {"Days": 90})
    put = {
        name: client.put_object(Bucket=name, Key="k", Body=b"x") for name in ("letters", "plain")
    }
    assert put["letters"]["ServerSideEncryption"] == "aws:kms"
    assert put["plain"]["ServerSideEncryption"] == "AES256"


SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:card-key-a1b2c3"
KEY_ID = "11111111-2222-4333-8444-555555555555"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}"


@pytest.mark.parametrize(
    ("one", "client", "operation", "params", "found"),
    [
        (
            resource("AWS::SSM::Parameter", "/stage", Value="dev", Tags={"a": "b"}),
            "ssm",
            "get_parameter",
            {"Name": "/stage"},
            lambda answer: answer["Parameter"]["Value"] == "dev",
        ),
        (
            resource("AWS::SecretsManager::Secret", SECRET_ARN, SECRET_ARN, SecretString="s"),
            "secretsmanager",
            "get_secret_value",
            {"SecretId": SECRET_ARN},
            lambda answer: (answer["SecretString"], answer["Name"]) == ("s", "card-key"),
        ),
        (
            resource(
                "AWS::SecretsManager::Secret",
                SECRET_ARN,
                SECRET_ARN,
                GenerateSecretString={"PasswordLength": "12", "ExcludePunctuation": True},
            ),
            "secretsmanager",
            "get_secret_value",
            {"SecretId": "card-key"},
            lambda answer: answer["SecretString"].isalnum() and len(answer["SecretString"]) == 12,
        ),
        (
            resource("AWS::Logs::LogGroup", "/group", RetentionInDays="7"),
            "logs",
            "describe_log_groups",
            {},
            lambda answer: answer["logGroups"][0]["retentionInDays"] == 7,
        ),
        (
            resource("AWS::KMS::Key", KEY_ID, KEY_ARN, KeyPolicy={"Statement": []}),
            "kms",
            "describe_key",
            {"KeyId": KEY_ARN},
            lambda answer: answer["KeyMetadata"]["KeyId"] == KEY_ID,
        ),
    ],
    ids=lambda value: getattr(value, "type", None),
)
def test_a_resource_is_found_under_the_apps_name(
    started: Start,
    one: Any,
    client: str,
    operation: str,
    params: dict[str, str],
    found: Callable[[Any], bool],
) -> None:
    assert found(getattr(started(one).client(client), operation)(**params))


def test_a_key_is_found_by_its_alias(started: Start) -> None:
    aws = started(
        resource("AWS::KMS::Key", KEY_ID, KEY_ARN),
        resource("AWS::KMS::Alias", "alias/k", AliasName="alias/k", TargetKeyId=KEY_ID),
    )
    encrypted = aws.client("kms").encrypt(KeyId="alias/k", Plaintext=b"x")
    assert encrypted["KeyId"] == KEY_ARN


def test_what_aws_would_not_create_is_told_with_its_place(started: Start) -> None:
    with pytest.raises(InputError, match="MaximumMessageSize") as caught:
        started(queue("q", MaximumMessageSize=1))
    assert caught.value.where == f"stack.json#/Resources/{QUEUE_URL}q"
    aws = started(resource("AWS::S3::Bucket", "No Blanks"))
    with pytest.raises(InputError, match="Invalid bucket name") as caught:
        aws.client("s3").list_buckets()
    assert caught.value.where == "stack.json#/Resources/No Blanks"


def test_what_is_not_there_is_listed_with_a_reason() -> None:
    app = make_app(
        queue("q"),
        resource("AWS::S3::Bucket", "quiet"),
        resource("AWS::S3::Bucket", "told", NotificationConfiguration={"QueueConfigurations": []}),
        resource("AWS::SNS::Topic", "news", Subscription=[{"Protocol": "https", "Endpoint": "f"}]),
        resource("AWS::IAM::Role", "role"),
        resource("AWS::CloudWatch::Dashboard", "board"),
        resource("AWS::Glue::Job", "job"),
        resource("AWS::Lambda::Function", "f"),
        resource("AWS::SNS::Subscription", "mail", Protocol="email", TopicArn="t", Endpoint="e"),
        resource("AWS::SNS::Subscription", "fine", Protocol="sqs", TopicArn="t", Endpoint="e"),
    )
    listed = {
        one.resource.logical_id: one.reason
        for one in not_simulated(app, frozenset({"AWS::Lambda::Function"}))
    }
    assert listed == {
        "board": IGNORED_TYPES["AWS::CloudWatch::Dashboard"],
        "job": "sfnlocal does not know AWS::Glue::Job",
        "mail": "subscriptions of protocol email get no messages",
        "news": "subscriptions of protocol https get no messages",
        "told": "the bucket is there, its notifications go to EventBridge only",
    }


def test_what_is_listed_as_simulated_is_what_is_created() -> None:
    with_their_service = {kind for kinds in ON_FIRST_CALL.values() for kind, _ in kinds}
    assert with_their_service | {"AWS::S3::Bucket"} == MOTO_TYPES


def test_a_bucket_is_created_when_somebody_names_it(started: Start) -> None:
    aws = started(resource("AWS::S3::Bucket", "letters"), resource("AWS::S3::Bucket", "reports"))
    client = aws.client("s3")

    def waiting() -> list[str]:
        names = "letters", "reports", "plain"
        return [one for one in names if aws.waits_for_first_call("s3", {"Bucket": one})]

    assert waiting() == ["letters", "reports"]
    client.put_object(Bucket="letters", Key="k", Body=b"x")
    assert waiting() == ["reports"]
    assert {one["Name"] for one in client.list_buckets()["Buckets"]} == {"letters", "reports"}
    assert waiting() == []


def test_a_successor_has_the_same_bucket_without_its_objects(started: Start) -> None:
    bucket = resource("AWS::S3::Bucket", "letters", VersioningConfiguration={"Status": "Enabled"})
    first = started(bucket)

    def put_one(aws: Aws) -> tuple[str, int, str]:
        client = aws.client("s3")
        count = client.list_objects_v2(Bucket="letters")["KeyCount"]
        made = client.put_object(Bucket="letters", Key="o-1", Body=b"one")["VersionId"]
        return client.get_bucket_versioning(Bucket="letters")["Status"], count, made

    found = [put_one(first)]
    aws = first
    try:
        for _ in range(2):
            successor = Aws(first.app, now_ms=first.now_ms)
            aws.hand_over(successor)
            aws = successor
            aws.start()
            provision(aws.app, aws)
            found.append(put_one(aws))
    finally:
        aws.stop()
    version_id = found[0][2]
    assert found == 3 * [("Enabled", 0, version_id)]


def test_the_bucket_that_is_copied_from_is_created_too(started: Start) -> None:
    aws = started(resource("AWS::S3::Bucket", "letters"), resource("AWS::S3::Bucket", "reports"))
    with pytest.raises(ClientError, match="NoSuchKey"):
        aws.client("s3").copy_object(Bucket="letters", Key="k", CopySource="reports/k")
    assert not aws.waits_for_first_call("s3")


def test_no_type_is_both_created_and_ignored() -> None:
    assert SUPPORTED_TYPES.isdisjoint(IGNORED_TYPES)
