"""`sfnlocal serve --jwks`: routes with a JWT authorizer over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfnlocal.cli import main
from tests.sfnlocal.server.conftest import start_server, stop_server
from tests.sfnlocal.triggers.test_http_authorizers import ISSUER, KEY, OTHER_KEY, jwk, token

APP = Path(__file__).parents[1] / "triggers" / "http_app.yaml"


def test_a_token_of_an_issuer_whose_keys_are_given_passes(tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [jwk("one", KEY)]}))
    options = ["--app", str(APP), "--virtual-time", "--jwks", f"{ISSUER}={keys}"]
    server = start_server(*options)
    try:
        statuses = [
            server.request("GET", "/_apis/Shop/jwt", b"", {"Authorization": value}).status
            for value in (f"Bearer {token()}", f"Bearer {token(OTHER_KEY)}")
        ]
    finally:
        stop_server(server)
    assert statuses == [200, 401]


@pytest.mark.parametrize("value", ["keys.json", f"{ISSUER}=[]", f'{ISSUER}={{"keys": 1}}'])
def test_what_is_no_key_set_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--app", str(APP), "--jwks", value]) == 2
    assert "--jwks: " in capsys.readouterr().err
