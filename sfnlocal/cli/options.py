"""What the commands' options have in common, and how their values are read."""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sfnlocal.errors import InputError

if TYPE_CHECKING:
    from sfnlocal.template import App

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_JSON_STARTS = ("{", "[", '"')
_SHOWN_CHARS = 60


def new_command(
    commands: Commands, name: str, help_text: str, examples: str
) -> argparse.ArgumentParser:
    """A command whose --help ends in examples; it has the option --app."""
    parser = commands.add_parser(
        name,
        help=help_text,
        description=f"{help_text[0].upper()}{help_text[1:]}.",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--app",
        default="cdk.out",
        metavar="PATH",
        help="a cloud assembly's folder or a template file, JSON or YAML (default: cdk.out)",
    )
    return parser


def add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="of the report (default: text)"
    )


def open_app(path: str) -> App:
    from sfnlocal.template import load_app

    return load_app(Path(path))


def read_json_text(text: str, where: str) -> str:
    """JSON text that is given as it is, in a file, or as `-` on stdin. `where` is the option."""
    if text == "-":
        return _checked(sys.stdin.read(), "standard input")
    if not text.lstrip().startswith(_JSON_STARTS):
        path = Path(text)
        if path.is_file():
            return _checked(path.read_text("utf-8"), text)
        if not _is_json(text):
            raise InputError(
                f"{text!r} is neither a file nor JSON",
                where=where,
                hint='give a file\'s path, JSON such as \'{"orderId": "o-1"}\', or - for stdin',
            )
    return _checked(text, where)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _checked(text: str, where: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        lines = text.splitlines() or [""]
        line = lines[min(error.lineno, len(lines)) - 1]
        first = max(0, error.colno - _SHOWN_CHARS)
        raise InputError(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}\n"
            f"  {line[first : first + 2 * _SHOWN_CHARS]}\n"
            f"  {'^':>{error.colno - first}}",
            where=where,
        ) from None
    return text


def read_duration(text: str, where: str) -> int:
    """Milliseconds of `30d`, `12h`, `90m` or `10s`, or several of them: `1d12h`."""
    parts = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    if not text or parts is None:
        raise InputError(f"{text!r} is no duration", where=where, hint="such as 30d, 12h, 90m, 10s")
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    try:
        duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise InputError(f"{text!r} is too long a duration", where=where) from None
    return duration // timedelta(milliseconds=1)


def read_time(text: str, where: str = "--start-at") -> int:
    """Epoch milliseconds of an ISO 8601 time; UTC where it has no offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{text!r} is no ISO 8601 time", where=where, hint="such as 2026-01-02T09:00:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
