"""What the order's tasks are given."""

from __future__ import annotations

from typing import Any

import pytest

ARN = "arn:aws:states:eu-west-1:123456789012:execution:Order:o-1"


@pytest.fixture
def reserve_event() -> dict[str, Any]:
    return {
        "executionArn": ARN,
        "orderId": "o-1",
        "lines": [
            {"sku": "mug", "quantity": 2, "unitPriceCents": 1250},
            {"sku": "lid", "quantity": 1, "unitPriceCents": 300},
        ],
    }


@pytest.fixture
def release_event() -> dict[str, Any]:
    return {"executionArn": ARN, "orderId": "o-1", "chargeUncertain": False}


@pytest.fixture
def charge_event() -> dict[str, Any]:
    return {
        "executionArn": ARN,
        "orderId": "o-1",
        "totalCents": 2800,
        "currency": "EUR",
        "cardToken": "tok_visa",
    }
