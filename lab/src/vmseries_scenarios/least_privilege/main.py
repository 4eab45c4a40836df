"""The proof of least privilege as a command."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.text import Text

from vmseries_scenarios.deployment import REPOSITORY
from vmseries_scenarios.least_privilege import scenarios, tables
from vmseries_scenarios.least_privilege.proof import prove
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm

DOCUMENT = Path("docs/security.md")
DEPLOYMENTS = (
    scenarios.FULL,
    scenarios.LICENSED_BY_PANORAMA,
    scenarios.WITHOUT_PANORAMA,
    scenarios.WITH_STRATA_CLOUD_MANAGER,
    scenarios.BY_HEALTH_CHECKS,
    scenarios.BARE,
)
AT_ONCE = 3
"""How many deployments run at a time: the Terraform provider waits most of the time."""


def run(
    *,
    write: bool = False,
    repository: Path = REPOSITORY,
    console: Console | None = None,
) -> int:
    """Apply the deployments, let everything happen in them, and compare.

    Args:
        write: Update docs/security.md, instead of failing if it is not current.
        repository: The checkout whose module is applied; only the document in it may change.
        console: Where to print.

    Returns:
        The exit status: 0 only if no call was refused, no grant is unused, nothing can be removed
        unnoticed, and the document is current.
    """
    console = open_console(console)
    start = time.monotonic()
    stop_on_sigterm()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="vmseries-") as scratch,
            ThreadPoolExecutor(AT_ONCE) as pool,
        ):
            performances = [
                pool.submit(scenarios.perform, features, repository, Path(scratch) / str(number))
                for number, features in enumerate(DEPLOYMENTS)
            ]
            results = [performance.result() for performance in performances]
    except RUN_ERRORS as error:
        console.print(Text(str(error), "red"))
        return 1
    evidence = [result.evidence for result in results]
    proof = prove(evidence)
    console.print(tables.proven(proof, evidence))
    problems = [
        *(problem for result in results for problem in result.undecided),
        *(f"refused: {call}" for call in sorted(set(proof.refused))),
        *(f"unused: {grant}" for grant in proof.unused),
        *(f"can be removed unnoticed: {name}" for name in proof.unnoticed),
        *_document(repository / DOCUMENT, tables.document(results[0].permissions), write=write),
    ]
    for problem in problems:
        console.print(Text(problem, "red"), soft_wrap=True)
    console.print(f"{proof.calls} calls in {time.monotonic() - start:.0f} s")
    console.print(proof.verdict)
    return 0 if proof.holds and not problems else 1


def _document(path: Path, text: str, *, write: bool) -> list[str]:
    """Write the tables into the document, or return the problem that it is not current."""
    if write:
        tables.write(path, text)
        return []
    if tables.is_current(path, text):
        return []
    return [f"{path.name} is not current: run make prove-permissions WRITE=1"]
