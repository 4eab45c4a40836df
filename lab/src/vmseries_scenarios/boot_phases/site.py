"""The site: a deployment for each way in which licenses are returned, in a lab that forks."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from vmseries_lab.licensing_api import API_KEY
from vmseries_lab.panorama import lab_settings
from vmseries_lab.panorama.license_managers import LICENSE_MANAGER
from vmseries_lab.seed import NAMESPACE
from vmseries_scenarios.boot_phases.points import MINUTE, Way
from vmseries_scenarios.crash_matrix.forkable_lab import ForkableLab
from vmseries_scenarios.crash_matrix.forks import results_of

FIXTURE = "tests/fixtures/boot-phases"
STRATA = "strata"
"""The deployment that Strata Cloud Manager manages. It returns licenses as DIRECT does."""
DEPLOYMENTS = (*map(str, Way), STRATA)
PUSH_SECONDS = 10
BOOT = {"bootstrap": 60.0, "license": 120.0, "register": 180.0, "content": 240.0}
"""Lab seconds from power-on."""
LEAVE_LIMIT = 6 * 60 * MINUTE
"""Lab time after which a firewall that has not left counts as held for good."""
RECONCILED = 75 * MINUTE
"""Lab time of the reconcile function: its age floor, and several runs."""


def results(
    works: Mapping[str, Callable[[ForkableLab], Any]],
    lanes_per_core: int,
    lanes: int | None,
    applied: Callable[[], None],
) -> Iterator[tuple[str, Any]]:
    """Apply the root module, run each work in a fork, and yield its name and result as they end.

    The result of a work that failed is its RuntimeError.

    Args:
        works: What to run, by name, with a lab of its own. The result is its dataclass as a dict.
        lanes_per_core: How many to run at a time for each core, without ``lanes``.
        lanes: How many to run at a time.
        applied: Called when Terraform has applied the root module.
    """
    with tempfile.TemporaryDirectory(prefix="boot-phases-") as folder:
        lab = ForkableLab(FIXTURE)
        try:
            lab.set_up(Path(folder), partial(_prepare, lab))
            applied()
            _start(lab)
            forks = {name: partial(_send, lab, work) for name, work in works.items()}
            yield from results_of(forks, lanes or lanes_per_core * (os.cpu_count() or 1))
        finally:
            lab.close()


def _send(
    lab: ForkableLab, work: Callable[[ForkableLab], Any], send: Callable[[Any], None]
) -> None:
    send(asdict(work(lab)))
    lab.simulator.functions.workers.end_idle()


def _prepare(lab: ForkableLab) -> None:
    """Install the plugin and the licensing API key, and create the plugin's bootstrap secret.

    Called before the first apply.
    """
    vendor = lab.simulator.vendor
    vendor.plugin.configure(installed=True)
    vendor.panorama.leading.licenses.api_key.value = API_KEY
    secrets = lab.client("secretsmanager")
    secret = secrets.get_secret_value(SecretId=f"{NAMESPACE}/bootstrap")["SecretString"]
    parameters = json.loads(secret)
    (manager,) = (item for item in vendor.plugin.managers() if item.name == LICENSE_MANAGER)
    for key in ("vm-auth-key", "authcodes"):
        del parameters[key]
    commands = f"{parameters['plugin-op-commands']},panorama-licensing-mode-on"
    parameters |= {"auth-key": manager.auth_key, "plugin-op-commands": commands}
    secrets.create_secret(Name=f"{NAMESPACE}/bootstrap-plugin", SecretString=json.dumps(parameters))


def _start(lab: ForkableLab) -> None:
    """Disable schedules and alarms, and serve the firewalls' APIs, before the process forks."""
    lab.resume()
    cloudwatch = lab.client("cloudwatch")
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in alarms])
    for name in DEPLOYMENTS:
        lab.client("events").disable_rule(Name=f"{name}-reconcile")
    simulator = lab.simulator
    lab_settings.configure(
        simulator.vendor.panorama, push_seconds=PUSH_SECONDS, commit_seconds=PUSH_SECONDS
    )
    simulator.fleet.apis.configure(served=True)
    lab.client("logs")
    functions = "launch", "terminate"
    lab.keep_snapshots(*(f"{name}-{function}" for name in DEPLOYMENTS for function in functions))
    lab.pause()
