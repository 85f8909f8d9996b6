"""Who may call a route: AWS_IAM, JWT and Lambda authorizers.

`authorize` raises a Refusal where the request may not pass, and leaves in the call what the
authorizer found. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from sfnlocal.errors import ApiError, InputError
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.triggers.http_authorizer_resources import Authorizer
from sfnlocal.triggers.http_calls import Call
from sfnlocal.triggers.http_events import request_part
from sfnlocal.triggers.http_functions import with_stage_variables
from sfnlocal.triggers.http_jwt import TokenError, verified_claims
from sfnlocal.triggers.http_messages import Identity, Refusal
from sfnlocal.triggers.http_parameters import Unresolved
from sfnlocal.triggers.http_signatures import Credentials, SignatureError, signer

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
_TIMEOUT_MS = 10_000
_VERDICTS_MAX = 10_000
_ACTION = "execute-api:Invoke"


class _Verdict(NamedTuple):
    """A Lambda authorizer's answer. `policy` None: a simple response, which is `allowed`."""

    allowed: bool
    policy: Json
    context: Mapping[str, Json]
    principal_id: str


class Authorizers:
    """`trusted` are the JSON Web Key Sets of issuers; `credentials` by access key."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.trusted: dict[str, Json] = {}
        self.credentials: dict[str, Credentials] = {}
        self._verdicts: dict[tuple[str, tuple[str, ...]], tuple[int, _Verdict]] = {}
        self._kinds: Mapping[str, Callable[[Call], None]] = {
            "NONE": lambda call: None,
            "AWS_IAM": self._iam,
            "JWT": self._jwt,
            "CUSTOM": self._lambda,
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
        values = _identity(authorizer, call)
        if values is None:
            raise Refusal(
                401, "Unauthorized", {"www-authenticate": "Bearer"}, reason=_no_identity(authorizer)
            )
        keys = self.trusted.get(authorizer.issuer)
        if keys is None:
            raise InputError(
                f"the keys of the issuer {authorizer.issuer} are not known here",
                where=authorizer.where,
                hint="give them with http_apis.trust(issuer, jwks): nothing is fetched",
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

    # Lambda

    def _lambda(self, call: Call) -> None:
        authorizer = call.route.authorizer
        assert authorizer is not None
        values = _identity(authorizer, call)
        if values is None:
            raise Refusal(401, "Unauthorized", reason=_no_identity(authorizer))
        verdict = self._verdict(authorizer, call, values)
        allowed = verdict.allowed
        if verdict.policy is not None:
            allowed = _policy_allows(verdict.policy, self.route_arn(call))
        if not allowed:
            raise Refusal(403, "Forbidden", reason="the authorizer's function does not allow it")
        call.lambda_context = verdict.context
        call.principal_id = verdict.principal_id

    def _verdict(self, authorizer: Authorizer, call: Call, values: tuple[str, ...]) -> _Verdict:
        key = (f"{call.api.id}/{call.stage.name}/{authorizer.id}", values)
        until_ms, verdict = self._verdicts.get(key, (0, None))
        if verdict is None or call.now_ms >= until_ms:
            verdict = self._asked(authorizer, call, values)
            if authorizer.ttl_ms:
                self._forget(call.now_ms)
                self._verdicts[key] = (call.now_ms + authorizer.ttl_ms, verdict)
        return verdict

    def _forget(self, now_ms: int) -> None:
        """A server that runs for weeks sees many tokens."""
        if len(self._verdicts) >= _VERDICTS_MAX:
            kept = {key: one for key, one in self._verdicts.items() if one[0] > now_ms}
            self._verdicts = kept if len(kept) < _VERDICTS_MAX else {}

    def _asked(self, authorizer: Authorizer, call: Call, values: tuple[str, ...]) -> _Verdict:
        arn = with_stage_variables(authorizer.function_arn, call.stage.variables)
        event = self._event(authorizer, call, values)
        try:
            answer = self._aws.functions.invoke(arn, event, now_ms=self._aws.now_ms)
        except ApiError as error:
            raise _broken(arn, f"{error.aws_code}: {error.message}") from None
        if answer.function_error is not None:
            raise _broken(arn, f"the function failed: {answer.payload_text}")
        if answer.elapsed_ms > _TIMEOUT_MS:
            raise _broken(arn, f"no response within {_TIMEOUT_MS} ms")
        verdict = _read_verdict(answer.payload, simple=authorizer.simple_responses)
        if verdict is None:
            raise _broken(arn, f"a response in a wrong form: {answer.payload_text}")
        return verdict

    def _event(
        self, authorizer: Authorizer, call: Call, values: tuple[str, ...]
    ) -> dict[str, Json]:
        request = call.request
        if authorizer.payload_version == "2.0":
            path = call.full_path
            part = request_part(call, request.headers, call.query, path, request.query)
            shown = {"version": "2.0", "type": "REQUEST", "routeArn": self.route_arn(call)}
            return {**part, **shown, "identitySource": list(values)}
        return {
            "version": "1.0",
            "type": "REQUEST",
            "methodArn": self.route_arn(call),
            "identitySource": ",".join(values),
            "authorizationToken": ",".join(values),
            "resource": call.route.key.path,
            "path": call.full_path,
            "httpMethod": request.method,
            "headers": dict(request.headers),
            "queryStringParameters": {name: one[-1] for name, one in call.query.items()},
            "pathParameters": dict(call.path_parameters),
            "stageVariables": dict(call.stage.variables),
            "requestContext": {
                "accountId": call.account,
                "apiId": call.api.id,
                "domainName": call.domain,
                "httpMethod": request.method,
                "identity": {
                    "sourceIp": request.source_ip,
                    "userAgent": request.headers.get("user-agent", ""),
                },
                "path": call.full_path,
                "requestId": call.request_id,
                "requestTime": call.time,
                "requestTimeEpoch": call.now_ms,
                "resourcePath": call.route.key.path,
                "stage": call.stage.name,
            },
        }

    def route_arn(self, call: Call) -> str:
        """`arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/GET/pets/6`."""
        app = self._aws.app
        api = f"arn:{app.partition}:execute-api:{app.region}:{app.account}:{call.api.id}"
        return f"{api}/{call.stage.name}/{call.request.method}{call.path}"


def _broken(arn: str, problem: str) -> Refusal:
    return Refusal(500, "Internal Server Error", reason=f"authorizer {arn}: {problem}")


def _no_identity(authorizer: Authorizer) -> str:
    return f"the request does not have {', '.join(authorizer.identity_sources)}"


def _identity(authorizer: Authorizer, call: Call) -> tuple[str, ...] | None:
    """What the identity sources find; None where one finds nothing."""
    scope = call.scope()
    try:
        values = tuple(scope.value(source) for source in authorizer.identity_sources)
    except Unresolved:
        return None
    return values if all(values) else None


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


def _read_verdict(payload: Json, *, simple: bool) -> _Verdict | None:
    """None where it is in a wrong form."""
    if not isinstance(payload, dict):
        return None
    context = payload.get("context") or {}
    if not isinstance(context, dict):
        return None
    if simple:
        allowed = payload.get("isAuthorized")
        return _Verdict(allowed, None, context, "") if isinstance(allowed, bool) else None
    policy, principal_id = payload.get("policyDocument"), payload.get("principalId")
    if not isinstance(policy, dict) or not isinstance(principal_id, str):
        return None
    return _Verdict(False, policy, context, principal_id)


def _policy_allows(policy: Mapping[str, Json], route_arn: str) -> bool:
    effects = {
        statement.get("Effect")
        for statement in _listed(policy.get("Statement"))
        if any(fnmatchcase(_ACTION, action) for action in _listed(statement.get("Action")))
        and any(_covers(pattern, route_arn) for pattern in _listed(statement.get("Resource")))
    }
    return "Allow" in effects and "Deny" not in effects


def _covers(pattern: str, route_arn: str) -> bool:
    """`*` and `?` are the only wildcards of IAM."""
    parts = (re.escape(part) for part in pattern)
    text = "".join({r"\*": ".*", r"\?": "."}.get(part, part) for part in parts)
    return re.fullmatch(text, route_arn, re.DOTALL) is not None


def _listed(value: Json) -> Iterable[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
