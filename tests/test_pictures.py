"""The committed pictures show the state machines as they are."""

from __future__ import annotations

from sfnlocal.template import App
from tools.pictures import FOLDER, pictures


def test_the_pictures_are_what_the_command_draws(deployed: App) -> None:
    committed = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.svg")}
    assert "order.svg" in committed
    stale = [name for name, text in pictures(deployed).items() if committed.get(name) != text]
    assert not stale, "run `make docs`"
    assert committed.keys() == pictures(deployed).keys(), "run `make docs`"
