"""All planted bugs."""

from __future__ import annotations

from tests.planted.definitions import DEFINITIONS
from tests.planted.handlers import HANDLERS
from tests.planted.nets import NETS
from tests.planted.permissions import PERMISSIONS
from tests.planted.planting import PlantedBug

BUGS: tuple[PlantedBug, ...] = (*DEFINITIONS, *NETS, *HANDLERS, *PERMISSIONS)
