"""The search for secrets as a command."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import REPOSITORY, Deployment
from vmseries_scenarios.program import RUN_ERRORS, open_console, stop_on_sigterm
from vmseries_scenarios.secret_search import haystack, story
from vmseries_scenarios.secret_search.needles import PUBLIC, Secrets, collect
from vmseries_scenarios.secret_search.search import Found, Needle, search

NOT_SEARCHED = (
    f"Not searched for, because they are public: {', '.join(PUBLIC.values())}, access key IDs, "
    "and the ARNs of secrets. By design, dead letters keep the whole event for a redrive, with the "
    "token of a lifecycle action that has ended, and Auto Scaling itself names the token of an "
    "action that was abandoned."
)


@dataclass(frozen=True, slots=True)
class Result:
    """The search in one deployment.

    Attributes:
        deployment: Features of the deployment.
        needles: The values.
        found: What was found in each place.
        libraries: Libraries that logged below WARNING.
        debug_records: Number of the package's own records at the level DEBUG.
        errors: Errors of the lab.
    """

    deployment: tuple[str, ...]
    needles: list[Needle]
    found: list[Found]
    libraries: list[str]
    debug_records: int
    errors: list[str]


def run(
    *,
    negative_control: bool = False,
    repository: Path = REPOSITORY,
    console: Console | None = None,
) -> int:
    """Let everything happen at the log level DEBUG, and search for every secret value.

    Args:
        negative_control: Write a secret into a log group, as a faulty function would; the run must
            fail.
        repository: The checkout whose module is applied.
        console: Where to print.

    Returns:
        The exit status: 0 only if no value was found, and no library logged below WARNING.
    """
    console = open_console(console)
    start = time.monotonic()
    stop_on_sigterm()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="vmseries-") as scratch,
            ThreadPoolExecutor(len(story.DEPLOYMENTS)) as pool,
        ):
            searches = [
                pool.submit(
                    partial(_search, plant=negative_control and not number),
                    features,
                    repository,
                    Path(scratch) / str(number),
                )
                for number, features in enumerate(story.DEPLOYMENTS)
            ]
            results = [running.result() for running in searches]
    except RUN_ERRORS as error:
        console.print(Text(str(error), "red"))
        return 1
    for result in results:
        console.print(_values(result), _places(result))
    console.print(NOT_SEARCHED, soft_wrap=True)
    problems = [
        *(f"{name} logged below WARNING" for result in results for name in result.libraries),
        *(error for result in results for error in result.errors),
        *("no record has the level DEBUG" for result in results if not result.debug_records),
    ]
    for problem in problems:
        console.print(Text(problem, "red"), soft_wrap=True)
    records = sum(result.debug_records for result in results)
    console.print(f"records of the functions at the level DEBUG: {records}")
    hits = sum(found.hits.total() for result in results for found in result.found)
    values = len({needle.value for result in results for needle in result.needles})
    texts = sum(len(found.place.texts) for result in results for found in result.found)
    console.print(f"{time.monotonic() - start:.0f} s")
    console.print(f"values {values}, texts {texts}, hits {hits}")
    return 1 if hits or problems else 0


def _search(features: tuple[str, ...], repository: Path, folder: Path, *, plant: bool) -> Result:
    with Lab() as lab:
        secrets = Secrets(lab)
        deployment = story.perform(features, lab, repository, folder)
        story.live(deployment, features, secrets)
        if plant:
            leave_behind(deployment)
        needles = collect(secrets)
        return Result(
            features,
            needles,
            search(haystack.places(deployment), needles),
            haystack.library_records(deployment),
            haystack.debug_records(deployment),
            lab.errors(),
        )


def leave_behind(deployment: Deployment) -> None:
    """Write a secret into the log of the launch function, as a faulty function would."""
    logs, group = deployment.lab.aws.client("logs"), f"/aws/lambda/{deployment.name}-launch"
    key = deployment.lab.aws.secret("licensing-api-key")["api_key"]
    logs.create_log_stream(logGroupName=group, logStreamName="negative-control")
    logs.put_log_events(
        logGroupName=group,
        logStreamName="negative-control",
        logEvents=[{"timestamp": int(deployment.lab.now() * 1000), "message": f"the key is {key}"}],
    )


def _values(result: Result) -> Table:
    counts = Counter(needle.kind for needle in result.needles)
    table = Table("Searched for", "Values", title=", ".join(result.deployment))
    for kind, number in sorted(counts.items()):
        table.add_row(kind, str(number))
    return table


def _places(result: Result) -> Table:
    table = Table("Searched in", "Texts", "Hits", "By design")
    for found in result.found:
        table.add_row(
            found.place.name,
            str(len(found.place.texts)),
            _counted(found.hits) or "0",
            _counted(found.permitted),
        )
    return table


def _counted(hits: Counter[str]) -> str:
    return ", ".join(f"{number} of {kind}" for kind, number in sorted(hits.items()))
