"""An instance refresh in each readiness mode as a command."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import REPOSITORY, Deployment, DeploymentError
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm
from vmseries_scenarios.refresh import chart
from vmseries_scenarios.refresh.modes import FIREWALLS, MODES, ROOT, Mode
from vmseries_scenarios.refresh.observation import (
    Observation,
    refresh,
    refresh_with_short_warmup,
)

AT_ONCE = 2
"""How many deployments run at a time: the Terraform provider waits most of the time."""


def run(only: Sequence[str], chart_path: Path, *, console: Console | None = None) -> int:
    """Refresh a group in each mode, and print and draw its healthy targets.

    Args:
        only: Only modes whose name contains one of these texts; all modes if it is empty.
        chart_path: Where to write the chart.
        console: Where to print.

    Returns:
        The exit status: 0 only if no mode had fewer healthy targets than desired at any time, and
        the negative control had.
    """
    console = open_console(console)
    start = time.monotonic()
    stop_on_sigterm()
    modes = [mode for mode in MODES if not only or any(text in mode.name for text in only)]
    if not modes:
        console.print(Text(f"no mode is named {' or '.join(only)}", "red"))
        return 2
    try:
        with (
            tempfile.TemporaryDirectory(prefix="vmseries-") as scratch,
            ThreadPoolExecutor(AT_ONCE) as pool,
        ):
            folders = [Path(scratch) / str(number) for number in range(len(modes))]
            found = [each for some in pool.map(observe, modes, folders) for each in some]
    except RUN_ERRORS as error:
        console.print(Text(str(error), "red"))
        return 1
    observations = [each for each in found if not is_control(each)]
    controls = [each for each in found if is_control(each)]
    console.print(table_of(found))
    chart.draw(found, chart_path)
    problems = [problem for observation in observations for problem in observation.problems]
    problems += [
        f"{control.mode}: the negative control had {control.fewest} healthy targets all the time"
        for control in controls
        if control.fewest >= control.desired
    ]
    for problem in problems:
        console.print(Text(problem, "red"), soft_wrap=True)
    console.print(f"{chart_path} after {time.monotonic() - start:.0f} s")
    kept = sum(not observation.problems for observation in observations)
    console.print(f"refresh: {kept} of {len(observations)} modes keep all healthy targets")
    return 1 if problems else 0


def is_control(observation: Observation) -> bool:
    """Return whether an observation is of the negative control."""
    return observation.mode not in {mode.name for mode in MODES}


def observe(mode: Mode, folder: Path, repository: Path = REPOSITORY) -> list[Observation]:
    """Apply a deployment, and refresh it; with ``off``, also with a warm-up that is too short.

    Args:
        mode: The readiness mode.
        folder: Where to copy the root module to; must not exist.
        repository: The checkout whose module is applied.

    Raises:
        DeploymentError: Something did not happen, or the lab had errors.
    """
    with Lab() as lab:
        lab.firewalls.set_boot_times(**mode.boot_times)
        if mode.variables.get("own_api"):
            lab.firewalls.serve_xml_api()
        deployment = Deployment.copy(lab, ROOT, folder, repository=repository, **mode.inputs)
        deployment.apply()
        deployment.wait_until_in_service(FIREWALLS)
        observations = [refresh(deployment, mode.name)]
        if mode.variables.get("readiness") == "off":
            observations.append(refresh_with_short_warmup(deployment))
        if errors := lab.errors():
            raise DeploymentError("the lab had errors:\n" + "\n".join(errors))
        return observations


def table_of(observations: Sequence[Observation]) -> Table:
    """Return the figures of each refresh as a table."""
    table = Table(title=f"An instance refresh of {FIREWALLS} firewalls, with the defaults")
    table.add_column("readiness")
    for heading in ("warm-up", "minutes", "replaced", "fewest healthy", "desired", "short"):
        table.add_column(heading, justify="right")
    for each in observations:
        table.add_row(
            each.mode,
            f"{each.warmup} s",
            f"{each.seconds / 60:.0f}",
            str(each.replaced),
            str(each.fewest),
            str(each.desired),
            f"{each.seconds_short:.0f} s",
        )
    return table
