"""API Gateway's HTTP APIs: a request in, a response out, in virtual time.

What answers is loaded with the first app that has an API: most have none.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws

if TYPE_CHECKING:
    from sfnlocal.services.presigned_urls import PresignedUrl
    from sfnlocal.triggers.http_api_resources import HttpApi
    from sfnlocal.triggers.http_gateway import ApiGateway
    from sfnlocal.triggers.http_messages import HttpResponse, Identity, Query

_API = "AWS::ApiGatewayV2::Api"


class HttpApis:
    """`load` before requests. Presigned URLs of S3 are requests too."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._gateway: ApiGateway | None = None
        # What clients of this process, and handlers, sign with.
        self._secrets = {"local": "local"}

    def load(self) -> None:
        """Raises InputError for what AWS would refuse."""
        if self._aws.app.of_type(_API):
            self._gateway = self.gateway

    @property
    def gateway(self) -> ApiGateway:
        if self._gateway is None:
            from sfnlocal.triggers.http_gateway import ApiGateway

            self._gateway = ApiGateway(self._aws)
        return self._gateway

    def trust(self, issuer: str, jwks: Json) -> None:
        """The keys of an issuer of JSON Web Tokens, as its jwks_uri answers them: nothing is
        fetched."""
        self.gateway.trust(issuer, jwks)

    def know(self, access_key: str, secret_key: str, arn: str = "", user_id: str = "") -> None:
        """Credentials that may sign requests to routes with AWS_IAM; `local` and `local`, which
        clients of this process have, are known."""
        self._secrets[access_key] = secret_key
        self.gateway.know(access_key, secret_key, arn, user_id)

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Query | None = None,
        body: bytes | str = b"",
        api: str | None = None,
        stage: str | None = None,
        source_ip: str = "127.0.0.1",
        identity: Identity | None = None,
    ) -> HttpResponse:
        """One request. A path goes to `api` (by name, logical id, construct path or id; the app's
        only one) and `stage` (the one that the path begins with, $default, or the API's only one);
        a URL says both itself, and may be a presigned one of S3. With an `identity` the request
        counts as signed by it."""
        content = body.encode() if isinstance(body, str) else body
        shown = {name.lower(): text for name, text in (headers or {}).items()}
        if "://" in path_or_url:
            from sfnlocal.services.presigned_urls import read_presigned

            presigned = read_presigned(path_or_url)
            if presigned is not None:
                shown.setdefault("host", presigned.host)
                return self.answer_presigned(presigned, method.upper(), shown, content)
        from sfnlocal.triggers.http_messages import HttpRequest

        gateway = self.gateway
        to = gateway.addressed(path_or_url, query, api, stage)
        shown.setdefault("host", to.host)
        if content:
            shown.setdefault("content-length", str(len(content)))
        request = HttpRequest(
            method.upper(), to.path, to.query, shown, content, source_ip, to.host, identity
        )
        return gateway.answer(to.api, request)

    def answer_presigned(
        self, presigned: PresignedUrl, method: str, headers: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        """What S3 answers to a presigned URL; `headers` are in lower case."""
        from sfnlocal.triggers.presigned_requests import answer_presigned

        return answer_presigned(self._aws, presigned, method, headers, body, self._secrets.get)

    def by_name(self) -> dict[str, HttpApi]:
        """The APIs that run here by id, and by the shortest end of their construct path that is
        clear, as a part of a host name."""
        return {} if self._gateway is None else self._gateway.by_name()
