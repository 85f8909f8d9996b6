"""`sfnlocal serve`: the Step Functions API over HTTP, for boto3, the AWS CLI and Terraform."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfnlocal.cli.options import Commands, new_command, read_json_text, read_time
from sfnlocal.cli.step_functions_local import add_options, read_options
from sfnlocal.errors import InputError
from sfnlocal.ports import Json

if TYPE_CHECKING:
    from sfnlocal.template import App

_DEFAULT_APP = "cdk.out"
_KEEP_DEFAULT = 10_000
_PORT_DEFAULT = 8083

_EXAMPLES = """\
  sfnlocal serve                                  # ./cdk.out, in real time
  sfnlocal serve --virtual-time --seed 7          # waits cost nothing
  AWS_ENDPOINT_URL=http://127.0.0.1:8083 python my_program.py
  aws stepfunctions list-state-machines --endpoint-url http://127.0.0.1:8083

It takes the place of AWS's Step Functions Local, with its options and environment variables:
  LAMBDA_ENDPOINT=http://localhost:3001 SFN_MOCK_CONFIG=MockConfigFile.json sfnlocal serve

Requests for other services (SQS, DynamoDB, Lambda's Invoke, ...) are answered on the same port.
Virtual time jumps to what is due next, but stands still while a task token or an activity task
is open: `sfnlocal clock advance` moves it then, or give --auto-jump.
"""


def add_command(commands: Commands) -> None:
    parser = new_command(commands, "serve", "answer the Step Functions API over HTTP", _EXAMPLES)
    parser.set_defaults(app=None)
    parser.add_argument(
        "--port",
        type=int,
        default=_PORT_DEFAULT,
        metavar="N",
        help=f"0 is any free one (default: {_PORT_DEFAULT})",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--virtual-time", action="store_true", help="let time jump to what is due next"
    )
    parser.add_argument(
        "--auto-jump", action="store_true", help="jump over open task tokens and activities too"
    )
    parser.add_argument(
        "--start-at", metavar="ISO", help="when virtual time begins (default: 2026-01-01T00:00:00Z)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of names, tokens and jitter (default: 0)"
    )
    parser.add_argument(
        "--keep",
        type=int,
        default=_KEEP_DEFAULT,
        metavar="N",
        help=f"how many ended executions can be asked for (default: {_KEEP_DEFAULT})",
    )
    parser.add_argument(
        "--jwks",
        action="append",
        default=[],
        metavar="ISSUER=FILE_OR_JSON",
        help="the keys of an issuer of JSON Web Tokens, for JWT authorizers of HTTP APIs (nothing "
        "is fetched); may be given again",
    )
    add_options(parser)
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    if not arguments.virtual_time and (arguments.auto_jump or arguments.start_at is not None):
        raise InputError(
            "there is no virtual time to jump or to begin",
            where="--auto-jump" if arguments.auto_jump else "--start-at",
            hint="give --virtual-time too",
        )
    if not 0 <= arguments.port <= 65535:
        raise InputError(f"{arguments.port} is no port", where="--port", hint="0 to 65535")
    if arguments.keep < 0:
        raise InputError(f"{arguments.keep} is no number of executions", where="--keep")
    options: dict[str, Any] = {}
    if arguments.start_at is not None:
        options["start_ms"] = read_time(arguments.start_at)
    local = read_options(arguments, os.environ)
    app = _app(arguments.app, local.account, local.region)

    from sfnlocal.server.serve import Settings, serve

    settings = Settings(
        host=arguments.host,
        port=arguments.port,
        virtual_time=arguments.virtual_time,
        auto_jump=arguments.auto_jump,
        seed=arguments.seed,
        keep_ended=arguments.keep,
        mock_config=local.mock_config,
        wait_time_scale=local.wait_time_scale,
        endpoints=local.endpoints,
        trusted_keys=dict(_keys(text) for text in arguments.jwks),
        **options,
    )
    serve(app, settings, _ready)
    return 0


def _keys(text: str) -> tuple[str, Json]:
    """Issuer and key set."""
    issuer, equals, given = text.partition("=")
    if equals:
        keys = json.loads(read_json_text(given, "--jwks"))
        if isinstance(keys, dict) and isinstance(keys.get("keys"), list):
            return issuer, keys
    raise InputError(
        f"{text!r} gives an issuer no key set",
        where="--jwks",
        hint='such as https://issuer.example=jwks.json, a file with {"keys": [...]}',
    )


def _ready(url: str) -> None:
    example = f"aws stepfunctions list-state-machines --endpoint-url {url}"
    print(f"sfnlocal answers at {url}   try: {example}", flush=True)


def _app(path: str | None, account: str, region: str) -> App:
    """The given one, ./cdk.out where it is there, or none."""
    if path is not None or Path(_DEFAULT_APP).exists():
        from sfnlocal.template import load_app

        return load_app(Path(path or _DEFAULT_APP), account=account, region=region)
    from sfnlocal.template.resources import App

    return App(
        folder=Path.cwd(),
        partition="aws",
        region=region,
        account=account,
        resources=(),
        state_machines=(),
        functions=(),
        outputs={},
    )
