"""Which route takes a request, as data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.triggers.http_routes import parse_route_key, select_route

DATA = json.loads((Path(__file__).parent / "data" / "http_routes.json").read_text())
SELECTED = [(api["routes"], *request) for api in DATA["selected"] for request in api["requests"]]


@pytest.mark.parametrize(("routes", "method", "path", "selected", "parameters"), SELECTED)
@pytest.mark.parametrize("order", [1, -1], ids=["first to last", "last to first"])
def test_the_most_specific_route_is_selected_in_whatever_order_they_are(
    routes: list[str],
    method: str,
    path: str,
    selected: str | None,
    parameters: dict[str, Any],
    order: int,
) -> None:
    match = select_route([parse_route_key(text) for text in routes[::order]], method, path)
    if selected is None:
        assert match is None
    else:
        assert match is not None
        assert (match.key.text, match.path_parameters) == (selected, parameters)


@pytest.mark.parametrize(("text", "reason"), DATA["refused"])
def test_a_route_key_that_aws_refuses_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("$", r"\$")):
        parse_route_key(text)
