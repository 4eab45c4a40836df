"""The demonstration as a command: set-up, run, verdict."""

from __future__ import annotations

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
from vmseries_scenarios.demo.stage_runner import StageError, StageRunner
from vmseries_scenarios.demo.terminal_view import view_for
from vmseries_scenarios.deployment import REPOSITORY
from vmseries_scenarios.program import stop_on_sigterm
from vmseries_scenarios.terraform import TerraformError

EXAMPLE = "examples/two-arm"
CHART = Path(".build/demo/demo.png")
INTERRUPTED = 130
"""Exit status of a command that Ctrl-C has ended, as in shells."""


def run(
    *,
    negative_control: bool = False,
    chart_path: Path = CHART,
    pace: float = PACE,
    repository: Path = REPOSITORY,
    example: str = EXAMPLE,
    console: Console | None = None,
) -> int:
    """Run the demonstration, and print its result.

    Args:
        negative_control: Leave an interface and a license behind, so that the run must fail.
        chart_path: Where to write the chart; a relative path is in the repository.
        pace: Maximum lab seconds per real second.
        repository: The checkout to demonstrate, which stays as it is.
        example: The root module to apply, in the repository.
        console: Where to print.

    Returns:
        The exit status: 0 only if every stage ended, nothing was left behind and no firewall got
        traffic before it was ready.
    """
    console = console or Console()
    start = time.monotonic()
    stop_on_sigterm()
    try:
        tools = terraform_environment()
    except SetupError as error:
        console.print(Text(str(error), "red"))
        return 1
    problem = ""
    with tempfile.TemporaryDirectory(prefix="vmseries-demo-") as scratch:
        view = view_for(console)
        runner = StageRunner(view, STAGES)
        scenario = Scenario(
            runner,
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
                scenario.run()
        except KeyboardInterrupt:
            console.print("Interrupted: Terraform and the lab are stopped.")
            return INTERRUPTED
        except (StageError, TerraformError, LabError) as error:
            problem = str(error)
    outcome = scenario.outcome
    conclude(outcome, runner.board.history, console, repository / chart_path)
    console.print(Text(f"duration: {time.monotonic() - start:.0f} s"))
    failures = [problem] if problem else judge(outcome)
    for failure in failures:
        console.print(Text(f"FAILED: {failure}", "bold red"), soft_wrap=True)
    if outcome.leftovers is not None:
        # On one line also where the terminal is narrow, for those who search for it.
        console.print(Text(summary.leftovers_line(outcome.leftovers), "bold"), soft_wrap=True)
    return 1 if failures else 0


def conclude(
    outcome: Outcome, history: Sequence[Moment], console: Console, chart_path: Path
) -> None:
    """Print the figures and write the chart, as far as there are results."""
    console.rule("summary")
    for line in [
        *panorama_history.lines(outcome.panorama_history),
        *summary.lines(figures(outcome)),
    ]:
        console.print(Text(line), soft_wrap=True)
    if outcome.phases:
        chart.draw(
            history,
            outcome.phases,
            outcome.loads,
            chart_path,
            sessions_at_target=outcome.sessions_at_target,
            target_text=f"{outcome.target:.0f} % session utilization",
        )
        console.print(Text(f"chart: {chart_path}"), soft_wrap=True)


def judge(outcome: Outcome) -> list[str]:
    """Return what is wrong with a run whose stages all ended."""
    return summary.failures(figures(outcome), outcome.leftovers, smallest=SMALL, largest=LARGE)


def figures(outcome: Outcome) -> summary.Summary:
    """Return the figures of a run."""
    return summary.summarize(outcome.entries, administrator=outcome.administrator)
