"""Draws every state machine of the app into docs/pictures: `make pictures`."""

from __future__ import annotations

from pathlib import Path

from sfnlocal.language import compile_definition
from sfnlocal.reports.picture import draw
from sfnlocal.template import App, load_app, short_ids

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"


def pictures(app: App) -> dict[str, str]:
    """The SVG by file name; the same that `sfnlocal graph --format svg` writes."""
    ids = short_ids(machine.resource for machine in app.state_machines)
    names = {machine.arn: ids[machine.resource.where] for machine in app.state_machines}
    return {
        f"{names[machine.arn].lower()}.svg": draw(
            compile_definition(machine.definition, type=machine.type), names[machine.arn], names
        )
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
