"""Synthesizing the whole app as `make synth` does, against an empty CDK app of one stack with the
same settings."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Row

_EMPTY = """\
import aws_cdk as cdk
app = cdk.App(tree_metadata=False)
cdk.Stack(app, "Empty")
app.synth()
"""
_APP = "import runpy; runpy.run_path('app.py', run_name='__main__')"
_CONTEXT = ("--local", "stage=dev")
_RUNS = 2


def rows() -> list[Row]:
    context = subprocess.run(
        [sys.executable, "tools/context.py", *_CONTEXT], capture_output=True, text=True, check=True
    ).stdout
    empty_s = min(_synthesize(_EMPTY, context) for _ in range(_RUNS))
    app_s = min(_synthesize(_APP, context) for _ in range(_RUNS))
    detail = f"{app_s:.1f} s of CPU time against {empty_s:.1f} s"
    return [Row("synthesis of the app without validation", app_s / empty_s, 2, "x empty", detail)]


def _synthesize(code: str, context: str) -> float:
    """CPU seconds, of Python's and of jsii's process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-O", "-c", code],
            env={
                **os.environ,
                "CDK_CONTEXT_JSON": context,
                "CDK_OUTDIR": str(Path(folder, "out")),
                "CDK_VALIDATION": "false",
                "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
            },
            capture_output=True,
            check=True,
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
