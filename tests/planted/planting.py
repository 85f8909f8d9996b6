"""Plants a mistake in the synthesized app: in a state machine's definition, in a resource's
properties, or in the source of a handler. Nothing else of the app differs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from sfnlocal.proof.results import Persistence, Plan, read_site
from sfnlocal.template import App, find_state_machine

PROJECT = Path(__file__).resolve().parents[2]

Change: TypeAlias = Callable[[dict[str, Any]], object]
# Gives the app with a mistake; changed sources go into the folder.
Edit: TypeAlias = Callable[[App, Path], App]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedBug:
    """`mistake` is what somebody did, `on_aws` what comes of it. The plans (or, where it shows
    without a fault, the scenarios) find it, and exactly the invariants in `speaks` say so:
    `refused` where AWS refuses the deployment, with the words `refusal`. `proof` is the name of
    the proof. `brings_fault`: without the bug, there is no such fault."""

    name: str
    mistake: str
    on_aws: str
    edits: tuple[Edit, ...]
    speaks: tuple[str, ...]
    plans: tuple[Plan, ...] = ()
    scenarios: tuple[str, ...] = ()
    proof: str = "Order"
    refusal: str = ""
    brings_fault: bool = False

    @property
    def found_by(self) -> str:
        """A line of the documentation."""
        faults = [
            f"`{plan.fault}` at `{plan.site.name}`, {plan.persistence}" for plan in self.plans
        ]
        return "; ".join([*faults, *(f"no fault, `{name}`" for name in self.scenarios)])

    def planted_in(self, app: App, folder: Path) -> App:
        for edit in self.edits:
            app = edit(app, folder)
        return app


def fault(
    fault: str, site: str, persistence: Persistence = "for-ever", *, scenario: str = "paid"
) -> Plan:
    return Plan(scenario, read_site(site, "a planted bug"), fault, persistence)


def definition(machine: str, change: Change) -> Edit:
    """Changes a state machine's definition."""

    def edit(app: App, folder: Path) -> App:
        found = find_state_machine(app, machine)
        changed = copy.deepcopy(found.definition)
        change(changed)
        assert changed != found.definition, f"nothing is planted in {machine}"
        machines = (
            replace(one, definition=changed) if one is found else one for one in app.state_machines
        )
        return replace(app, state_machines=tuple(machines))

    return edit


def states(machine: str, change: Change) -> Edit:
    """Changes the states of a machine, by name."""
    return definition(machine, lambda changed: change(changed["States"]))


def properties(path: str, change: Change) -> Edit:
    """Changes a resource, by its construct path."""

    def edit(app: App, folder: Path) -> App:
        [found] = [one for one in app.resources if one.path == path]
        changed = copy.deepcopy(dict(found.properties))
        change(changed)
        assert changed != found.properties, f"nothing is planted in {path}"
        resources = (
            replace(one, properties=changed) if one is found else one for one in app.resources
        )
        return replace(app, resources=tuple(resources))

    return edit


def source(path: str, *pieces: tuple[str, str]) -> Edit:
    """Changes pieces of a handler's source, each of which stands there once."""

    def edit(app: App, folder: Path) -> App:
        text = (PROJECT / path).read_text("utf-8")
        for before, after in pieces:
            assert text.count(before) == 1, f"{path} has {text.count(before)} times {before!r}"
            text = text.replace(before, after)
        code = folder / "code"
        _link(code, Path(path))
        (code / path).write_text(text, "utf-8")
        functions = (
            replace(one, code_folder=code) if one.code_folder == PROJECT else one
            for one in app.functions
        )
        return replace(app, functions=tuple(functions))

    return edit


def _link(code: Path, path: Path) -> None:
    """The sources as they are, all but the file itself: the others are not compiled again."""
    for folder in reversed(path.parents[:-1]):
        (code / folder).mkdir(parents=True)
        on_the_way = {code / path, *(code / one for one in path.parents)}
        for one in (PROJECT / folder).iterdir():
            link = code / folder / one.name
            if link not in on_the_way and one.name != "__pycache__":
                link.symlink_to(one)
