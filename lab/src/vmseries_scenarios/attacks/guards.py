"""The negative control: the terminate function without its guard against forged messages."""

from __future__ import annotations

from vmseries_scenarios.attacks.site import Site
from vmseries_scenarios.changed_archive import Change, changed_archive

BELIEVES_EVERY_MESSAGE = Change(
    "vmseries_autoscale/terminate/authorization.py",
    "if hook_open or (instance is not None and owned and instance.state in LEAVING_STATES):",
    "if True:",
)
"""Cleans up every instance of the deployment that a message names."""
FAMILY = "messages"
"""The family that must not be held then."""


def remove(site: Site) -> None:
    """Deploy the terminate function without the guard."""
    site.lab.aws.client("lambda").update_function_code(
        FunctionName=site.attacked.outputs["functions"]["terminate"]["name"],
        ZipFile=changed_archive(BELIEVES_EVERY_MESSAGE),
    )
