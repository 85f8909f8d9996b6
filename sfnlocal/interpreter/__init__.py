"""The interpreter: runs a Program as a function of inputs, with no input or output of its own."""

from sfnlocal.interpreter.execution import Execution
from sfnlocal.interpreter.redrive import reopen, run_again
from sfnlocal.interpreter.run import handle, link, start
from sfnlocal.interpreter.steps import Machine

__all__ = ["Execution", "Machine", "handle", "link", "reopen", "run_again", "start"]
