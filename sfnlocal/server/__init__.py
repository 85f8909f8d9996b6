"""The Step Functions API over a session."""

from sfnlocal.server.api import StepFunctionsApi

__all__ = ["StepFunctionsApi"]
