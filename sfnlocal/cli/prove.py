"""`sfnlocal prove`: every single fault of a workflow, and what must hold after each."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from sfnlocal.cli.options import Commands, add_format, new_command, open_app
from sfnlocal.errors import InputError

if TYPE_CHECKING:
    from sfnlocal.proof.files import FoundProof
    from sfnlocal.proof.iam.accepted import Accepted
    from sfnlocal.proof.prove import Options, Progress
    from sfnlocal.proof.results import PlanResult, ProofResult
    from sfnlocal.template import App

_EXAMPLES = """\
  sfnlocal prove                         # every proof in tests/proofs
  sfnlocal prove Order --jobs 4          # one, on four cores
  sfnlocal prove Order --scenario paid --every-error
  sfnlocal prove Order --plan '{"scenario": "paid", "site": "state:Order/ChargePayment#1", \\
      "fault": "lost:Lambda.Unknown", "persistence": "once"}'   # one run, with its path
  sfnlocal prove Order --list            # the plans, one JSON a line
  sfnlocal prove --html proofs.html      # and one page to look at
  sfnlocal prove --from proofs.json --html proofs.html   # what --format json wrote before
  sfnlocal prove --accept iam-accepted.toml   # and no permission too many without a reason

A proof is a Python file of the project's tests; docs/sfnlocal.md says how to write one.
exit code 1: something does not hold; each violation shows the command that runs it again
"""
_CLEAR_LINE = "\r\x1b[K"


def add_command(commands: Commands) -> None:
    parser = new_command(
        commands, "prove", "prove that a workflow loses nothing under any single fault", _EXAMPLES
    )
    parser.add_argument(
        "proof",
        nargs="*",
        metavar="PROOF",
        help="a state machine, or the proof's own name (default: all)",
    )
    parser.add_argument(
        "--proofs",
        metavar="PATH",
        help="the folder or file of the proofs (default: `proofs` of [tool.sfnlocal] in "
        "pyproject.toml, else tests/proofs)",
    )
    parser.add_argument(
        "--plan", action="append", default=[], metavar="JSON", help="only this plan; repeatable"
    )
    parser.add_argument(
        "--scenario", action="append", default=[], metavar="NAME", help="only this scenario"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: 0)")
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="processes that share the work"
    )
    parser.add_argument(
        "--every-error",
        action="store_true",
        help="also errors that the same Retrier and Catcher take",
    )
    parser.add_argument(
        "--every-site",
        action="store_true",
        help="also sites that an earlier scenario reaches by the same path",
    )
    parser.add_argument(
        "--at-most", type=int, metavar="N", help="only N plans of each proof, evenly spread"
    )
    parser.add_argument("--no-iam", action="store_true", help="do not check permissions")
    parser.add_argument(
        "--accept",
        metavar="FILE",
        help="judge the permissions over all the proofs: one that is missing, or unused without a "
        "reason in this file (TOML; see sfnlocal iam), is exit code 1",
    )
    parser.add_argument("--list", action="store_true", help="list the plans, and run none")
    parser.add_argument(
        "--html", metavar="FILE", help="write a page as well: matrix, pictures, cost, permissions"
    )
    parser.add_argument(
        "--from",
        action="append",
        default=[],
        dest="earlier",
        metavar="FILE",
        help="run nothing: report what --format json has written; repeatable",
    )
    add_format(parser)
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    if arguments.accept is not None:
        # A mistake in it is told before the proofs have run.
        _accepted(arguments.accept)
    if arguments.earlier:
        results = _read(arguments.earlier, arguments.proof)
        for result in results:
            _tell(arguments, result)
        return _finish(arguments, results)
    return _prove(arguments)


def _prove(arguments: argparse.Namespace) -> int:
    from sfnlocal.proof.files import find_proofs, proofs_folder
    from sfnlocal.proof.prove import Options, prove_each
    from sfnlocal.testing.proving import open_world

    if arguments.plan and len(arguments.proof) != 1:
        raise InputError("a plan belongs to one proof", where="--plan")
    if arguments.jobs < 1:
        raise InputError("at least one process is needed", where="--jobs")
    if arguments.at_most is not None and arguments.at_most < 1:
        raise InputError("at least one plan is needed", where="--at-most")
    folder = proofs_folder(arguments.proofs)
    with redirect_stdout(sys.stderr):
        # A proof's imports may log, now and later: to where they print now.
        found = find_proofs(folder, arguments.proof)
    app = open_app(arguments.app)
    options = Options(
        seed=arguments.seed,
        jobs=arguments.jobs,
        plans=tuple(arguments.plan),
        scenarios=tuple(arguments.scenario),
        every_error=arguments.every_error,
        every_site=arguments.every_site,
        iam=not arguments.no_iam,
        at_most=arguments.at_most,
    )
    if arguments.list:
        for one in found:
            _list(app, one, options)
        return 0
    results = []
    proved = prove_each(app, found, open_world, options, _progress)
    for _ in found:
        with redirect_stdout(sys.stderr):
            result = next(proved)
        results.append(result)
        _tell(arguments, result)
    return _finish(arguments, results)


def _read(paths: Sequence[str], wanted: Sequence[str]) -> list[ProofResult]:
    from sfnlocal.proof.results_reading import read_results

    results: list[ProofResult] = []
    for path in paths:
        try:
            text = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read: {error}", where=path) from None
        results += read_results(text, path)
    known = {name for one in results for name in (one.proof, one.state_machine)}
    for name in wanted:
        if name not in known:
            hint = f"there are {', '.join(sorted(known))}"
            raise InputError(f"no proof {name!r}", where=", ".join(paths), hint=hint)
    return [one for one in results if not wanted or {one.proof, one.state_machine} & {*wanted}]


def _tell(arguments: argparse.Namespace, result: ProofResult) -> None:
    from sfnlocal.proof.text import render_plan, render_proof

    if arguments.format == "text":
        print(render_proof(result))
        if arguments.plan:
            print("\n".join(map(render_plan, result.results)))


def _finish(arguments: argparse.Namespace, results: Sequence[ProofResult]) -> int:
    if arguments.format == "json":
        print(json.dumps([result.json() for result in results], indent=2))
    if arguments.html:
        from sfnlocal.proof.page import proof_page

        try:
            Path(arguments.html).write_text(proof_page(results), "utf-8")
        except OSError as error:
            raise InputError(f"cannot be written: {error}", where=arguments.html) from None
    permitted = _permitted(arguments, results)
    return 0 if permitted and all(result.proven for result in results) else 1


def _permitted(arguments: argparse.Namespace, results: Sequence[ProofResult]) -> bool:
    """Is every permission there that the proofs need, and none too many?"""
    if arguments.accept is None:
        return True
    from sfnlocal.proof.iam.accepted import without_accepted
    from sfnlocal.proof.iam.text import render_findings
    from sfnlocal.proof.permissions import judged

    accepted = _accepted(arguments.accept)
    found = judged(open_app(arguments.app), results)
    # What is wider than needed, and what nothing matches, all tests together say: `sfnlocal iam`.
    left, count = without_accepted((one for one in found if one.kind != "wider"), accepted)
    left = [one for one in left if one.kind != "accepted"]
    print(f"permissions over all proofs\n{render_findings(left, count)}", file=_beside(arguments))
    return not left


def _accepted(path: str) -> list[Accepted]:
    from sfnlocal.proof.iam.accepted import read_accepted

    return read_accepted(Path(path))


def _beside(arguments: argparse.Namespace) -> TextIO:
    """Where text does not get into JSON."""
    return sys.stdout if arguments.format == "text" else sys.stderr


def _list(app: App, found: FoundProof, options: Options) -> None:
    from sfnlocal.proof.runner import Runner
    from sfnlocal.testing.proving import open_world

    with Runner(app, found.proof, open_world, seed=options.seed, name=found.name) as runner:
        for plan in runner.plans(every_error=options.every_error, every_site=options.every_site):
            if not options.scenarios or plan.scenario in options.scenarios:
                print(plan)


def _progress(name: str) -> Progress:
    """A line on a terminal that is written over."""
    if not sys.stderr.isatty():
        return lambda total, result: None
    done = broken = 0

    def show(total: int, result: PlanResult | None) -> None:
        nonlocal done, broken
        if result is not None:
            done += 1
            broken += bool(result.violations)
        text = f"{name}: {done} of {total} faults" + (f", {broken} violated" if broken else "")
        end = "" if done < total else _CLEAR_LINE
        sys.stderr.write(f"{_CLEAR_LINE}{text}{end}")
        sys.stderr.flush()

    return show
