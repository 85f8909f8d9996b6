"""What the warehouse ships, and its answer to the task token of a hand-over."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.order.payloads import HandOverResult, SkuQuantity

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

BACKORDER_PREFIX = "backorder-"
DISCONTINUED_PREFIX = "discontinued-"
# The task is over: it was answered before, or nobody waits for it any more.
TASK_IS_OVER = frozenset({"TaskTimedOut", "TaskDoesNotExist"})


def ship_lines(lines: Iterable[SkuQuantity], hand_over: int) -> HandOverResult:
    """Everything ships at once, but for a sku with the prefix `backorder-`: that has to be ordered
    first, and ships from the second hand-over on. One with `discontinued-` never comes."""
    result = HandOverResult(shipped=[], backordered=[])
    for line in lines:
        sku = line["sku"]
        waits = sku.startswith(DISCONTINUED_PREFIX) or (
            hand_over == 1 and sku.startswith(BACKORDER_PREFIX)
        )
        quantity = SkuQuantity(sku=sku, quantity=line["quantity"])
        result["backordered" if waits else "shipped"].append(quantity)
    return result


def answer_hand_over(step_functions: SFNClient, task_token: str, shipment: HandOverResult) -> bool:
    """Whether the answer was taken; false when the task is over, as for a message that comes
    again after its answer."""
    try:
        step_functions.send_task_heartbeat(taskToken=task_token)
        step_functions.send_task_success(taskToken=task_token, output=json.dumps(shipment))
    except ClientError as error:
        if error.response["Error"]["Code"] not in TASK_IS_OVER:
            raise
        return False
    return True
