"""`sfnlocal clock`: what time it is in a server with virtual time, and moving it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from sfnlocal.cli.options import Commands, read_time
from sfnlocal.errors import InputError

_EXAMPLES = """\
  sfnlocal clock                                  # what time it is
  sfnlocal clock advance --seconds 3600
  sfnlocal clock advance --to 2026-01-02T09:00:00Z --port 8083
"""


def add_command(commands: Commands) -> None:
    parser = commands.add_parser(
        "clock",
        help="show or move the virtual time of `sfnlocal serve`",
        description="Show or move the virtual time of `sfnlocal serve --virtual-time`.",
        epilog=f"examples:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "action", nargs="?", choices=("show", "advance"), default="show", help="(default: show)"
    )
    until = parser.add_mutually_exclusive_group()
    until.add_argument("--seconds", type=float, metavar="N", help="let so many seconds pass")
    until.add_argument("--to", metavar="ISO", help="let time pass until then")
    parser.add_argument(
        "--port", type=int, default=8083, metavar="N", help="of the server (default: 8083)"
    )
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    wanted: dict[str, Any] | None = None
    if arguments.action == "advance":
        if arguments.seconds is not None:
            wanted = {"seconds": arguments.seconds}
        elif arguments.to is not None:
            wanted = {"to": read_time(arguments.to, "--to")}
        else:
            raise InputError("how far?", where="clock advance", hint="give --seconds N or --to ISO")
    elif arguments.seconds is not None or arguments.to is not None:
        raise InputError("nothing is moved", where="clock", hint="say `clock advance`")
    print(asked(arguments.port, "/_sfnlocal/clock", wanted)["now"])
    return 0


def asked(port: int, path: str, wanted: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a server of this machine answers; `wanted` is what is posted. Raises InputError."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection("127.0.0.1", port)
    try:
        if wanted is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(wanted))
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (OSError, HTTPException, ValueError) as error:
        raise InputError(
            f"no sfnlocal answers on port {port}: {error}",
            where="--port",
            hint="start one: sfnlocal serve",
        ) from None
    finally:
        connection.close()
    if response.status != 200:
        raise InputError(str(answer.get("message", answer)), where=path)
    return answer
