"""The timeline for people and programs: when, what acted, why, what it started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sfnlocal.services.timeline import Triggered
from sfnlocal.template import App, names_by_arn
from sfnlocal.timestamps import instant


def timeline_data(entries: Iterable[Triggered], app: App) -> list[dict[str, str]]:
    """One object an entry; `source` and `target` are the short ids of the app's resources, or the
    end of an ARN where it has none such."""
    names = names_by_arn(app)
    return [
        {
            "time": instant(entry.at_ms),
            "source": _name(entry.source_arn, names),
            "sourceArn": entry.source_arn,
            "why": entry.why,
            "target": _name(entry.target_arn, names),
            "targetArn": entry.target_arn,
            "started": entry.started,
            "error": entry.error,
        }
        for entry in entries
    ]


def render_timeline(data: list[dict[str, str]]) -> str:
    """A line each: `2026-01-02T06:00:00Z  Daily -> DailyReports  scheduled for ...: started ...`"""
    if not data:
        return "Nothing was triggered."
    paths = [f"{one['source']} -> {one['target']}" for one in data]
    times = max(len(one["time"]) for one in data)
    width = max(map(len, paths))
    return "\n".join(
        f"{one['time']:{times}}  {path:{width}}  {one['why']}{_outcome(one)}"
        for one, path in zip(data, paths, strict=True)
    )


def _outcome(one: Mapping[str, str]) -> str:
    if one["error"]:
        return f"; failed: {one['error']}"
    return f"; started {one['started'].rpartition(':')[2]}" if one["started"] else ""


def _name(arn: str, names: Mapping[str, str]) -> str:
    return names.get(arn) or arn.rpartition(":")[2].rpartition("/")[2]
