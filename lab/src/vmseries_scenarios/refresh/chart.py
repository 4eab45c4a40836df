"""Healthy targets during an instance refresh, one panel for each readiness mode."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vmseries_scenarios.demo.chart import CAPACITY, INK, LOAD, MUTED, plain
from vmseries_scenarios.refresh.observation import Observation

COLUMNS = 2


def draw(observations: Sequence[Observation], path: Path) -> None:
    """Draw the chart, and write it as an SVG.

    Args:
        observations: One instance refresh for each panel.
        path: The file to write; its folder is created.

    Raises:
        ValueError: There is nothing to draw.
    """
    if not observations:
        raise ValueError("no instance refresh was observed, so there is no chart to draw")
    rows = -(-len(observations) // COLUMNS)
    longest = max(observation.samples[-1].at for observation in observations) / 60
    # Two charts of the same observations are equal, and text stays text.
    with mpl.rc_context({"svg.hashsalt": "refresh", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10.0, 2.1 * rows + 0.6), facecolor="white", layout="constrained")
        panels = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False).flatten()
        for panel, observation in zip(panels, observations, strict=False):
            _draw_panel(panel, observation)
            panel.set_xlim(0, longest)
        for panel in panels[len(observations) :]:
            panel.set_visible(False)
        for panel in panels[-COLUMNS:]:
            panel.set_xlabel("minutes since the start of the instance refresh", color=INK)
        panels[0].legend(loc="lower right", frameon=False, fontsize=8, labelcolor=INK)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})


def _draw_panel(panel: Axes, observation: Observation) -> None:
    minutes = [sample.at / 60 for sample in observation.samples]
    healthy = [sample.healthy for sample in observation.samples]
    in_service = [sample.in_service for sample in observation.samples]
    desired = observation.desired
    plain(panel)
    panel.step(
        minutes, in_service, where="post", color=MUTED, linewidth=1, label="firewalls in service"
    )
    panel.step(minutes, healthy, where="post", color=CAPACITY, linewidth=2, label="healthy targets")
    panel.axhline(desired, color=INK, linewidth=1, linestyle=(0, (4, 3)), label="desired")
    short = [number < desired for number in healthy]
    panel.fill_between(
        minutes, healthy, desired, where=short, step="post", color=LOAD, alpha=0.3, linewidth=0
    )
    panel.set_ylim(0, max(*in_service, *healthy) + 0.6)
    panel.yaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_title(
        f"{observation.mode} (warm-up {observation.warmup} s)", loc="left", fontsize=10, color=INK
    )
