"""Makes moto use the lab's clock.

Visibility timeouts, retention, creation dates and metric timestamps then follow the lab's clock.
"""

from __future__ import annotations

import sys
from datetime import datetime
from types import ModuleType

from moto.core import utils

from vmseries_lab.aws.moto_patching import replace
from vmseries_lab.core.world import World


def install(world: World) -> None:
    """Make ``world.clock`` moto's source of time.

    Moto's modules import ``utcnow`` by ``from moto.core.utils import utcnow``. It is replaced in
    each module that is already loaded; modules loaded later import the replacement.
    """

    def utcnow() -> datetime:
        # Naive, like the function that it replaces.
        return world.clock.utc().replace(tzinfo=None)

    former = utils.utcnow
    replace(utils, "utcnow", lambda _original: utcnow)
    for name, module in list(sys.modules.items()):
        if not name.startswith("moto.") or not isinstance(module, ModuleType):
            continue
        if vars(module).get("utcnow") is former:
            module.utcnow = utcnow  # type: ignore[attr-defined]
