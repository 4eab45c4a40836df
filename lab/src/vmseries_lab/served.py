"""The labs that are served from this checkout, so that commands find them without an argument.

Each of them has a record in ``.build/labs`` while it runs. A record whose lab no longer answers,
because its process was killed, is removed when it is found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vmseries_lab.client import LabError
from vmseries_lab.client.attached import ask

FOLDER = Path(__file__).resolve().parents[3] / ".build" / "labs"


@contextmanager
def recorded(ready: dict[str, Any]) -> Iterator[None]:
    """Keep a record of a lab inside this context.

    Args:
        ready: what the lab responds to ``GET /lab/ready``.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    record = FOLDER / f"{_port(ready['endpoint'])}.json"
    try:
        record.write_text(json.dumps({"endpoint": ready["endpoint"], "pid": ready["pid"]}))
        yield
    finally:
        record.unlink(missing_ok=True)
        record.with_suffix(".pem").unlink(missing_ok=True)


def endpoints() -> list[str]:
    """Return the endpoints of the labs that are served, and remove records of those that ended."""
    found = []
    for record in sorted(FOLDER.glob("*.json")):
        content = json.loads(record.read_text())
        try:
            alive = ask(content["endpoint"])["pid"] == content["pid"]
        except LabError:
            alive = False
        if alive:
            found.append(str(content["endpoint"]))
        else:
            record.unlink(missing_ok=True)
            record.with_suffix(".pem").unlink(missing_ok=True)
    return found


def choose(endpoint: str | None) -> str:
    """Return the endpoint that a command is for: the given one, or that of the only served lab.

    Raises:
        LabError: if there is no lab, or if there are several.
    """
    if endpoint:
        return endpoint
    served = endpoints()
    if not served:
        raise LabError("No lab is served. Start one with `make serve`, or name one: --endpoint.")
    if len(served) > 1:
        raise LabError(f"Several labs are served: {', '.join(served)}. Name one: --endpoint.")
    return served[0]


def write_ca(endpoint: str, ca_pem: str) -> Path:
    """Write the CA certificate of a lab to a file, for programs that need one; return its path."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{_port(endpoint)}.pem"
    path.write_text(ca_pem)
    return path


def _port(endpoint: str) -> int:
    return urlsplit(endpoint).port or 0
