"""The proof as a command."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tf_setup import SetupError, terraform_environment
from vmseries_lab.client import LabError
from vmseries_scenarios.least_privilege import scenarios, tables
from vmseries_scenarios.least_privilege.proof import prove
from vmseries_scenarios.terraform import TerraformError

REPOSITORY = Path(__file__).resolve().parents[4]
DOCUMENT = Path("docs/security.md")
DEPLOYMENTS = (
    scenarios.FULL,
    scenarios.LICENSED_BY_PANORAMA,
    scenarios.WITHOUT_PANORAMA,
    scenarios.BARE,
)
WIDTH = 140
AT_ONCE = 3
"""Deployments; Terraform's provider waits most of the time."""


def run(
    *,
    write: bool = False,
    repository: Path = REPOSITORY,
    console: Console | None = None,
) -> int:
    """Apply the deployments, have everything happen in them, and compare.

    Args:
        write: bring docs/security.md up to date, instead of failing if it is not.
        repository: the checkout whose module is tried; only the document in it changes.
        console: where to print.

    Returns:
        The exit status: 0 only if no call was refused, nothing that is granted is unused, nothing
        can be taken away unnoticed, and the document says what is granted.
    """
    # A table that is not looked at in a terminal need not fit into one.
    console = console or Console(width=None if sys.stdout.isatty() else WIDTH)
    start = time.monotonic()
    # A supervisor's polite end is to stop Terraform and the labs just as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        tools = terraform_environment()
        with (
            tempfile.TemporaryDirectory(prefix="vmseries-permissions-") as scratch,
            ThreadPoolExecutor(AT_ONCE) as pool,
        ):
            performances = [
                pool.submit(
                    scenarios.perform,
                    features,
                    repository,
                    Path(scratch) / str(number),
                    tools.binary,
                    tools.environment,
                )
                for number, features in enumerate(DEPLOYMENTS)
            ]
            results = [performance.result() for performance in performances]
    except (SetupError, LabError, TerraformError, scenarios.ScenarioError) as error:
        console.print(Text(str(error), "red"))
        return 1
    deployments = [result.deployment for result in results]
    proof = prove(deployments)
    console.print(tables.proven(proof, deployments))
    problems = [
        *(problem for result in results for problem in result.undecided),
        *(f"refused: {call}" for call in sorted(set(proof.refused))),
        *(f"unused: {grant}" for grant in proof.unused),
        *(f"can be taken away unnoticed: {name}" for name in proof.unnoticed),
        *_document(repository / DOCUMENT, tables.document(results[0].permissions), write=write),
    ]
    for problem in problems:
        console.print(Text(problem, "red"), soft_wrap=True)
    console.print(f"{proof.calls} calls in {time.monotonic() - start:.0f} s")
    console.print(proof.verdict)
    return 0 if proof.holds and not problems else 1


def _document(path: Path, text: str, *, write: bool) -> list[str]:
    """Write the document's table, or say that it is not current."""
    if write:
        tables.write(path, text)
        return []
    if tables.is_current(path, text):
        return []
    return [f"{path.name} does not say what is granted: run make prove-permissions WRITE=1"]
