"""Draws every state machine of the app into docs/pictures: `make docs`."""

from __future__ import annotations

from pathlib import Path

from sfnlocal.cli.definitions import compiled
from sfnlocal.cli.graph import svg
from sfnlocal.template import App, load_app, short_ids

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"


def pictures(app: App) -> dict[str, str]:
    """What `sfnlocal graph --format svg` writes for each, by file name."""
    ids = short_ids(machine.resource for machine in app.state_machines)
    return {
        f"{ids[machine.resource.where].lower()}.svg": svg(app, machine, compiled(machine), None)
        for machine in app.state_machines
    }


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = pictures(load_app(Path("cdk.out")))
    for old in FOLDER.glob("*.svg"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
