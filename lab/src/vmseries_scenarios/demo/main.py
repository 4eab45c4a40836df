"""The demonstration as a command: set-up, performance, verdict."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tf_setup import SetupError, terraform_environment
from vmseries_lab.client import LabError
from vmseries_scenarios.demo import chart, panorama_history, summary
from vmseries_scenarios.demo.model import Moment
from vmseries_scenarios.demo.scenario import LARGE, PACE, SMALL, STAGES, Outcome, Scenario, Script
from vmseries_scenarios.demo.stage_runner import Conductor, StageError
from vmseries_scenarios.demo.terminal_view import view_for
from vmseries_scenarios.terraform import TerraformError

REPOSITORY = Path(__file__).resolve().parents[4]
EXAMPLE = "examples/two-arm"
PICTURE = Path(".build/demo/demo.png")
INTERRUPTED = 130
"""The exit status of a command that Ctrl-C ended, by the shells' custom."""


def run(
    *,
    negative_control: bool = False,
    chart_path: Path = PICTURE,
    pace: float = PACE,
    repository: Path = REPOSITORY,
    example: str = EXAMPLE,
    console: Console | None = None,
) -> int:
    """Play the demonstration and say how it went.

    Args:
        negative_control: leave one interface and one license behind, so that the run has to fail.
        chart_path: where to write the picture; a relative path is in the repository.
        pace: lab seconds per real second, at most.
        repository: the checkout to demonstrate; stays as it is.
        example: the root module to apply, in the repository.
        console: where to print.

    Returns:
        The exit status: 0 only if every stage came to its end, nothing was left behind and no
        firewall got traffic before it was ready.
    """
    console = console or Console()
    start = time.monotonic()
    # A supervisor's polite end is to stop Terraform and the lab just as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        tools = terraform_environment()
    except SetupError as error:
        console.print(Text(str(error), "red"))
        return 1
    problem = ""
    with tempfile.TemporaryDirectory(prefix="vmseries-demo-") as scratch:
        view = view_for(console)
        conductor = Conductor(view, STAGES)
        scenario = Scenario(
            conductor,
            Script(
                repository=repository,
                example=example,
                scratch=Path(scratch),
                binary=tools.binary,
                environment=dict(tools.environment),
                pace=pace,
                negative_control=negative_control,
            ),
        )
        try:
            with view:
                scenario.perform()
        except KeyboardInterrupt:
            console.print("Interrupted: Terraform and the lab are stopped.")
            return INTERRUPTED
        except (StageError, TerraformError, LabError) as error:
            problem = str(error)
    outcome = scenario.outcome
    conclude(outcome, conductor.board.history, console, repository / chart_path)
    console.print(Text(f"duration: {time.monotonic() - start:.0f} s"))
    failures = [problem] if problem else judge(outcome)
    for failure in failures:
        console.print(Text(f"FAILED: {failure}", "bold red"), soft_wrap=True)
    if outcome.leftovers is not None:
        console.print(Text(summary.leftovers_line(outcome.leftovers), "bold"))
    return 1 if failures else 0


def conclude(
    outcome: Outcome, history: Sequence[Moment], console: Console, chart_path: Path
) -> None:
    """Print the figures and write the picture, as far as the run came."""
    console.rule("summary")
    for line in [*panorama_history.lines(outcome.ledger), *summary.lines(figures(outcome))]:
        console.print(Text(line), soft_wrap=True)
    if outcome.phases:
        chart.draw(
            history,
            outcome.phases,
            outcome.loads,
            chart_path,
            sessions_at_target=outcome.sessions_at_target,
            target_text=f"{outcome.target:.0f} % session utilisation",
        )
        console.print(Text(f"chart: {chart_path}"), soft_wrap=True)


def judge(outcome: Outcome) -> list[str]:
    """Return what is wrong with a run whose stages all came to their end."""
    return summary.failures(figures(outcome), outcome.leftovers, smallest=SMALL, largest=LARGE)


def figures(outcome: Outcome) -> summary.Summary:
    """Compute the run's figures."""
    return summary.summarize(outcome.entries, administrator=outcome.administrator)
