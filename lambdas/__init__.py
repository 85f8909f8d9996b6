"""The Lambda tasks of the workflows: business logic only, no orchestration and no retry loops.

One folder a workflow. The project root is the root of every code asset (see
docs/decisions/0002-lambda-assets.md), so a module has one import name everywhere.
"""

from __future__ import annotations

import gc
import os

# What a start makes stays, some 100 000 objects: looking for garbage among them, as Python does
# whenever there are 700 more, takes a tenth of the CPU time of a cold start.
OBJECTS_BEFORE_COLLECTION = 150_000
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
