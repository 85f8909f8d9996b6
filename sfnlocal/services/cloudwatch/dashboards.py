"""Dashboards: kept as they are put; nobody draws them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.template.resources import App


class _Dashboard(NamedTuple):
    body: str
    modified_ms: int


class Dashboards:
    def __init__(self, app: App, now_ms: Callable[[], int]) -> None:
        self._app = app
        self._now_ms = now_ms
        self._kept: dict[str, _Dashboard] = {}
        self.operations: dict[str, Callable[[dict[str, Json]], dict[str, Json]]] = {
            "DeleteDashboards": self._delete,
            "GetDashboard": self._get,
            "ListDashboards": self._list,
            "PutDashboard": self._put,
        }

    def _put(self, params: dict[str, Json]) -> dict[str, Json]:
        body = params["DashboardBody"]
        try:
            json.loads(body)
        except ValueError:
            message = "The field DashboardBody must be a valid JSON object"
            raise ApiError("InvalidParameterInput", message) from None
        self._kept[params["DashboardName"]] = _Dashboard(body, self._now_ms())
        return {"DashboardValidationMessages": []}

    def _get(self, params: dict[str, Json]) -> dict[str, Json]:
        name = params["DashboardName"]
        dashboard = self._found(name)
        return {
            "DashboardArn": self._arn(name),
            "DashboardBody": dashboard.body,
            "DashboardName": name,
        }

    def _list(self, params: dict[str, Json]) -> dict[str, Json]:
        prefix = params.get("DashboardNamePrefix", "")
        entries = [
            {
                "DashboardName": name,
                "DashboardArn": self._arn(name),
                "LastModified": dashboard.modified_ms / 1000,
                "Size": len(dashboard.body.encode()),
            }
            for name, dashboard in sorted(self._kept.items())
            if name.startswith(prefix)
        ]
        return {"DashboardEntries": entries}

    def _delete(self, params: dict[str, Json]) -> dict[str, Json]:
        names = params["DashboardNames"]
        for name in names:
            self._found(name)
        for name in names:
            self._kept.pop(name, None)
        return {}

    def _found(self, name: str) -> _Dashboard:
        dashboard = self._kept.get(name)
        if dashboard is None:
            raise ApiError("ResourceNotFound", f"Dashboard {name} does not exist", 404)
        return dashboard

    def _arn(self, name: str) -> str:
        return f"arn:{self._app.partition}:cloudwatch::{self._app.account}:dashboard/{name}"
