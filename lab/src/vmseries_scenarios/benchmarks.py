"""Benchmarks: what visits cost, and what depends on the machine's speed.

Calls and times of visits are the same on every machine (``visit_costs``). Real time is measured
here and nowhere else: tests and proofs use the lab's clock, which waits for the code. Each of its
figures is the median of several runs, next to its ratio to the start of a Python interpreter on the
same machine in the same run: the ratio compares across machines, the seconds do not.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vmseries_lab.client import Lab
from vmseries_scenarios import visit_costs
from vmseries_scenarios.program import RUN_ERRORS, open_console

REPOSITORY = Path(__file__).resolve().parents[3]
HANDLERS = REPOSITORY / "lambda/src/vmseries_autoscale/handlers"
RUNS = 5
LAB_SECONDS = 600.0
REQUESTS = 20


def measure(action: Callable[[], object], runs: int = RUNS) -> float:
    """Return the median of the seconds that an action takes."""
    return statistics.median(_seconds(action) for _ in range(runs))


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _python(code: str) -> Callable[[], object]:
    """Return an action that runs code in an interpreter of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "lambda/src"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_NAMESPACE": "benchmarks",
        "POWERTOOLS_SERVICE_NAME": "benchmarks",
    }
    return lambda: subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def _start_lab() -> None:
    with Lab():
        pass


def benchmarks() -> dict[str, float]:
    """Return the seconds of each benchmark by its name; the first one is the unit."""
    seconds = {"start of a Python interpreter": measure(_python("pass"))}
    for handler in sorted(HANDLERS.glob("[a-z]*.py")):
        module = f"vmseries_autoscale.handlers.{handler.stem}"
        code = f"import {module}"
        seconds[f"import of the {handler.stem} function"] = measure(_python(code))
    seconds["start of the lab"] = measure(_start_lab, runs=3)
    with Lab() as lab:
        lab.stop_clock()
        ec2 = lab.aws.client("ec2")
        seconds[f"{LAB_SECONDS:.0f} lab seconds without firewalls"] = measure(
            lambda: lab.advance(LAB_SECONDS)
        )
        ec2.describe_vpcs()
        seconds[f"{REQUESTS} requests to the lab's EC2"] = measure(
            lambda: [ec2.describe_vpcs() for _ in range(REQUESTS)]
        )
    return seconds


def run(console: Console | None = None) -> int:
    """Measure, and print the tables.

    Args:
        console: where to print.

    Returns:
        The exit status: 1 only if something failed, since a slow machine is no failure.
    """
    console = open_console(console)
    try:
        costs = visit_costs.all_costs()
    except RUN_ERRORS as error:
        console.print(f"FAILED: {error}", soft_wrap=True, markup=False)
        return 1
    console.print("AWS calls and lab time by kind of visit, 0.1 s for each call")
    console.print(visit_costs.table(costs))
    table = Table("benchmark", "median", "ratio")
    seconds = benchmarks()
    unit = next(iter(seconds.values()))
    for name, median in seconds.items():
        table.add_row(name, f"{median * 1000:.0f} ms", f"{median / unit:.1f}")
    console.print(table)
    return 0
