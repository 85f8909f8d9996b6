"""Callers of the HTTP APIs: tokens that an issuer signs, and the keys by which it is known."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sfnlocal.testing import LocalApp
from sfnlocal.triggers.http_messages import HttpResponse

AUTHORIZER = "AWS::ApiGatewayV2::Authorizer"


@cache
def signing_key(name: str) -> rsa.RSAPrivateKey:
    """One a name: making a key takes longer than a test."""
    return rsa.generate_private_key(65537, 2048)


def trust_issuer(app: LocalApp) -> None:
    """The APIs of the app know the keys of the issuer that they name."""
    numbers = signing_key("issuer").public_key().public_numbers()
    key = {
        "kty": "RSA",
        "kid": "one",
        "alg": "RS256",
        "n": _text(numbers.n.to_bytes(256, "big")),
        "e": _text(numbers.e.to_bytes(3, "big")),
    }
    app.session.triggers.http_apis.trust(issuer(app)["Issuer"], {"keys": [key]})


def issuer(app: LocalApp) -> dict[str, Any]:
    """Issuer and Audience, as the authorizers have them: all the same."""
    [found] = {
        json.dumps(one.properties["JwtConfiguration"], sort_keys=True)
        for one in app.app.of_type(AUTHORIZER)
        if one.properties["AuthorizerType"] == "JWT"
    }
    settings: dict[str, Any] = json.loads(found)
    return settings


def token(app: LocalApp, subject: str = "c-7", *, key: str = "issuer", **claims: Any) -> str:
    """An access token as a Cognito user pool signs one, good for an hour."""
    expected = issuer(app)
    payload = {
        "iss": expected["Issuer"],
        "client_id": expected["Audience"][0],
        "sub": subject,
        "exp": app.session.now_ms // 1000 + 3600,
        **claims,
    }
    parts = [_text(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "one"}, payload)]
    signed = ".".join(parts)
    signature = signing_key(key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_text(signature)}"


def ask(
    app: LocalApp, method: str, path: str, *, api: str, caller: str = "c-7", **options: Any
) -> HttpResponse:
    """A request with a caller's token; `headers` win over it."""
    headers = {"authorization": f"Bearer {token(app, caller)}", **options.pop("headers", {})}
    return app.request(method, path, api=api, headers=headers, **options)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
