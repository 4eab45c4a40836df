"""The auto-commit, with which a firewall activates its configuration at boot.

After it, the firewall is ready: Palo Alto Networks, PAN-OS CLI Quick Start, ``show chassis-ready``
and ``show jobs all``, which shows it as a job of type ``AutoCom``. Its duration is the lab's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from vmseries_lab.panorama.responses import leaf, with_lines


@dataclass(frozen=True, slots=True)
class AutoCommit:
    """The auto-commit of one boot.

    Attributes:
        begins: lab time of its start, at which the management web server starts, too.
        ends: lab time of its end.
        failure: reason why it fails; empty if it does not.
    """

    begins: float
    ends: float
    failure: str = ""

    def ready(self, now: float) -> bool:
        """Whether the firewall is ready to forward traffic."""
        return now >= self.ends and not self.failure

    def job(self, now: float) -> Element:
        """Return the job as ``show jobs`` shows it."""
        ended = now >= self.ends
        outcome = "FAIL" if self.failure else "OK"
        facts = {
            "tenq": _moment(self.begins),
            "tdeq": _moment(self.begins)[11:],
            "id": 1,
            "user": "",
            "type": "AutoCom",
            "status": "FIN" if ended else "ACT",
            "queued": "NO",
            "stoppable": "no",
            "result": outcome if ended else "PEND",
            "tfin": _moment(self.ends) if ended else "Still Active",
            "description": "",
            "positionInQ": 0,
            "progress": 100 if ended else self._progress(now),
        }
        job = Element("job")
        job.extend(leaf(tag, value) for tag, value in facts.items())
        lines = [self.failure or "Configuration committed successfully"] if ended else []
        job.append(with_lines(Element("details"), *lines))
        job.append(Element("warnings"))
        return job

    def _progress(self, now: float) -> int:
        return int(99 * (now - self.begins) / max(self.ends - self.begins, 1e-9))


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d %H:%M:%S")
