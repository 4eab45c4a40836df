"""The demonstration as a chart: offered load, firewalls and sessions per firewall over lab time."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vmseries_scenarios.demo.model import Moment, Phase

INK = "#1f2933"
MUTED = "#7b8794"
GRID = "#e4e7eb"
LOAD = "#d64545"
CAPACITY = "#0b7a75"
STARTING = "#f7c948"
LEAVING = "#9fb3c8"
MARGIN_SECONDS = 180.0
"""Lab time that the chart shows after the last phase."""

ZONES = ("#2563eb", "#7c3aed", "#db7706", "#0f766e", "#be185d", "#4d7c0f")
BANDS = ("#f5f7fa", "#ffffff")


def draw(
    moments: Sequence[Moment],
    phases: Sequence[Phase],
    loads: Sequence[tuple[float, int]],
    path: Path,
    *,
    sessions_at_target: float,
    target_text: str,
) -> None:
    """Draw the chart, and write it as a PNG.

    Args:
        moments: Observations, oldest first.
        phases: Intervals to mark; the chart starts at the first.
        loads: Lab time and number of sessions of each change of the load.
        path: The file to write; its folder is created.
        sessions_at_target: Sessions of one firewall at the target of target tracking.
        target_text: Name of that target, such as "60 % session utilization".

    Raises:
        ValueError: There is nothing to draw.
    """
    if not moments or not phases:
        raise ValueError("the lab was not observed, so there is no chart to draw")
    origin, end = phases[0].start, phases[-1].end + MARGIN_SECONDS
    seen = [moment for moment in moments if origin <= moment.at <= end]
    if not seen:
        raise ValueError("the lab was not observed during the phases")
    minutes = [(moment.at - origin) / 60 for moment in seen]

    # The object interface, not pyplot: it needs no global state and no window system.
    figure = Figure(figsize=(12.8, 9.0), dpi=150, facecolor="white", layout="constrained")
    axes = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [1.15, 1.0, 1.15]})
    load, capacity, sessions = axes
    for axis in axes:
        plain(axis)
        mark(axis, phases, origin)
    name_phases(load, phases, origin)

    draw_load(
        load,
        [(0.0, 0), *(((at - origin) / 60, offered) for at, offered in loads)],
        (end - origin) / 60,
    )
    draw_group_capacity(load, minutes, seen, sessions_at_target, target_text)
    draw_capacity(capacity, minutes, seen)
    draw_sessions(sessions, minutes, seen, sessions_at_target, target_text)

    sessions.set_xlabel("minutes on the lab's clock", color=INK)
    sessions.set_xlim(0, (end - origin) / 60)
    figure.suptitle(
        "VM-Series Auto Scaling group under a wave of load",
        x=0.012,
        ha="left",
        fontsize=16,
        fontweight="bold",
        color=INK,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def draw_load(axis: Axes, loads: Sequence[tuple[float, int]], end: float) -> None:
    """Draw the offered load as steps, up to the minute `end`."""
    minutes = [minute for minute, _ in loads] + [end]
    offered = [sessions for _, sessions in loads] + [loads[-1][1]]
    axis.fill_between(minutes, offered, step="post", color=LOAD, alpha=0.16, linewidth=0)
    axis.step(minutes, offered, where="post", color=LOAD, linewidth=2, label="offered load")


def draw_group_capacity(
    axis: Axes,
    minutes: Sequence[float],
    seen: Sequence[Moment],
    sessions_at_target: float,
    target_text: str,
) -> None:
    """Draw the capacity of the group at its target."""
    room = [moment.count() * sessions_at_target for moment in seen]
    label = f"capacity of the firewalls in service at {target_text}"
    axis.step(minutes, room, where="post", color=CAPACITY, linewidth=2, label=label)
    axis.set_ylim(0, 1.28 * max(axis.dataLim.ymax, 1))
    title(axis, "Load and capacity", "sessions")
    axis.yaxis.set_major_formatter(FuncFormatter(thousands))
    legend(axis, columns=2)


def draw_capacity(axis: Axes, minutes: Sequence[float], seen: Sequence[Moment]) -> None:
    """Draw how many firewalls are in service, start and terminate."""
    serving = [moment.count() for moment in seen]
    starting = [moment.count(starting=True) for moment in seen]
    leaving = [moment.count(leaving=True) for moment in seen]
    axis.stackplot(
        minutes,
        serving,
        starting,
        leaving,
        step="post",
        colors=[CAPACITY, STARTING, LEAVING],
        labels=["in service", "starting", "terminating"],
        alpha=0.9,
    )
    total = [sum(parts) for parts in zip(serving, starting, leaving, strict=True)]
    axis.set_ylim(0, 1.25 * max(*total, 1))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    title(axis, "Firewalls", "instances")
    legend(axis, columns=3)


def draw_sessions(
    axis: Axes,
    minutes: Sequence[float],
    seen: Sequence[Moment],
    sessions_at_target: float,
    target_text: str,
) -> None:
    """Draw a line for each firewall in service, in the color of its zone."""
    zones = sorted({firewall.zone for moment in seen for firewall in moment.firewalls})
    colors = {zone: ZONES[index % len(ZONES)] for index, zone in enumerate(zones)}
    lines: dict[str, tuple[str, list[float]]] = {}
    for index, moment in enumerate(seen):
        for firewall in moment.firewalls:
            if not firewall.in_service and not firewall.sessions:
                continue
            _, values = lines.setdefault(
                firewall.instance_id, (firewall.zone, [float("nan")] * len(seen))
            )
            values[index] = firewall.sessions
    labeled: set[str] = set()
    for zone, values in sorted(lines.values(), key=itemgetter(0)):
        label = None if zone in labeled else f"a firewall in {zone}"
        labeled.add(zone)
        axis.plot(minutes, values, color=colors[zone], linewidth=1.6, alpha=0.85, label=label)
    axis.axhline(
        sessions_at_target, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), label=target_text
    )
    most = max((f.sessions for moment in seen for f in moment.firewalls), default=0)
    axis.set_ylim(0, 1.28 * max(most, sessions_at_target, 1))
    title(axis, "Sessions per firewall", "sessions")
    axis.yaxis.set_major_formatter(FuncFormatter(thousands))
    legend(axis, columns=len(zones) + 1)


# Style --------------------------------------------------------------------------------------------


def plain(axis: Axes) -> None:
    """Remove the parts of a panel that carry no information."""
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(MUTED)
    axis.tick_params(colors=INK, length=0, labelsize=10)
    axis.grid(axis="y", color=GRID, linewidth=1)
    axis.set_axisbelow(True)


def mark(axis: Axes, phases: Sequence[Phase], origin: float) -> None:
    """Shade every other phase and draw where each begins."""
    for index, phase in enumerate(phases):
        start, end = (phase.start - origin) / 60, (phase.end - origin) / 60
        axis.axvspan(start, end, color=BANDS[index % 2], linewidth=0, zorder=0)
        if index:
            axis.axvline(start, color=MUTED, linewidth=0.8, linestyle=":", zorder=1)


def name_phases(axis: Axes, phases: Sequence[Phase], origin: float) -> None:
    """Write each phase's name above its band, on as many lines as its words need."""
    whole = max(phases[-1].end - origin, 1) / 60
    for phase in phases:
        start, end = (phase.start - origin) / 60, (phase.end - origin) / 60
        # A line holds about 120 characters over the whole width of the chart.
        room = max(6, int(120 * (end - start) / whole))
        axis.annotate(
            wrapped(phase.name, room),
            xy=((start + end) / 2, 1.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=9.5,
            color=INK,
        )


def wrapped(text: str, room: int) -> str:
    """Break a text between words so that no line is longer than `room`, where words allow it."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def title(axis: Axes, text: str, unit: str) -> None:
    """Name a panel and its unit."""
    axis.set_ylabel(f"{text}\n({unit})", color=INK, fontsize=11)


def legend(axis: Axes, *, columns: int) -> None:
    """Put the legend into the free strip at the top of a panel."""
    axis.legend(
        loc="upper left",
        ncols=columns,
        facecolor="white",
        edgecolor="none",
        framealpha=0.75,
        fontsize=10,
        labelcolor=INK,
        borderaxespad=0.3,
    )


def thousands(value: float, _position: int) -> str:
    """Write a tick as `12,500`."""
    return f"{value:,.0f}"
