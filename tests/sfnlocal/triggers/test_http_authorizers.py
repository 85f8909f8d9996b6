"""JWT, AWS_IAM and Lambda authorizers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sfnlocal.errors import InputError
from sfnlocal.testing import LocalApp, load
from sfnlocal.triggers.http_apis import HttpApis
from sfnlocal.triggers.http_messages import HttpResponse, Identity

TEMPLATE = Path(__file__).parent / "http_app.yaml"
ISSUER = "https://issuer.example"
NOW = 1_767_225_600
KEY, OTHER_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))


@pytest.fixture
def app() -> Iterator[LocalApp]:
    with load(TEMPLATE, iam=False) as app:
        yield app


@pytest.fixture
def apis(app: LocalApp) -> HttpApis:
    apis = app.session.triggers.http_apis
    apis.trust(ISSUER, {"keys": [jwk("one", KEY)]})
    return apis


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(kid: str, key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    return {
        "kty": "RSA",
        "kid": kid,
        "alg": "RS256",
        "n": _text(numbers.n.to_bytes(size, "big")),
        "e": _text(numbers.e.to_bytes(3, "big")),
    }


def token(
    key: rsa.RSAPrivateKey = KEY, *, alg: str = "RS256", kid: str = "one", **claims: Any
) -> str:
    digest = {"RS384": hashes.SHA384(), "RS512": hashes.SHA512()}.get(alg, hashes.SHA256())
    claims = {"iss": ISSUER, "aud": "shop", "exp": NOW + 60, **claims}
    kept = {name: value for name, value in claims.items() if value is not None}
    parts = [_text(json.dumps(one).encode()) for one in ({"alg": alg, "kid": kid}, kept)]
    signed = ".".join(parts)
    return f"{signed}.{_text(key.sign(signed.encode(), padding.PKCS1v15(), digest))}"


def ask(apis: HttpApis, path: str, value: str) -> HttpResponse:
    return apis.request("GET", path, headers={"Authorization": value}, api="Shop")


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", ""])
@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512"])
def test_a_signed_token_passes_with_its_claims_as_texts(
    apis: HttpApis, prefix: str, alg: str
) -> None:
    made = token(alg=alg, sub="me", groups=["a", "b"], admin=True)
    response = ask(apis, "/jwt", prefix + made)
    assert response.json["requestContext"]["authorizer"] == {
        "jwt": {
            "claims": {
                "iss": ISSUER,
                "aud": "shop",
                "exp": str(NOW + 60),
                "sub": "me",
                "groups": "[a b]",
                "admin": "true",
            },
            "scopes": None,
        }
    }


@pytest.mark.parametrize(
    ("made", "described"),
    [
        (lambda: "no token", "the token has an invalid number of segments"),
        (lambda: "a.b.c", "the token is malformed"),
        (lambda: token(OTHER_KEY), "the token does not have a valid signature"),
        (lambda: token(kid="two"), "the token does not have a valid key id"),
        (lambda: token(alg="ES256"), "the token does not have a valid signing method"),
        (lambda: token(alg="none"), "the token does not have a valid signing method"),
        (lambda: token(iss="https://other.example"), "the token does not have a valid issuer"),
        (lambda: token(aud="other"), "the token does not have a valid audience"),
        (lambda: token(aud="other", client_id="shop"), "the token does not have a valid audience"),
        (lambda: token(aud=None), "the token does not have a valid audience"),
        (lambda: token(exp=NOW), "the token has expired"),
        (lambda: token(exp=None), "the token does not expire"),
        (lambda: token(exp="soon"), "the token does not have a valid exp"),
        (lambda: token(nbf=NOW + 1), "the token is not valid yet"),
        (lambda: token(iat=NOW + 1), "the token was issued in the future"),
    ],
)
def test_a_wrong_token_is_unauthorized_and_the_header_says_why(
    apis: HttpApis, made: Callable[[], str], described: str
) -> None:
    response = ask(apis, "/jwt", made())
    assert (response.status, response.json) == (401, {"message": "Unauthorized"})
    told = response.headers["www-authenticate"]
    assert told == f'Bearer scope="" error="invalid_token" error_description="{described}"'


@pytest.mark.parametrize("claims", [{"aud": ["x", "desk"]}, {"aud": None, "client_id": "desk"}])
def test_one_of_the_audiences_is_enough(apis: HttpApis, claims: dict[str, Any]) -> None:
    assert ask(apis, "/jwt", token(**claims)).status == 200


def test_a_token_expires_in_virtual_time(app: LocalApp, apis: HttpApis) -> None:
    made = token()
    assert ask(apis, "/jwt", made).status == 200
    app.advance(seconds=60)
    assert ask(apis, "/jwt", made).status == 401


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"scope": "orders.write other"}, 200),
        ({"scp": ["orders.read"]}, 200),
        ({"scope": "orders"}, 403),
        ({}, 403),
    ],
)
def test_a_route_with_scopes_needs_one_of_them(
    apis: HttpApis, claims: dict[str, Any], status: int
) -> None:
    response = ask(apis, "/scoped", token(**claims))
    assert response.status == status
    if status == 200:
        scopes = response.json["requestContext"]["authorizer"]["jwt"]["scopes"]
        assert set(scopes) & {"orders.read", "orders.write"}
    else:
        assert response.json == {"message": "Forbidden"}
        assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


def test_an_issuer_whose_keys_are_not_known_is_the_testers_mistake(app: LocalApp) -> None:
    with pytest.raises(InputError, match=r"issuer\.example are not known here"):
        ask(app.session.triggers.http_apis, "/jwt", token())


@pytest.mark.parametrize("jwks", [[], {}, {"keys": "none"}, {"keys": ["none"]}])
def test_keys_in_a_wrong_form_are_refused_when_they_are_given(apis: HttpApis, jwks: Any) -> None:
    with pytest.raises(InputError, match="no JSON Web Key Set"):
        apis.trust(ISSUER, jwks)


# AWS_IAM


def signed(
    apis: HttpApis, secret: str, body: str = "{}", key: str = "local", **more: str
) -> HttpResponse:
    url = f"https://{apis.gateway.find('Shop').id}.execute-api.us-east-1.amazonaws.com/iam"
    request = AWSRequest("POST", url, data=body, headers=more)
    SigV4Auth(Credentials(key, secret), "execute-api", "us-east-1").add_auth(request)
    return apis.request("POST", url, headers=dict(request.headers.items()), body=body)


def test_a_request_that_is_signed_rightly_passes_with_its_identity(apis: HttpApis) -> None:
    apis.know("AKIAUSER", "secret", "arn:aws:iam::123456789012:user/desk", "AIDADESK")
    response = signed(apis, "secret", key="AKIAUSER")
    assert response.json["requestContext"]["authorizer"]["iam"] == {
        "accessKey": "AKIAUSER",
        "accountId": "123456789012",
        "callerId": "AIDADESK",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": "arn:aws:iam::123456789012:user/desk",
        "userId": "AIDADESK",
    }


def test_a_wrong_key_is_forbidden(apis: HttpApis) -> None:
    assert signed(apis, "local").status == 200
    for wrong in (signed(apis, "other"), signed(apis, "local", key="AKIAUNKNOWN")):
        assert (wrong.status, wrong.json) == (403, {"message": "Forbidden"})


def test_a_changed_body_is_forbidden(apis: HttpApis) -> None:
    url = f"https://{apis.gateway.find('Shop').id}.execute-api.us-east-1.amazonaws.com/iam"
    request = AWSRequest("POST", url, data="{}")
    SigV4Auth(Credentials("local", "local"), "execute-api", "us-east-1").add_auth(request)
    headers = dict(request.headers.items())
    assert apis.request("POST", url, headers=headers, body='{"answer": 1}').status == 403


def test_a_signature_expires_after_five_minutes(app: LocalApp, apis: HttpApis) -> None:
    url = f"https://{apis.gateway.find('Shop').id}.execute-api.us-east-1.amazonaws.com/iam"
    request = AWSRequest("POST", url, data="{}")
    SigV4Auth(Credentials("local", "local"), "execute-api", "us-east-1").add_auth(request)
    headers = dict(request.headers.items())
    app.advance(minutes=5)
    assert apis.request("POST", url, headers=headers, body="{}").status == 200
    app.advance(seconds=1)
    assert apis.request("POST", url, headers=headers, body="{}").status == 403


def test_a_test_may_say_who_asks(apis: HttpApis) -> None:
    identity = Identity("AKIA1", "123456789012", "arn:aws:iam::123456789012:role/x", "AROA1")
    response = apis.request("POST", "/iam", api="Shop", identity=identity, body="{}")
    iam = response.json["requestContext"]["authorizer"]["iam"]
    assert (iam["userArn"], iam["accessKey"]) == ("arn:aws:iam::123456789012:role/x", "AKIA1")


# Lambda authorizers


def judged(apis: HttpApis, word: str) -> HttpResponse:
    return apis.request("GET", "/judge", api="Shop", headers={"X-Word": word})


def test_the_function_gets_what_the_authorizer_says(apis: HttpApis) -> None:
    context = judged(apis, "open").json["requestContext"]["authorizer"]
    assert context == {"lambda": {"word": "open", "n": 1}}


def test_a_verdict_is_kept_for_its_time_to_live(app: LocalApp, apis: HttpApis) -> None:
    asked: list[str] = []
    app.session.functions.observe(lambda name, _: asked.append(name))
    assert [judged(apis, word).status for word in ("open", "open", "shut", "shut")] == [
        200,
        200,
        403,
        403,
    ]
    assert asked.count("judge") == 2
    app.advance(seconds=299)
    judged(apis, "open")
    assert asked.count("judge") == 2
    app.advance(seconds=1)
    judged(apis, "open")
    assert asked.count("judge") == 3


def test_an_authorizer_gets_the_request_without_its_body(app: LocalApp, apis: HttpApis) -> None:
    seen: list[Any] = []
    app.session.functions.observe(lambda name, answer: seen.append((name, answer.payload)))
    response = apis.request(
        "GET", "/notary/7?a=1", api="Shop", headers={"X-Allowed": "*"}, body="{}"
    )
    assert response.json["requestContext"]["authorizer"] == {"lambda": {"asked": "/notary/7"}}
    [policy] = [payload["policyDocument"] for name, payload in seen if name == "notary"]
    api = apis.gateway.find("Shop")
    arn = f"arn:aws:execute-api:us-east-1:123456789012:{api.id}/*"
    assert policy["Statement"][0]["Resource"] == arn


@pytest.mark.parametrize(
    ("path", "headers", "status", "reason"),
    [
        ("/jwt", {}, 401, "the request does not have $request.header.Authorization"),
        ("/jwt", {"authorization": "x"}, 401, "the token has an invalid number of segments"),
        ("/judge", {"x-word": "shut"}, 403, "the authorizer's function does not allow it"),
        ("/judge", {"x-word": "broken"}, 500, 'wrong form: {"isAuthorized": "perhaps"}'),
        ("/judge", {"x-word": "raise"}, 500, '"errorMessage": "no"'),
    ],
)
def test_the_timeline_says_why_a_request_was_refused(
    app: LocalApp, apis: HttpApis, path: str, headers: dict[str, str], status: int, reason: str
) -> None:
    assert apis.request("GET", path, api="Shop", headers=headers).status == status
    [entry] = app.session.aws.timeline
    assert reason in entry.error
    assert entry.target_arn.endswith(":function:echo")
