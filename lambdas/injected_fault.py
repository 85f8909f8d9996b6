"""The fault that an experiment puts into a version of a function, by one environment variable.

    INJECTED_FAULT={"kind": "fail", "rate": 1, "untilMs": 1767225600000}

`fail` raises what a bug raises, `hang` outlasts the function's time-out, `slow` answers
`slowSeconds` later. It hits `rate` of the calls and ends by itself: after `untilMs` it does
nothing, whatever became of the experiment. Only FaultExperiment sets the variable; no production
stage has that.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

VARIABLE = "INJECTED_FAULT"


def inject_fault(context: LambdaContext, variables: Mapping[str, str] = os.environ) -> None:
    """Does what the variable says, where it is set. KeyError for `fail`."""
    text = variables.get(VARIABLE)
    if not text:
        return
    fault = json.loads(text)
    if time.time() * 1000 >= fault["untilMs"] or random.random() >= fault["rate"]:
        return
    match fault["kind"]:
        case "fail":
            raise KeyError("injected fault")
        case "hang":
            time.sleep(context.get_remaining_time_in_millis() / 1000 + 1)
        case "slow":
            time.sleep(fault["slowSeconds"])
