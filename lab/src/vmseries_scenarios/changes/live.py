"""A deployment in service whose inputs are literal values in its root module."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tf_setup import terraform_environment
from vmseries_lab.client import Lab
from vmseries_scenarios.changes.inputs import Inputs
from vmseries_scenarios.changes.plans import Plan, summarize
from vmseries_scenarios.deployment import MINUTE, Deployment, copy_root
from vmseries_scenarios.terraform import Event, Workspace

SITE = "tests/fixtures/changes"
OUTPUTS = (
    "autoscaling_group",
    "dead_letter_queues",
    "functions",
    "panorama_set_commands",
    "queues",
)
QUICK_BOOT = {"license": 160.0, "register": 165.0, "content": 170.0}
PUSH_SECONDS = 5
SESSIONS = 6_000
"""Offered all the time: what two firewalls carry without being scaled."""
MEMBERS = 2
OTHER_IMAGE = "PA-VM-AWS-11.1.10-h25*"
BOOTSTRAP = "bootstrap"


@dataclass
class Live(Deployment):
    """A deployment of the module that is changed while it is in service.

    Attributes:
        site: What surrounds it (tests/fixtures/changes).
        source: Where its root module finds the module.
        inputs: What its root module says now.
    """

    site: dict[str, Any] = field(default_factory=dict)
    source: str = "../../../../"
    inputs: Inputs = field(default_factory=dict)

    @classmethod
    def build(cls, lab: Lab, folder: Path, *, module: Path | None = None, **variables: Any) -> Live:
        """Apply the site, and prepare a root module beside it.

        Args:
            lab: The lab.
            folder: Where the working copy of the repository goes; must not exist.
            module: Another checkout of the module; None for the copy of this one.
            variables: Variables of the site.
        """
        lab.firewalls.set_boot_times(**QUICK_BOOT)
        lab.panorama.configure(push_seconds=PUSH_SECONDS)
        surroundings = copy_root(lab.aws.environment(), SITE, folder, **variables)
        Deployment(lab, surroundings).apply()
        root = surroundings.folder / "live"
        root.mkdir()
        tools = terraform_environment()
        environment = {**tools.environment, **lab.aws.environment()}
        live = cls(lab, Workspace(root, binary=tools.binary, environment=environment))
        live.site = {**surroundings.output()["site"], **found(lab)}
        live.site["layer_archive"] = str(root / "layer.zip")
        if module:
            live.source = str(module)
        return live

    def write(self, inputs: Inputs) -> None:
        """Write the root module: one call of the module with these arguments."""
        call = {"source": self.source, **inputs}
        outputs = {name: {"value": f"${{module.firewalls.{name}}}"} for name in OUTPUTS}
        root = {"provider": {"aws": {}}, "module": {"firewalls": call}, "output": outputs}
        file = self.workspace.folder / "main.tf.json"
        file.write_text(json.dumps(root, indent=2), encoding="utf-8")
        self.inputs = inputs

    def begin(self, inputs: Inputs) -> None:
        """Apply the first inputs, and wait until the firewalls are in service with traffic."""
        self.write(inputs)
        self.workspace.init()
        self.workspace.keep_provider()
        self.apply()
        (archive,) = self.workspace.folder.glob(".terraform/vmseries-autoscale/*.zip")
        shutil.copy(archive, self.site["layer_archive"])
        if self.outputs.get("panorama_set_commands"):
            self.configure_panorama()
        self.wait_until_in_service(MEMBERS)
        self.lab.offer_sessions(SESSIONS)
        self.lab.advance(5 * MINUTE)

    def change(self, inputs: Inputs) -> Plan:
        """Write and apply other inputs, and return what the plan of the apply said."""
        planned: list[tuple[str, str]] = []

        def note(event: Event) -> None:
            if event.get("type") == "planned_change":
                change = event["change"]
                planned.append((change["resource"]["addr"], change["action"]))

        self.write(inputs)
        self.apply(on_event=note)
        return summarize(planned)

    def planned(self, inputs: Inputs) -> Plan:
        """Write other inputs, and return what a plan says."""
        self.write(inputs)
        changes = self.workspace.plan()
        return summarize(
            (change.address, change.actions[0] if len(change.actions) == 1 else "replace")
            for change in changes
            if not change.address.startswith("output.")
        )


def found(lab: Lab) -> dict[str, Any]:
    """Return what inputs can name and the site does not have: another image, and init-cfg keys."""
    images = lab.aws.client("ec2").describe_images(
        Owners=["aws-marketplace"], Filters=[{"Name": "name", "Values": [OTHER_IMAGE]}]
    )["Images"]
    return {
        "other_image": images[0]["ImageId"],
        "bootstrap_values": lab.aws.secret(BOOTSTRAP),
    }
