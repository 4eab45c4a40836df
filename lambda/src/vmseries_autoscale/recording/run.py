"""Make a recording: run the requests, describe the answers, and bound the document."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from botocore.exceptions import BotoCoreError, ClientError

from vmseries_autoscale import secret_store
from vmseries_autoscale.aws import clients
from vmseries_autoscale.errors import AutoscaleError
from vmseries_autoscale.panorama.read_commands import connected_member
from vmseries_autoscale.recording import known_values, requests
from vmseries_autoscale.recording.neutral import Neutralizer
from vmseries_autoscale.recording.requests import Request
from vmseries_autoscale.recording.shape import describe
from vmseries_autoscale.settings import ReconcileSettings
from vmseries_autoscale.time_budget import TimeBudget

logger = logging.getLogger(__name__)

FORM = 1
"""Version of the document's form."""
MAXIMUM_BYTES = 256 * 1024
"""Size of the document. Lambda returns at most 6 MB ("Lambda quotas")."""
DESCRIBE_SECONDS = 20.0
"""Time reserved for the description of the largest answer, beside the time limit of a request."""

NEEDS_A_FIREWALL = (
    "Status before and after the first push, and the commit that Panorama makes by itself",
    "Whether the commit of a removal turns the other members Out of Sync",
    "Deactivation while connected and after the firewall has stopped: answer, job, list, reboot",
    "How long the license plugin lists a deactivated firewall",
    "Whether a firewall that is deleted while it is connected registers again",
    "A multi-config request whose second delete is refused, and the text of nothing to commit",
)
"""What no read-only request shows: it needs a firewall to throw away (docs/acceptance.md)."""

_NEEDED = frozenset({requests.DEVICE_GROUP, requests.LIST_OF_JOBS})

Answer = Callable[[ET.Element, str | None], ET.Element]


@dataclass
class Recorder:
    """Runs requests and keeps the descriptions of their answers.

    Attributes:
        ask: Runs a command, on a firewall if a serial number is given.
        neutralizer: Placeholders of the recording.
        has_time: Returns whether there is time for another request.
        answers: Descriptions, in the order of the requests.
        left_out: Names of requests that were not made or not described, with the reason.
    """

    ask: Answer
    neutralizer: Neutralizer
    has_time: Callable[[], bool]
    answers: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def run(self, request: Request) -> ET.Element | None:
        """Run one request. An error is recorded by its kind, without its text.

        Returns:
            The answer; ``None`` without one.
        """
        if not self.has_time():
            self.left_out.append(f"{request.name}: no time left in this invocation")
            return None
        described: dict[str, Any] = {"name": request.name, "question": request.question}
        start = time.monotonic()
        try:
            answer = self.ask(request.command, request.target)
        except AutoscaleError as error:
            logger.warning(
                "A request of the recording failed",
                extra={"request": request.name, "reason": str(error)},
            )
            seconds = round(time.monotonic() - start, 2)
            self.answers.append(described | {"seconds": seconds, "error": type(error).__name__})
            return None
        described["seconds"] = round(time.monotonic() - start, 2)
        described["bytes"] = len(ET.tostring(answer, encoding="utf-8"))
        self.answers.append(described | describe(answer, self.neutralizer))
        return answer

    def run_all(self, several: Iterable[Request]) -> dict[str, ET.Element]:
        """Run several requests, and return the answers that others depend on, by name."""
        kept = {}
        for request in several:
            answer = self.run(request)
            if answer is not None and request.name in _NEEDED:
                kept[request.name] = answer
        return kept


def record(settings: ReconcileSettings, time_budget: TimeBudget) -> dict[str, Any]:
    """Record what Panorama answers, without changing anything.

    Returns:
        ``ok``: whether Panorama was asked, and ``problems`` if not. ``answers``: for each request
        its ``name``, the ``question`` that it settles, ``seconds`` and ``bytes``, and
        ``elements`` and ``sample`` of the answer, or the ``error``. ``left_out``: what is missing,
        and why. ``needs_a_firewall``: open questions that only a firewall to throw away settles.
    """
    panorama = settings.panorama
    if panorama is None:
        return _document(False, [], [], ["The deployment has no Panorama."])
    # Loading pan-os-python is slow, and other actions do not need it here.
    from vmseries_autoscale.panorama import recording_client  # noqa: PLC0415

    left_out: list[str] = []
    known = known_values.of_settings(settings, panorama)
    try:
        known |= known_values.of_instances(clients.ec2(), settings.name)
    except (BotoCoreError, ClientError) as error:
        left_out.append(f"instances of EC2: {type(error).__name__}")
    try:
        credentials = secret_store.administrator_credentials(panorama.secret_arn)
        connection = recording_client.connect(panorama, credentials)
    except AutoscaleError as error:
        logger.warning("Panorama cannot be recorded", extra={"reason": str(error)})
        text = f"Panorama cannot be asked ({type(error).__name__}): run the pre-flight."
        return _document(False, [], left_out, [text])
    # The device group is often called like the administrator, and matters more.
    known.setdefault(credentials.username, "our-administrator")

    def has_time() -> bool:
        needed = panorama.timeout_seconds + DESCRIBE_SECONDS
        return time_budget.has_time() and time_budget.remaining_seconds() > needed

    recorder = Recorder(connection.answer, Neutralizer(known), has_time, left_out=left_out)
    kept = recorder.run_all(
        requests.of_panorama(
            panorama, credentials.username, settings.licensing_mode, settings.license_manager
        )
    )
    if (jobs := kept.get(requests.LIST_OF_JOBS)) is not None:
        recorder.run_all(requests.of_jobs(jobs))
    group = kept.get(requests.DEVICE_GROUP)
    serial = None if group is None else connected_member(group, panorama.device_group)
    if serial is None:
        left_out.append("firewall: no firewall of the device group is connected")
    else:
        recorder.run_all(requests.of_firewall(serial))
    return _document(True, recorder.answers, recorder.left_out, [])


def _document(
    ok: bool, answers: list[dict[str, Any]], left_out: list[str], problems: list[str]
) -> dict[str, Any]:
    """Return the document. The samples of the largest answers are dropped until it fits."""
    document = {
        "ok": ok,
        "form": FORM,
        "problems": problems,
        "answers": answers,
        "left_out": left_out,
        "needs_a_firewall": list(NEEDS_A_FIREWALL),
    }
    for part in ("sample", "elements"):
        for answer in sorted(answers, key=lambda one: -len(json.dumps(one.get(part, "")))):
            if len(json.dumps(document)) <= MAXIMUM_BYTES:
                return document
            if answer.pop(part, None) is not None:
                left_out.append(f"{answer['name']}: the {part}, because the document is too long")
    return document
