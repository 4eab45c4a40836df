"""The log level of the settings applies to this package, and never to a library."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import container
import pytest
from awslambdaric.bootstrap import StandardLogSink, _setup_logging
from awslambdaric.lambda_runtime_log_utils import LogFormat

from vmseries_autoscale import telemetry

LIBRARIES = (
    "botocore.parsers",
    "boto3.resources",
    "urllib3.connectionpool",
    "pan.xapi",
    "panos.base",
    "s3transfer.futures",
    "a_library_of_the_future",
)
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lambda_runtime(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Lines]:
    """Log as Lambda's runtime does, with JSON format and the level DEBUG; returns the lines."""
    container.set_environment(monkeypatch)
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers.clear()
    container.cold_start()
    _setup_logging(LogFormat.JSON, "DEBUG", StandardLogSink())
    assert root.level == logging.DEBUG

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    yield lines
    root.handlers[:] = before
    root.setLevel(level)
    container.cold_start()


def log_below_warning(name: str) -> None:
    # Below DEBUG as well: pan-python and pan-os-python have such levels.
    for level in (logging.INFO, logging.DEBUG, logging.DEBUG - 1, logging.DEBUG - 5, 1):
        logging.getLogger(name).log(level, "a secret")


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_logs_nothing_below_warning_at_the_level_debug(
    lambda_runtime: Lines, name: str
) -> None:
    """Finding F2: botocore logged the content of secrets."""
    with telemetry.invocation("edge"):
        log_below_warning(name)
        assert lambda_runtime() == []
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_sets_its_own_level_logs_nothing_below_warning(
    lambda_runtime: Lines, name: str
) -> None:
    logging.getLogger(name).setLevel(1)
    try:
        with telemetry.invocation("edge"):
            log_below_warning(name)
            assert lambda_runtime() == []
    finally:
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_a_level_that_the_runtime_sets_between_invocations_does_not_last(
    lambda_runtime: Lines,
) -> None:
    with telemetry.invocation("edge"):
        pass
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger().handlers[0].setLevel(logging.DEBUG)
    with telemetry.invocation("edge"):
        log_below_warning("botocore")
    assert lambda_runtime() == []


def test_warnings_of_libraries_are_logged(lambda_runtime: Lines) -> None:
    with telemetry.invocation("edge"):
        logging.getLogger("a_library_of_the_future").warning("look at this")
    assert [line["message"] for line in lambda_runtime()] == ["look at this"]


@pytest.mark.parametrize(("level", "expected"), [("DEBUG", 1), ("INFO", 0)])
def test_the_level_of_the_settings_applies_to_this_package(
    lambda_runtime: Lines, monkeypatch: pytest.MonkeyPatch, level: str, expected: int
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", level)
    with telemetry.invocation("edge"):
        logging.getLogger("vmseries_autoscale.launch.visit").debug("a step")
    assert [line["message"] for line in lambda_runtime()] == ["a step"] * expected
