"""A state machine as an SVG picture: placement of the states, routing of the edges, drawing."""

from sfnlocal.reports.picture.drawing import draw
from sfnlocal.reports.picture.trace import Trace, trace_of

__all__ = ["Trace", "draw", "trace_of"]
