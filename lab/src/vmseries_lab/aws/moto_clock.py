"""Moto reads the lab's clock instead of the machine's.

With it, visibility time-outs, retention, creation dates and metric timestamps all follow the clock
when it is moved.
"""

from __future__ import annotations

import sys
from datetime import datetime
from types import ModuleType

from moto.core import utils

from vmseries_lab.aws.moto_patching import replace
from vmseries_lab.core.world import World


def install(world: World) -> None:
    """Let moto's only source of the time be ``world.clock``.

    Moto's modules copy ``utcnow`` by ``from moto.core.utils import utcnow``: the copies of the
    modules that are loaded already are replaced one by one, later ones copy the replacement.
    """

    def utcnow() -> datetime:
        # Naive, as the function that it replaces.
        return world.clock.utc().replace(tzinfo=None)

    former = utils.utcnow
    replace(utils, "utcnow", lambda _original: utcnow)
    for name, module in list(sys.modules.items()):
        if not name.startswith("moto.") or not isinstance(module, ModuleType):
            continue
        if vars(module).get("utcnow") is former:
            module.utcnow = utcnow  # type: ignore[attr-defined]
