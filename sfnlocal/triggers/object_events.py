"""Events of buckets: what is written or deleted is told to the default event bus.

Only of buckets that ask for it, in the template (the bucket's own property, or the custom resource
that CDK writes for it) or through the API.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import partial

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws

# Detail type and reason of what writes one object or deletes it, by operation.
_EVENTS: Mapping[str, tuple[str, str]] = {
    "PutObject": ("Object Created", "PutObject"),
    "CopyObject": ("Object Created", "CopyObject"),
    "CompleteMultipartUpload": ("Object Created", "CompleteMultipartUpload"),
    "DeleteObject": ("Object Deleted", "DeleteObject"),
}
CUSTOM_RESOURCE = "Custom::S3BucketNotifications"


class ObjectEvents:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._buckets: set[str] = set()
        self._serial = itertools.count(1)
        aws.observe(self._called)

    def load(self) -> None:
        for resource in self._aws.app.of_type("AWS::S3::Bucket"):
            self._ask(resource.name, resource.properties.get("NotificationConfiguration", {}))
        for resource in self._aws.app.of_type(CUSTOM_RESOURCE):
            properties = resource.properties
            self._ask(properties["BucketName"], properties["NotificationConfiguration"])

    def _ask(self, bucket: str, configuration: Mapping[str, Json]) -> None:
        """To be there is enough for the API's EventBridgeConfiguration; CloudFormation's says."""
        wanted = configuration.get("EventBridgeConfiguration", {"EventBridgeEnabled": False})
        if str(wanted.get("EventBridgeEnabled", True)).lower() == "true":
            self._buckets.add(bucket)
        else:
            self._buckets.discard(bucket)

    def _called(
        self, service: str, operation: str, params: dict[str, Json], response: dict[str, Json]
    ) -> None:
        """In the middle of the writer's call, so the event is sent after it."""
        if service != "s3" or "Bucket" not in params:
            return
        bucket = params["Bucket"]
        if operation == "PutBucketNotificationConfiguration":
            self._ask(bucket, params["NotificationConfiguration"])
        elif bucket in self._buckets:
            for detail_type, reason, key, version in _changes(operation, params, response):
                emit = partial(self._emit, bucket, detail_type, reason, key, version)
                self._aws.at(self._aws.now_ms, emit)

    def _emit(
        self, bucket: str, detail_type: str, reason: str, key: str, version: str | None
    ) -> None:
        written: dict[str, Json] = {"key": key}
        if detail_type == "Object Created":
            try:
                head = self._aws.call("s3", "HeadObject", {"Bucket": bucket, "Key": key})
            except ApiError:
                head = {}  # deleted since
            if head:
                written |= {"size": head["ContentLength"], "etag": head["ETag"].strip('"')}
        if version is not None:
            written["version-id"] = version
        serial = next(self._serial)
        written["sequencer"] = f"{self._aws.now_ms:014X}{serial:04X}"
        detail: dict[str, Json] = {
            "version": "0",
            "bucket": {"name": bucket},
            "object": written,
            "request-id": f"{serial:016X}",
            "requester": self._aws.app.account,
            "source-ip-address": "127.0.0.1",
            "reason": reason,
        }
        if detail_type == "Object Deleted":
            marked = "Delete Marker Created" if version is not None else "Permanently Deleted"
            detail["deletion-type"] = marked
        partition = self._aws.app.partition
        self._aws.emit("aws.s3", detail_type, detail, [f"arn:{partition}:s3:::{bucket}"])


def _changes(
    operation: str, params: Mapping[str, Json], response: Mapping[str, Json]
) -> Iterator[tuple[str, str, str, str | None]]:
    """Detail type, reason, key and version id of each object that the call changed."""
    if operation == "DeleteObjects":
        for deleted in response.get("Deleted", []):
            version = deleted.get("DeleteMarkerVersionId")
            yield "Object Deleted", "DeleteObject", deleted["Key"], version
    elif operation in _EVENTS:
        yield *_EVENTS[operation], params["Key"], response.get("VersionId")
