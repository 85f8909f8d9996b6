"""What stands in queues, tables and buckets is read, and stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.reports.contents import contents, render_contents
from sfnlocal.template import load_app, short_ids
from sfnlocal.template.resources import Resource

TEMPLATE = {
    "Resources": {
        "Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "jobs"}},
        "Quiet": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "quiet"}},
        "Things": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "things",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        },
        "Files": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "files"}},
        "News": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "news"}},
        "NewsToJobs": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "News"},
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Jobs", "Arn"]},
            },
        },
    }
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Session]:
    template = tmp_path / "template.json"
    template.write_text(json.dumps(TEMPLATE))
    with Session(load_app(template)) as session:
        yield session


def fill(running: Session) -> None:
    sqs = running.aws.client("sqs")
    url = running.app.of_type("AWS::SQS::Queue")[0].name
    for number in range(23):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"number": number}))
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=60)
    running.aws.client("dynamodb").put_item(
        TableName="things",
        Item={
            "id": {"S": "a"},
            "count": {"N": "3"},
            "price": {"N": "1.5"},
            "tags": {"SS": ["y", "x"]},
            "list": {"L": [{"BOOL": True}, {"NULL": True}]},
        },
    )
    running.aws.client("s3").put_object(Bucket="files", Key="a.txt", Body=b"four")


def test_everything_is_read(running: Session) -> None:
    fill(running)
    found = contents(running)
    jobs, quiet = found.queues
    assert (jobs.name, jobs.visible, jobs.in_flight, jobs.delayed) == ("Jobs", 23, 0, 1)
    assert jobs.messages == [{"number": number} for number in range(10)]
    assert quiet.messages == []
    assert found.tables[0].items == [
        {"id": "a", "count": 3, "price": 1.5, "tags": ["x", "y"], "list": [True, None]}
    ]
    assert found.buckets[0].objects == {"a.txt": 4}
    assert found.topics[0].subscriptions == ["sqs arn:aws:sqs:us-east-1:123456789012:jobs"]


def test_messages_stay_visible(running: Session) -> None:
    fill(running)
    assert contents(running) == contents(running)


def test_a_message_in_flight_is_counted(running: Session) -> None:
    fill(running)
    url = running.app.of_type("AWS::SQS::Queue")[0].name
    running.aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    assert contents(running).queues[0].in_flight == 1


def test_text_names_what_is_empty_and_shortens_what_is_long(running: Session) -> None:
    assert render_contents(contents(running)).splitlines() == [
        "topic News: 1 subscription",
        "  -> sqs arn:aws:sqs:us-east-1:123456789012:jobs",
        "empty: queue Jobs, queue Quiet, table Things, bucket Files",
    ]
    fill(running)
    lines = render_contents(contents(running)).splitlines()
    assert lines[0] == "queue Jobs: 23 visible, 1 delayed"
    assert lines[10:12] == ['  {"number":9}', "  ... and 13 more"]
    assert "  a.txt: 4 bytes" in lines


def resource(path: str) -> Resource:
    return Resource("stack", path, "T", path, path, "", {}, path)


def test_names_are_as_long_as_they_must_be_to_differ() -> None:
    resources = [
        resource("App/Pay/Function"),
        resource("App/Ship/Function"),
        resource("App/Queue"),
        resource("Queues"),
    ]
    assert short_ids(resources) == {
        "App/Pay/Function": "Pay/Function",
        "App/Ship/Function": "Ship/Function",
        "App/Queue": "Queue",
        "Queues": "Queues",
    }
