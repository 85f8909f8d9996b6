"""Who may call a route: AWS_IAM, JWT and Lambda authorizers.

`authorize` raises a Refusal where the request may not pass, and leaves in the call what the
authorizer found. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from sfnlocal.errors import InputError
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.triggers.http_calls import Call
from sfnlocal.triggers.http_identity import identity_values, no_identity
from sfnlocal.triggers.http_jwt import TokenError, verified_claims
from sfnlocal.triggers.http_lambda_authorizers import LambdaAuthorizers
from sfnlocal.triggers.http_messages import Identity, Refusal
from sfnlocal.triggers.http_signatures import Credentials, SignatureError, signer


class Authorizers:
    """`trusted` are the JSON Web Key Sets of issuers; `credentials` by access key."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.trusted: dict[str, Json] = {}
        self.credentials: dict[str, Credentials] = {}
        self._lambdas = LambdaAuthorizers(aws)
        self._kinds: Mapping[str, Callable[[Call], None]] = {
            "NONE": lambda call: None,
            "AWS_IAM": self._iam,
            "JWT": self._jwt,
            "CUSTOM": self._lambdas.authorize,
        }

    def authorize(self, call: Call) -> None:
        self._kinds[call.route.authorization](call)

    # AWS_IAM

    def _iam(self, call: Call) -> None:
        identity = call.request.identity or self._signer(call)
        account = identity.account or call.account
        arn = identity.arn or f"arn:{self._aws.app.partition}:iam::{account}:user/local"
        call.identity = replace(identity, account=account, arn=arn)

    def _signer(self, call: Call) -> Identity:
        try:
            known = signer(call.request, self.credentials, self._aws.app.region, call.now_ms)
        except SignatureError as error:
            raise Refusal(403, "Forbidden", reason=str(error)) from None
        return known.identity

    # JWT

    def _jwt(self, call: Call) -> None:
        authorizer = call.route.authorizer
        assert authorizer is not None
        values = identity_values(authorizer, call)
        if values is None:
            raise Refusal(
                401, "Unauthorized", {"www-authenticate": "Bearer"}, reason=no_identity(authorizer)
            )
        keys = self.trusted.get(authorizer.issuer)
        if keys is None:
            raise InputError(
                f"the keys of the issuer {authorizer.issuer} are not known here",
                where=authorizer.where,
                hint="http_apis.trust(issuer, jwks), or sfnlocal serve --jwks ISSUER=FILE",
            )
        token = re.sub("^Bearer +", "", values[0], flags=re.IGNORECASE)
        scopes = " ".join(call.route.scopes)
        try:
            claims = verified_claims(
                token, keys, authorizer.issuer, authorizer.audience, call.now_ms // 1000
            )
        except TokenError as error:
            told = f'Bearer scope="{scopes}" error="invalid_token" error_description="{error}"'
            headers = {"www-authenticate": told}
            raise Refusal(401, "Unauthorized", headers, reason=str(error)) from None
        if call.route.scopes and not _granted(claims).intersection(call.route.scopes):
            described = "the token does not have a required scope"
            told = f'Bearer scope="{scopes}" error="insufficient_scope"'
            told += f' error_description="{described}"'
            raise Refusal(403, "Forbidden", {"www-authenticate": told}, reason=described)
        call.jwt = {name: _claim_text(value) for name, value in claims.items()}


def _granted(claims: Mapping[str, Json]) -> set[str]:
    scopes = claims.get("scope", claims.get("scp", ""))
    return set(map(str, scopes)) if isinstance(scopes, list) else set(str(scopes).split())


def _claim_text(value: Json) -> str:
    """All claims are handed on as texts: `[a b]`, `true`, `1767225600`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{' '.join(map(_claim_text, value))}]"
    return str(value)
