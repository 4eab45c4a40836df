"""Lab time does not depend on which process or thread the machine runs first."""

from __future__ import annotations

import threading

import pytest
from account import Account

from vmseries_lab.client import Lab
from vmseries_lab.core.clock import Clock
from vmseries_lab.net.held_responses import REQUEST_HEADER, delay


class FastCaller:
    """The connection of a function that sleeps, and lets the clock move, at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.until = 0.0

    def sendall(self, data: bytes) -> None:
        self.until = float(data.decode().split("X-Lab-Until: ")[1].split("\r\n")[0])
        assert self._clock.held() == [self.until]
        self._clock.jump(self.until - self._clock.now())


def test_a_function_that_sleeps_before_its_response_is_held_gets_it_on_time() -> None:
    """The server held the response for another delay: the visit hung, and repeated the call."""
    clock = Clock()
    caller = FastCaller(clock)
    server = threading.Thread(
        target=delay, args=(caller, {REQUEST_HEADER: "1"}, 0.1, clock), daemon=True
    )
    server.start()
    server.join(timeout=60)
    assert not server.is_alive()
    assert clock.now() == pytest.approx(caller.until, abs=1e-5)
    assert clock.held() == []


def test_a_delayed_call_keeps_the_clock_until_it_has_taken_effect() -> None:
    """Its caller can have given up, and sleep until much later."""
    clock = Clock()
    caller = FastCaller(clock)
    with clock.answering():
        delay(caller, {REQUEST_HEADER: "1"}, 0.1, clock)  # type: ignore[arg-type]
        assert clock.held() == [caller.until]
        delay(caller, {REQUEST_HEADER: "1"}, 0.1, clock)  # type: ignore[arg-type]
        assert clock.held() == [caller.until]
    assert clock.held() == []


def test_a_caller_that_has_gone_leaves_no_held_response() -> None:
    class Gone:
        def sendall(self, _data: bytes) -> None:
            raise BrokenPipeError

    clock = Clock()
    with pytest.raises(BrokenPipeError):
        delay(Gone(), {REQUEST_HEADER: "1"}, 0.1, clock)  # type: ignore[arg-type]
    assert clock.held() == []


SLOW_RESULT = """
import select, time
from concurrent.futures import Future, ThreadPoolExecutor
set_result = Future.set_result
def slowly(future, result):
    select.select([], [], [], 0.5)
    set_result(future, result)
def handler(event, context):
    with ThreadPoolExecutor() as pool:
        pool.submit(time.sleep, 3)
        begun, Future.set_result = time.time(), slowly
        pool.submit(int).result()
        Future.set_result = set_result
        return time.time() - begun
"""
SLOW_END = """
import queue, select, time
from concurrent.futures import ThreadPoolExecutor
class Slow(queue.Queue):
    def get(self, *args, **kwargs):
        item = super().get(*args, **kwargs)
        if item is None:
            select.select([], [], [], 0.5)
        return item
def handler(event, context):
    with ThreadPoolExecutor() as pool:
        pool.submit(time.sleep, 3)
        begun = time.time()
        with ThreadPoolExecutor() as inner:
            inner._work_queue = Slow()
            inner.submit(int)
        return time.time() - begun
"""


@pytest.mark.parametrize("code", [SLOW_RESULT, SLOW_END])
def test_a_thread_that_the_machine_delays_does_not_let_lab_time_pass(
    account: Account, code: str
) -> None:
    """One thread sleeps while another gets a result, or joins threads that have no work."""
    assert account.invoke(account.function(code)) == (0.0, "")


GIVES_UP = """
import time
import boto3
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
def handler(name, context):
    config = Config(read_timeout=9, retries={"total_max_attempts": 1})
    sqs = boto3.client("sqs", config=config)
    try:
        sqs.create_queue(QueueName=name)
    except ReadTimeoutError:
        time.sleep(60)
"""


def test_a_call_takes_effect_late_by_lab_time(lab: Lab, account: Account) -> None:
    """The lab can notice late that the caller has given up, while the caller sleeps already."""
    arn = account.function(GIVES_UP, Timeout=120)
    lab.faults.add("sqs", "CreateQueue", role="*", kind="late", seconds=4)
    assert account.invoke(arn, account.name) == (None, "")
    lab.settle()
    (call,) = [c for c in lab.calls() if c["parameters"].get("QueueName") == account.name]
    assert call["seconds"] == 13
