"""`sfnlocal test-state`: one state of a state machine by itself, as TestState tests it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from sfnlocal.cli.options import Commands, new_command, open_app, read_json_text

_EXAMPLES = """\
  sfnlocal test-state Order ValidateOrder --input order.json
  sfnlocal test-state Order WhereItStands --variables '{"stored": {"status": "PAID"}}' --inspect
  sfnlocal test-state Order ReserveStock --variables order.json --mock-error OutOfStock
  sfnlocal test-state Order ReserveStock --variables order.json --retries 6 \\
      --mock-error Lambda.ServiceException   # the seventh failure
  sfnlocal test-state Order ReserveStock --variables order.json --mock-result '{"Payload": {}}'

Without a mock a Task calls its service: the app's functions, tables and queues, which are new.
exit code 1: the state failed, and the error is not caught
"""


def add_command(commands: Commands) -> None:
    parser = new_command(commands, "test-state", "run one state by itself", _EXAMPLES)
    parser.add_argument("state_machine", metavar="STATE_MACHINE", help="as for `sfnlocal run`")
    parser.add_argument("state", metavar="STATE", help="its name, in a branch or a processor too")
    for name, text in (
        ("input", "the state's input"),
        ("variables", "the variables that it finds"),
        ("context", "the whole Context object that it finds; needs a mock"),
    ):
        parser.add_argument(
            f"--{name}", metavar="FILE_OR_JSON", help=f"{text}: a file, JSON, or - for stdin"
        )
    mock = parser.add_mutually_exclusive_group()
    mock.add_argument("--mock-result", metavar="FILE_OR_JSON", help="what its work gives")
    mock.add_argument("--mock-error", metavar="NAME", help="the error that its work fails with")
    parser.add_argument("--cause", metavar="TEXT", help="of --mock-error")
    parser.add_argument(
        "--validation",
        choices=("STRICT", "PRESENT", "NONE"),
        default="STRICT",
        help="of --mock-result against the service's API (default: STRICT)",
    )
    parser.add_argument(
        "--retries", type=int, metavar="N", help="how often it was retried before --mock-error"
    )
    parser.add_argument(
        "--inspect", action="store_true", help="show what each field made of the data"
    )
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.driver.session import Session
    from sfnlocal.jsontext import json_text
    from sfnlocal.server.api import StepFunctionsApi

    with Session(open_app(arguments.app)) as session:
        machine = session.find(arguments.state_machine)
        StepFunctionsApi(session).install()
        answer = session.aws.call(
            "stepfunctions",
            "TestState",
            {
                "definition": json_text(machine.definition),
                "stateName": arguments.state,
                "roleArn": machine.role_arn,
                **_request(arguments),
            },
        )
    print(json.dumps(_readable(answer), indent=2, ensure_ascii=False))
    return 1 if answer["status"] in ("FAILED", "RETRIABLE") else 0


def _request(arguments: argparse.Namespace) -> dict[str, Any]:
    """The optional parameters of TestState."""
    params: dict[str, Any] = {"inspectionLevel": "TRACE" if arguments.inspect else "INFO"}
    for name in ("input", "variables", "context"):
        if (text := getattr(arguments, name)) is not None:
            params[name] = read_json_text(text, f"--{name}")
    if arguments.mock_result is not None:
        result = read_json_text(arguments.mock_result, "--mock-result")
        params["mock"] = {"result": result, "fieldValidationMode": arguments.validation}
    if arguments.mock_error is not None:
        cause = {} if arguments.cause is None else {"cause": arguments.cause}
        params["mock"] = {"errorOutput": {"error": arguments.mock_error, **cause}}
    if arguments.retries is not None:
        params["stateConfiguration"] = {"retrierRetryCount": arguments.retries}
    return params


def _readable(answer: dict[str, Any]) -> dict[str, Any]:
    """With the JSON texts in it as what they are."""
    shown = dict(answer)
    if "output" in shown:
        shown["output"] = json.loads(shown["output"])
    if "inspectionData" in shown:
        shown["inspectionData"] = {
            name: json.loads(value) if isinstance(value, str) else value
            for name, value in shown["inspectionData"].items()
        }
    return shown
