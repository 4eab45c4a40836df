"""Answers of Strata Cloud Manager's API, through its parsers and the decision about readiness."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from random import Random

from fuzz.damage import json_tree
from fuzz.targets import ACCEPTED, MARKER, UnusableResultError
from vmseries_autoscale.errors import DeviceUnavailableError
from vmseries_autoscale.launch.strata_cloud_manager_readiness import not_ready_reason
from vmseries_autoscale.settings import Readiness
from vmseries_autoscale.strata_cloud_manager import answers

_SERIAL = "007951000012345"
_FOLDER = "autoscale"
_LONGEST_REASON = 2000
_DEVICE = {
    "id": _SERIAL,
    "name": "PA-VM",
    "display_name": "PA-VM",
    "serial_number": _SERIAL,
    "folder": _FOLDER,
    "hostname": "ip-10-0-1-7",
    "ip_address": "10.0.1.7",
    "mac_address": "0a:1b:2c:3d:4e:5f",
    "is_connected": True,
}
_JOB = {
    "id": "116",
    "device_name": _SERIAL,
    "type_str": "CommitAndPush",
    "status_str": "PUSHFAIL",
    "result_str": "FAIL",
    "summary": "Configuration push failed",
    "details": '{"errors": ["validation failed"]}',
}
_EXAMPLES = {
    "token": {"access_token": f"{MARKER}-token", "token_type": "Bearer", "expires_in": 899},
    "devices": {"data": [_DEVICE, {**_DEVICE, "folder": "other"}], "total": 2},
    "running": {"data": [{"device": _SERIAL, "version": 71}, {"device": _FOLDER, "version": 72}]},
    "jobs": {"data": [_JOB], "total": 1},
    "refusal": {"_errors": [{"code": "E007", "message": "Unauthorized"}], "_request_id": MARKER},
}


@dataclass(frozen=True)
class StrataCase:
    """One answer.

    Attributes:
        kind: What was asked for.
        body: The answer.
    """

    kind: str
    body: str


class StrataCloudManager:
    """The parsers of all answers."""

    name = "strata-cloud-manager"
    named_errors: tuple[type[Exception], ...] = (DeviceUnavailableError,)

    def make(self, rng: Random) -> StrataCase:
        kind, other = rng.choice(tuple(_EXAMPLES)), rng.choice(tuple(_EXAMPLES))
        body = json_tree.damaged(rng, json.dumps(_EXAMPLES[kind]), json.dumps(_EXAMPLES[other]))
        return StrataCase(kind, body)

    def read(self, case: StrataCase) -> str:
        body = case.body.encode("utf-8", "surrogatepass")
        match case.kind:
            case "token":
                if "\n" in answers.token(body).value:
                    raise UnusableResultError("the token ends a header")
            case "refusal":
                if "\n" in answers.error_text(body):
                    raise UnusableResultError("the reason ends a line")
            case "devices":
                self._read_devices(body)
            case "running":
                if any(version < 0 for version in answers.running_versions(body).values()):
                    raise UnusableResultError("a negative version")
            case _:
                for job in answers.jobs(body):
                    if job.failed and not job.finished:
                        raise UnusableResultError("a job that failed before it ended")
        return ACCEPTED

    def _read_devices(self, body: bytes) -> None:
        found = answers.firewalls(answers.page(body).entries)
        if len({item.serial for item in found}) < len(found):
            raise UnusableResultError("two firewalls with one serial number")
        for item in found:
            if not item.serial.isalnum() or "\n" in item.hostname:
                raise UnusableResultError("a text that is no serial number or host name")
            reason = not_ready_reason(Readiness.IN_SYNC, item, _FOLDER, dict, list)
            if reason is None or len(reason) > _LONGEST_REASON:
                raise UnusableResultError("a firewall is ready without a configuration")

    def content(self, case: StrataCase) -> str:
        return case.body

    def with_content(self, case: StrataCase, content: str) -> StrataCase:
        return replace(case, body=content)

    def has_secret(self, case: StrataCase) -> bool:
        return True

    def is_planted(self, case: StrataCase) -> bool:
        return not case.body.startswith("{")
