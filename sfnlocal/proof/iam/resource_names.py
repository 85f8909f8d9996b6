"""ARNs of what calls name otherwise: queue URLs, bucket names, table names, partial ARNs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from sfnlocal.ports import Json
from sfnlocal.services.function_registry import parse_name
from sfnlocal.template.resources import App, Resource


class Home:
    """The account and region that the app is in, with its resources by name. `token_owner` gives
    the ARN of the state machine that waits for a task token, or nothing."""

    def __init__(self, app: App, token_owner: Callable[[str], str] = lambda token: "") -> None:
        self.app = app
        self.token_owner = token_owner
        self.partition: Final = app.partition
        self.region: Final = app.region
        self.account: Final = app.account
        self._by_arn = {one.arn: one for one in app.resources if one.arn}
        self._keys = dict(self._key_names())
        # Is anything encrypted with a key that is not AWS's own?
        self.has_keys = any(map(_names_a_key, app.resources))

    def resource(self, arn: str) -> Resource | None:
        """The template's, by ARN."""
        return self._by_arn.get(arn)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def queue_arn(self, url: str) -> str:
        """From its URL, its name or its ARN."""
        if url.startswith("arn:"):
            return url
        *_, account, name = ("", self.account, *urlsplit(url).path.strip("/").split("/"))
        return f"arn:{self.partition}:sqs:{self.region}:{account}:{name}"

    def table_arn(self, name: str) -> str:
        return name if name.startswith("arn:") else self.arn("dynamodb", f"table/{name}")

    def bucket_arn(self, name: str) -> str:
        return name if name.startswith("arn:") else f"arn:{self.partition}:s3:::{name}"

    def function_arn(self, name: str, qualifier: str | None = None) -> str:
        """With the qualifier that the name or the call has."""
        parsed = parse_name(name)
        asked = parsed.qualifier or qualifier
        arn = self.arn("lambda", f"function:{parsed.name}")
        return f"{arn}:{asked}" if asked else arn

    def secret_arn(self, name_or_arn: str) -> str:
        if name_or_arn.startswith("arn:"):
            return name_or_arn
        prefix = self.arn("secretsmanager", f"secret:{name_or_arn}-")
        known = (arn for arn in self._by_arn if arn.startswith(prefix))
        exact = (arn for arn in known if len(arn) == len(prefix) + 6)
        return next(exact, f"{prefix}??????")

    def parameter_arn(self, name: str) -> str:
        if name.startswith("arn:"):
            return name
        return self.arn("ssm", f"parameter/{name.removeprefix('/').partition(':')[0]}")

    def key_arn(self, key: str) -> str:
        """From its id, ARN or alias. Empty for AWS's own keys, which need no permission."""
        name = key.rpartition(":")[2]
        if name.startswith("alias/aws/"):
            return ""
        if name in self._keys:
            return self._keys[name]
        if key.startswith("arn:"):
            return key
        return self.arn("kms", key if key.startswith("alias/") else f"key/{key}")

    def _key_names(self) -> list[tuple[str, str]]:
        keys = self.app.of_type("AWS::KMS::Key")
        names = [(one.name, one.arn) for one in keys]
        by_any = dict(names) | {one.arn: one.arn for one in keys}
        for alias in self.app.of_type("AWS::KMS::Alias"):
            target: Json = alias.properties["TargetKeyId"]
            if target in by_any:
                names.append((alias.properties["AliasName"], by_any[target]))
        return names


def _names_a_key(resource: Resource) -> bool:
    named = "KmsMasterKeyId", "KmsKeyId", "SSESpecification", "BucketEncryption"
    return any(name in resource.properties for name in named)
