"""A lab that stands still and continues in independent forked processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"

PROGRAM = """
import http.client, json, os, sys, threading
from vmseries_lab.server import Laboratory

lab = Laboratory()
serving = threading.Thread(target=lab.server.serve_forever, args=(0.01,), daemon=True)
serving.start()
lab.world.timeline.add("test", "before", "all")
now = lab.world.clock.now()
lab.stand_still()
serving.join()
threads = threading.active_count()
reports = []
for child in range(2):
    reading, writing = os.pipe()
    if os.fork() == 0:
        lab.go_on(now)
        lab.world.timeline.add("test", "after", str(child))
        lab.world.clock.jump(60 * child)
        connection = http.client.HTTPConnection(lab.world.endpoint.removeprefix("http://"))
        connection.request("GET", "/lab/timeline")
        entries = [e["subject"] for e in json.loads(connection.getresponse().read())]
        passed = round(lab.world.clock.now() - now)
        os.write(writing, json.dumps([lab.world.endpoint, entries, passed]).encode())
        os._exit(0)
    os.close(writing)
    reports.append(json.loads(os.read(reading, 65536)))
    os.wait()
print(json.dumps({"threads": threads, "reports": reports}))
lab.functions.stop()
"""


@pytest.mark.lab
def test_forks_of_a_lab_have_nothing_in_common_but_the_past() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    seen = json.loads(answer.stdout)
    assert seen["threads"] == 1
    (first, second) = seen["reports"]
    assert first[0] != second[0]
    assert first[1] == ["all", "0"]
    assert second[1] == ["all", "1"]
    assert first[2] < 30 <= second[2]
