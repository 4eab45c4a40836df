"""What the demonstration shows: words, plain lines, the live screen, the picture."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from vmseries_lab.core.timeline import Entry
from vmseries_scenarios.demo import chart
from vmseries_scenarios.demo.model import Board, Firewall, Job, Moment, Phase, Progress, Stage
from vmseries_scenarios.demo.terminal_view import LiveView, PlainView, clock, screen, view_for
from vmseries_scenarios.demo.timeline_text import words

START = 1_800_000_000.0
SERVING = Firewall(
    "i-0aaaaaaaaaaaaaaaa",
    "us-east-1a",
    "InService",
    serial="007951000000123",
    panorama="connected",
    group="in sync",
    stack="out",
    license="used",
    sessions=90_000,
    utilization=45.0,
    target="healthy",
)
BOOTING = Firewall("i-0bbbbbbbbbbbbbbbb", "us-east-1b", "Pending:Wait")
LEAVING = Firewall("i-0cccccccccccccccc", "us-east-1c", "Terminating:Wait", target="draining")


def board() -> Board:
    moment = Moment(START + 600, 90_000, (SERVING, BOOTING, LEAVING))
    return Board(
        stages=[Stage("apply", Progress.DONE, 81.6, "97 of 97"), Stage("wave", Progress.RUNNING)],
        elapsed=120,
        moment=moment,
        start=START,
        commits=[
            Job(7, "Commit", "operator", "", "OK", START + 60, START + 90),
            Job(9, "Commit", "autoscale", "edge: remove 2 firewalls", "PEND", START + 120),
        ],
        history=[moment],
        log=[(START + 1, "first"), (START + 2, "second")],
    )


def printed(width: int = 120) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=width, height=40), file


def test_states_of_a_firewall() -> None:
    assert SERVING.serving
    assert not BOOTING.serving
    assert LEAVING.leaving
    moment = board().moment
    assert moment is not None
    assert (moment.count(), moment.count(starting=True), moment.count(leaving=True)) == (1, 1, 1)


def test_the_screen_shows_every_firewall_and_the_newest_events() -> None:
    console, file = printed()
    console.print(screen(board(), height=40))
    text = file.getvalue()
    for word in (SERVING.instance_id, "Pending:Wait", "0079510", "in sync", "90,000", "second"):
        assert word in text
    assert len(text.splitlines()) <= 40


def row(text: str, word: str) -> list[str]:
    return next(line for line in text.splitlines() if word in line).strip("│ ").split()


def test_the_screen_shows_serial_sync_state_and_license_in_full() -> None:
    """Nothing of a row is cut off on a terminal of 120 columns."""
    console, file = printed()
    crowded = board()
    assert crowded.moment is not None
    leaving = replace(LEAVING, serial="007951000000124", panorama="disconnected", group="in sync")
    leaving = replace(leaving, stack="in sync", license="returned", sessions=120_000)
    crowded.moment = replace(crowded.moment, firewalls=(SERVING, leaving))
    console.print(screen(crowded, height=40))
    text = file.getvalue()
    assert " ".join(row(text, SERVING.instance_id)) == (
        "i-0aaaaaaaaaaaaaaaa 1a InService 007951000000123 connected in sync out used "
        "90,000 45 % healthy"
    )
    assert " ".join(row(text, leaving.instance_id)) == (
        "i-0cccccccccccccccc 1c Terminating:Wait 007951000000124 disconnected in sync in sync "
        "returned 120,000 0 % draining"
    )


def test_the_screen_shows_the_newest_commits() -> None:
    crowded = board()
    console, file = printed()
    console.print(screen(crowded, height=40))
    at = clock(START + 120)
    waiting = " ".join(row(file.getvalue(), "job 9"))
    assert waiting == f"{at} job 9 PEND autoscale edge: remove 2 firewalls"
    assert " ".join(row(file.getvalue(), "job 7")).endswith("job 7 OK operator -")
    crowded.commits = [replace(crowded.commits[0], number=number) for number in range(10, 99)]
    console, file = printed()
    console.print(screen(crowded, height=30))
    assert "job 98" in file.getvalue()
    assert "job 90" not in file.getvalue()
    assert len(file.getvalue().splitlines()) <= 30


def test_on_a_low_terminal_the_log_has_the_room_of_the_commits() -> None:
    crowded = board()
    crowded.log = [(START + number, f"event {number}") for number in range(500)]
    console, file = printed()
    console.print(screen(crowded, height=24))
    assert "job 9" not in file.getvalue()
    assert "event 499" in file.getvalue()
    assert len(file.getvalue().splitlines()) <= 24


def test_the_log_gives_way_to_the_height() -> None:
    crowded = board()
    crowded.log = [(START + number, f"event {number}") for number in range(500)]
    console, file = printed()
    console.print(screen(crowded, height=30))
    text = file.getvalue()
    assert "event 499" in text
    assert "event 400" not in text
    assert len(text.splitlines()) <= 30


def test_without_a_terminal_lines_are_added_once() -> None:
    console, file = printed()
    view = view_for(console)
    assert isinstance(view, PlainView)
    shown = board()
    with view:
        view.show(shown)
        view.show(shown)
        shown.stages[1].progress = Progress.FAILED
        view.show(shown)
    text = file.getvalue()
    assert text.count("first") == 1
    assert text.count("<== apply: done after 82 s: 97 of 97") == 1
    assert text.count("==> wave") == 1
    assert text.count("<== wave: failed") == 1


def test_plain_output_says_who_is_there_when_a_stage_ends() -> None:
    console, file = printed(width=80)
    view = PlainView(console)
    shown = board()
    view.show(shown)
    shown.stages[1].progress = Progress.DONE
    view.show(shown)
    line = (
        "    i-0aaaaaaaaaaaaaaaa us-east-1a InService, serial 007951000000123, Panorama connected, "
        "device group in sync, stack out, license used, target healthy, 90,000 sessions\n"
    )
    assert file.getvalue().count(line) == 2


def test_plain_output_says_now_and_then_where_things_stand() -> None:
    console, file = printed()
    times = iter([0.0, 0.0, 0.0, 14.0, 16.0, 16.0, 17.0])
    view = PlainView(console, now=lambda: next(times))
    for _ in range(4):
        view.show(board())
    assert file.getvalue().count("1 of 3 firewalls in service, 45 % utilised") == 1


def test_a_terminal_gets_the_live_view() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=40)
    view = view_for(console)
    assert isinstance(view, LiveView)
    with view:
        view.show(board())


@pytest.mark.parametrize(
    ("kind", "detail", "sentence"),
    [
        ("instance-in-service", {}, "i-1 is in service"),
        ("hook-waiting", {"hook": "terminate"}, "i-1 waits at the terminate hook"),
        ("desired-capacity", {"from": 3, "to": 6, "cause": "alarm"}, "capacity 3 -> 6 (alarm)"),
        ("desired-capacity", {}, "capacity ? -> ? (?)"),
        (
            "desired-capacity",
            {"cause": "alarm High-82ce3c94-dcfe-4314-b965-4efe523c32c2 triggered"},
            "(alarm High triggered)",
        ),
        ("interface-attached", {"device_index": 1}, "i-1 has interface 1"),
    ],
)
def test_words(kind: str, detail: dict[str, object], sentence: str) -> None:
    line = words(Entry(0, START, "lab", kind, "i-1", detail))
    assert line is not None
    assert sentence in line


def test_an_entry_about_a_serial_is_told_about_its_instance() -> None:
    entry = Entry(0, START, "panorama", "license-returned", "0071", {})
    assert words(entry, "i-7") == "i-7 gave its license back"
    assert words(entry) == "0071 gave its license back"


def test_what_there_is_too_much_of_is_left_out() -> None:
    assert words(Entry(0, START, "lab", "hook-heartbeat", "i-1", {"hook": "launch"})) is None


def test_the_picture_is_a_large_png(tmp_path: Path) -> None:
    moments = [
        Moment(START + 60 * minute, 1000 * minute, (SERVING, BOOTING)[: 1 + minute % 2])
        for minute in range(30)
    ]
    phases = [
        Phase("boot", START, START + 600),
        Phase("a rather long name for a short phase", START + 600, START + 1740),
    ]
    path = tmp_path / "made" / "demo.png"
    loads = [(START + 300, 5000), (START + 900, 20_000)]
    chart.draw(moments, phases, loads, path, sessions_at_target=120_000, target_text="60 %")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width >= 1500
        # Something was drawn: a blank picture has one colour.
        assert len(image.convert("RGB").getcolors(maxcolors=1 << 24) or []) > 50


def test_a_picture_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing was seen"):
        chart.draw([], [], [], tmp_path / "x.png", sessions_at_target=1, target_text="")
