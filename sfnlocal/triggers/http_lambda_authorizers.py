"""Lambda authorizers: a function says whether a request may pass, for a while.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from sfnlocal.errors import ApiError
from sfnlocal.ports import Caller, Json
from sfnlocal.services.aws import Aws
from sfnlocal.triggers.http_authorizer_resources import Authorizer
from sfnlocal.triggers.http_calls import Call, api_arn, route_arn
from sfnlocal.triggers.http_events import request_part
from sfnlocal.triggers.http_functions import PRINCIPAL, invoked, with_stage_variables
from sfnlocal.triggers.http_identity import identity_values, no_identity
from sfnlocal.triggers.http_messages import Refusal

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


class LambdaAuthorizers:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        # Until when, by authorizer and identity.
        self._verdicts: dict[tuple[str, tuple[str, ...]], tuple[int, _Verdict]] = {}

    def authorize(self, call: Call) -> None:
        authorizer = call.route.authorizer
        assert authorizer is not None
        values = identity_values(authorizer, call)
        if values is None:
            raise Refusal(401, "Unauthorized", reason=no_identity(authorizer))
        verdict = self._verdict(authorizer, call, values)
        allowed = verdict.allowed
        if verdict.policy is not None:
            allowed = _policy_allows(verdict.policy, route_arn(self._aws, call))
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
            answer = invoked(self._aws, arn, event, self._caller(authorizer, call))
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

    def _caller(self, authorizer: Authorizer, call: Call) -> Caller:
        source_arn = f"{api_arn(self._aws, call)}/authorizers/{authorizer.id}"
        return Caller(PRINCIPAL, source_arn, authorizer.credentials_arn)

    def _event(
        self, authorizer: Authorizer, call: Call, values: tuple[str, ...]
    ) -> dict[str, Json]:
        request = call.request
        if authorizer.payload_version == "2.0":
            path = call.full_path
            part = request_part(call, request.headers, call.query, path, request.query)
            shown = {"version": "2.0", "type": "REQUEST", "routeArn": route_arn(self._aws, call)}
            return {**part, **shown, "identitySource": list(values)}
        return {
            "version": "1.0",
            "type": "REQUEST",
            "methodArn": route_arn(self._aws, call),
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


def _broken(arn: str, problem: str) -> Refusal:
    return Refusal(500, "Internal Server Error", reason=f"authorizer {arn}: {problem}")


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
