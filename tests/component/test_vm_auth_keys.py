"""When the VM auth keys of the lab's Panorama expire: what a run and the pre-flight tell of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from component.fakes import lab_panorama
from component.fakes.cloud import Cloud
from component.fakes.functions import become_reconcile
from component.fakes.lab_panorama import Firewall
from component.fakes.logs import Logs, metrics
from component.fakes.steps import run
from vmseries_autoscale import panorama
from vmseries_lab.core.world import World
from vmseries_lab.net.https import Response
from vmseries_lab.panorama import initial_config
from vmseries_lab.panorama.service import RegistrationRejectedError

DAY = 86400
DAYS_LEFT, UNKNOWN = "VmAuthKeyDaysLeft", "VmAuthKeysUnknown"
KEY = initial_config.VM_AUTH_KEY
OTHER_KEY = "290217562047543"


@dataclass
class Site:
    """The account in memory and the lab's Panorama, with one clock."""

    cloud: Cloud
    world: World
    vendor: Any
    logs: Logs

    def expire(self, days: float, key: str = KEY) -> None:
        self.vendor.panorama.vm_auth_keys.generate(key, days * 24)

    def run(self) -> tuple[dict[str, Any], dict[str, float], str]:
        """The report and the metrics of a run, and all that it logged."""
        report = run(self.cloud)
        records = self.logs()
        return report, metrics(records), json.dumps(records)


@pytest.fixture
def site(reconciling: Cloud, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> Iterator[Site]:
    world = World()
    reconciling.account.now = datetime.fromtimestamp(world.clock.now(), UTC)
    with lab_panorama.installed(world) as vendor:
        monkeypatch.setattr(panorama, "connect", lambda _settings: lab_panorama.connect(vendor))
        logs()
        yield Site(reconciling, world, vendor, logs)


def test_each_run_tells_for_how_many_days_firewalls_can_join(site: Site) -> None:
    site.expire(2.5)
    _, counted, _ = site.run()
    assert (counted[DAYS_LEFT], counted[UNKNOWN]) == (2, 0)
    site.expire(300.5, OTHER_KEY)
    report, counted, logged = site.run()
    assert (counted[DAYS_LEFT], counted[UNKNOWN]) == (300, 0), "the alarm ends with a new key"
    assert report["not_checked"] == {}
    assert KEY not in logged
    assert OTHER_KEY not in logged


@pytest.mark.parametrize(("answer", "days"), [("listed", -2), ("dropped", None)])
def test_a_key_that_has_expired_may_be_listed_or_not(
    site: Site, answer: str, days: int | None
) -> None:
    """Without it there are no data, and the alarm that the days before have raised lasts."""
    site.world.assumptions.set(expired_vm_auth_keys=answer)
    site.expire(-1.5)
    _, counted, _ = site.run()
    assert (counted.get(DAYS_LEFT), counted[UNKNOWN]) == (days, 0)
    with pytest.raises(RegistrationRejectedError):
        site.vendor.panorama.register(
            Firewall("007951000012345"), KEY, group=None, stack=None, logs=None
        )


def test_an_answer_of_another_form_is_named_and_counted_and_disturbs_nothing(site: Site) -> None:
    other = f"<response status='success'><result><keys>{KEY}</keys></result></response>"
    asked = answer_instead(site, other)
    report, counted, logged = site.run()
    assert len(asked) == 1, "a run asks once"
    assert report["not_checked"]["VM auth keys"].startswith("VmAuthKeysError: ")
    assert "VmAuthKeysError" in logged
    assert counted[UNKNOWN] == 1
    assert DAYS_LEFT not in counted
    assert counted["ReconcileCompleted"] == 1
    assert KEY not in logged


@pytest.mark.parametrize(
    "refusal",
    [
        '<response status="error" code="16"><msg>Unauthorized request</msg></response>',
        '<response status="error" code="17"><msg>bootstrap is invalid</msg></response>',
        '<response status="error" code="22"><msg>Session timed out</msg></response>',
        f"<response status='success'><result><vm-auth-key>{KEY}",
    ],
)
def test_a_refused_or_broken_answer_disturbs_nothing(site: Site, refusal: str) -> None:
    answer_instead(site, refusal)
    report, counted, logged = site.run()
    assert report["not_checked"].keys() == {"VM auth keys"}
    assert (counted[UNKNOWN], counted["ReconcileCompleted"]) == (1, 1)
    assert KEY not in logged


def test_firewalls_that_the_plugin_licenses_join_with_its_own_key(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer_instead(site, "")
    become_reconcile(site.cloud, monkeypatch, licensing_mode="plugin", license_manager="lab")
    _, counted, _ = site.run()
    assert asked == []
    assert not {DAYS_LEFT, UNKNOWN} & counted.keys()


def answer_instead(site: Site, text: str) -> list[str]:
    """Have Panorama answer this to the question about the keys; return the requests for it."""
    asked: list[str] = []

    def intercept(request: Any, _connection: Any, effect: Any) -> Any:
        command = request.parameters.get("cmd", "")
        if "<vm-auth-key>" not in command:
            return effect()
        asked.append(command)
        return Response(text.encode(), "application/xml")

    site.vendor.panorama.peers[0].server.intercept = intercept
    return asked
