"""All planted bugs."""

from __future__ import annotations

from tests.planted.definitions import DEFINITIONS
from tests.planted.planting import PlantedBug

BUGS: tuple[PlantedBug, ...] = (*DEFINITIONS,)
