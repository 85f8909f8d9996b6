"""JSON Web Tokens, verified as an HTTP API does: RSA signatures, issuer, audience, times.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from sfnlocal.ports import Json

# Only RSA, says the documentation.
_DIGESTS = {"RS256": "SHA256", "RS384": "SHA384", "RS512": "SHA512"}


class TokenError(ValueError):
    """Why the token is none; it is told the client in www-authenticate."""


def verified_claims(
    token: str, jwks: Json, issuer: str, audience: tuple[str, ...], now_seconds: int
) -> dict[str, Json]:
    """Raises TokenError."""
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenError("the token has an invalid number of segments")
    header, claims = _object(parts[0]), _object(parts[1])
    _check_signature(header, f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2]), jwks)
    if claims.get("iss") != issuer:
        raise TokenError("the token does not have a valid issuer")
    given = claims.get("aud", claims.get("client_id"))
    if not set(given if isinstance(given, list) else [given]).intersection(audience):
        raise TokenError("the token does not have a valid audience")
    _check_times(claims, now_seconds)
    return claims


def _check_times(claims: Mapping[str, Json], now_seconds: int) -> None:
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        if name == "exp" and value is None:
            raise TokenError("the token does not expire")
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise TokenError(f"the token does not have a valid {name}")
    if claims["exp"] <= now_seconds:
        raise TokenError("the token has expired")
    if claims.get("nbf", 0) > now_seconds:
        raise TokenError("the token is not valid yet")
    if claims.get("iat", 0) > now_seconds:
        raise TokenError("the token was issued in the future")


def _check_signature(
    header: Mapping[str, Json], signed: bytes, signature: bytes, jwks: Json
) -> None:
    digest = _DIGESTS.get(header.get("alg", ""))
    if digest is None:
        raise TokenError("the token does not have a valid signing method")
    key = next((one for one in jwks.get("keys", []) if one.get("kid") == header.get("kid")), None)
    if key is None or header.get("kid") is None or key.get("kty") != "RSA":
        raise TokenError("the token does not have a valid key id")
    # Loaded here: few APIs have JWT authorizers.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    numbers = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"]))
    algorithm: Any = getattr(hashes, digest)()
    try:
        numbers.public_key().verify(signature, signed, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        raise TokenError("the token does not have a valid signature") from None


def _object(part: str) -> dict[str, Json]:
    try:
        value = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise TokenError("the token is malformed")
    return value


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError("the token is malformed") from None


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")
