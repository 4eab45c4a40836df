"""The fuzzer's own parts: its verdicts, its processes, and how it shortens inputs."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fuzz import judge
from fuzz.damage import http_response, json_tree, raw_bytes, xml_tree
from fuzz.damage.http_response import HttpResponse
from fuzz.device import RECORDED, EndlessCallError
from fuzz.judge import Judge, Verdict
from fuzz.minimize import minimized
from fuzz.targets import ACCEPTED, MARKER, MEMORY_BOUND

FOLDER = Path(__file__).resolve().parents[1]
LOGGER = logging.getLogger("vmseries_autoscale.of_the_fuzzer")


class NamedError(Exception):
    """The error that the reader under test may raise."""


class Reader:
    """A target whose inputs are functions."""

    name = "reader"
    named_errors = (NamedError,)

    def read(self, case: Any) -> str:
        return case() or ACCEPTED

    def has_secret(self, _case: Any) -> bool:
        return True

    def is_planted(self, _case: Any) -> bool:
        return True


def verdict(case: Any, *, plant: bool = False) -> Verdict:
    return Judge(Reader(), plant=plant).verdict(case)  # type: ignore[arg-type]


def raising(error: BaseException, cause: Exception | None = None) -> Any:
    def read() -> None:
        raise error from cause

    return read


@pytest.mark.parametrize(
    ("case", "label"),
    [
        (lambda: None, ACCEPTED),
        (lambda: "MalformedEventError", "MalformedEventError"),
        (raising(NamedError("short")), "NamedError"),
    ],
)
def test_an_input_that_is_accepted_or_refused_with_a_named_error_is_fine(
    case: Any, label: str
) -> None:
    found = verdict(case)
    assert (found.label, found.failed) == (label, False)


def logging_the_secret() -> None:
    LOGGER.warning("said", extra={"reason": f"the key {MARKER} is wrong"})


@pytest.mark.parametrize(
    ("case", "label"),
    [
        (raising(KeyError("x")), "unnamed KeyError"),
        (raising(RecursionError()), "unnamed RecursionError"),
        (raising(EndlessCallError()), "too many requests"),
        (raising(NamedError(f"the key {MARKER} is wrong")), "NamedError: shows a secret"),
        (raising(NamedError("wrong"), ValueError(MARKER)), "NamedError: shows a secret"),
        (raising(NamedError("x" * 2000)), "NamedError: quotes more than 1 KiB"),
        (logging_the_secret, "a log record: shows a secret"),
    ],
)
def test_each_kind_of_failure_is_noticed(case: Any, label: str) -> None:
    found = verdict(case)
    assert (found.label, found.failed) == (label, True)
    assert found.unnamed is label.startswith("unnamed")


def test_a_slow_input_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 1.0 + judge.CPU_BOUND_SECONDS + 0.1])
    monkeypatch.setattr(judge.time, "process_time", lambda: next(times))
    assert verdict(lambda: None).label == "over its CPU time"


def test_an_input_that_needs_much_memory_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([1 << 20, (1 << 20) + MEMORY_BOUND + 1])
    monkeypatch.setattr(judge, "_peak_memory", lambda: next(peaks))
    assert verdict(lambda: None).label == "over its memory"


def test_the_negative_control_fails() -> None:
    assert verdict(lambda: None, plant=True).label == "unnamed PlantedError"


CRASHES = """
import os, signal
from fuzz import processes
from fuzz.targets import ACCEPTED

class Crashing:
    name, named_errors = "crashing", ()
    make = lambda self, rng: None
    has_secret = is_planted = lambda self, case: False
    count = 0
    def read(self, case):
        self.count += 1
        if self.count == 3:
            ENDING
        return ACCEPTED

for result in processes.Runner("seed", lanes=1).run([Crashing()], range(5)):
    print(result.number, result.verdict.label)
"""


@pytest.mark.parametrize(
    ("ending", "label"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ends the process: SIGSEGV"),
        ("os._exit(7)", "ends the process: status 7"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "does not end"),
        ("os.kill(os.getpid(), signal.SIGALRM)", "waits without an end"),
    ],
)
def test_an_input_that_ends_its_process_is_named_and_the_next_ones_run(
    ending: str, label: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", CRASHES.replace("ENDING", ending)],
        env={**os.environ, "PYTHONPATH": f"{FOLDER.parent}/lambda/src:{FOLDER}"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = run.stdout.splitlines()
    assert lines[:3] == [f"0 {ACCEPTED}", f"1 {ACCEPTED}", f"2 {label}"]
    assert lines[3:] == [f"3 {ACCEPTED}", f"4 {ACCEPTED}"]


def test_an_input_is_shortened_to_what_fails() -> None:
    content = "a" * 500 + "[" + "b" * 300 + "]" + "c" * 200
    assert minimized(content, lambda text: "[" in text and "]" in text) == "[]"
    assert minimized(b"", lambda _: True) == b""


def test_shortening_ends_after_a_number_of_trials() -> None:
    trials: list[str] = []
    minimized("x" * 10_000, lambda text: bool(trials.append(text)), trials=20)
    assert len(trials) == 20


def generator(seed: object) -> Random:
    return Random(f"{seed}")  # noqa: S311 - not for secrets


EVENT = (FOLDER / "events" / "launch.json").read_text()


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: json_tree.damaged(rng, EVENT, EVENT),
        lambda rng: xml_tree.damaged(rng, RECORDED["jobs"], RECORDED["devices"]),
        lambda rng: raw_bytes.damaged(rng, RECORDED["jobs"], b"other"),
        lambda rng: http_response.damaged(rng, HttpResponse(RECORDED["jobs"])),
    ],
    ids=["JSON", "XML", "bytes", "HTTP"],
)
def test_a_seed_always_makes_the_same_input(make: Any) -> None:
    inputs = [make(generator(number)) for number in range(100)]
    assert inputs == [make(generator(number)) for number in range(100)]
    different = {repr(content) for content in inputs}
    assert len(different) > 60


def test_the_inputs_are_deep_long_and_odd() -> None:
    rng = generator("sizes")
    documents = [json_tree.damaged(rng, EVENT, EVENT) for _ in range(1000)]
    assert max(map(len, documents)) > 2_000_000
    for piece in ("[" * 200_000, "9" * 5000, "NaN", "\\ud800", "\ufeff", "\u202e", "\\u0000"):
        assert any(piece in document for document in documents), piece[:10]
    responses = [xml_tree.damaged(rng, RECORDED["jobs"], RECORDED["devices"]) for _ in range(1500)]
    assert max(map(len, responses)) > 1_000_000
    tags = (b"<a>", b"<entry>", b"<result>", b"<line>", b"<msg>")
    assert any(tag * 100_000 in response for response in responses for tag in tags)
    for part in (
        *(b"<!DOCTYPE", b"SYSTEM", b"&i;", b"xmlns", b"<?php", b"<!--"),
        *(b"<![CDATA[", b"UTF-16", "\u202e".encode()),
    ):
        assert any(part in response for response in responses), part[:10]
