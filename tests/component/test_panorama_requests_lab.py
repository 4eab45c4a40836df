"""How many requests the functions make to the lab's Panorama, through their handlers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from component.fakes import lab_panorama
from component.fakes.cloud import Cloud
from component.fakes.functions import become_reconcile, become_terminate, configure
from component.fakes.lab_panorama import Firewall
from component.fakes.logs import Logs
from component.fakes.steps import FLOOR, run, termination_event
from vmseries_autoscale import panorama
from vmseries_autoscale.firewall_records import LicenseState
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.pan_os.transport import Transport
from vmseries_autoscale.panorama import Part
from vmseries_lab.core.world import World
from vmseries_lab.licensing_api import API_KEY, AUTH_CODE
from vmseries_lab.panorama import initial_config

MINUTE = 60
BATCH = 10


@dataclass
class Site:
    """The account in memory and the lab's Panorama, with one clock for both.

    Attributes:
        requests: The requests to Panorama.
    """

    cloud: Cloud
    world: World
    vendor: Any
    monkeypatch: pytest.MonkeyPatch
    requests: list[dict[str, str]] = field(default_factory=list)
    serials: dict[str, str] = field(default_factory=dict)

    def advance(self, seconds: float) -> None:
        self.cloud.account.now += timedelta(seconds=seconds)
        self.world.advance(seconds)

    def shown(self) -> list[str]:
        """What each request since the last call was about."""
        shown = [request.get("cmd") or request.get("xpath", "") for request in self.requests]
        self.requests.clear()
        return shown

    def register(self, instance_id: str) -> str:
        """Register the firewall of an instance with Panorama; return its serial number."""
        if instance_id not in self.serials:
            serial = self.vendor.licensing.activate(AUTH_CODE, instance_id, "CPU")
            self.serials[instance_id] = serial
        serial = self.serials[instance_id]
        address = self.cloud.attached(instance_id)[1]["PrivateIpAddress"]
        self.vendor.panorama.register(
            Firewall(serial, instance_id, ip_address=address),
            initial_config.VM_AUTH_KEY,
            group=initial_config.DEVICE_GROUP,
            stack=initial_config.TEMPLATE_STACK,
            logs=initial_config.COLLECTOR_GROUP,
        )
        return serial

    def bring_into_service(self, number: int) -> list[str]:
        """Have the launch function bring firewalls into service; return their instances."""
        configure(
            self.monkeypatch,
            self.cloud.launch_settings(license_expected=False, readiness="connected"),
        )
        own = [self.cloud.instance_id, *(self.cloud.add_instance() for _ in range(number - 1))]
        for instance_id in own:
            event = self.cloud.event(Transition.LAUNCHING, instance_id)
            assert self.cloud.deliver(event) == ["message-0"]
            self.register(instance_id)
            self.world.advance(MINUTE)
            assert self.cloud.deliver(event) == []
        become_terminate(self.cloud, self.monkeypatch)
        return own

    def listed(self) -> frozenset[str]:
        """The firewalls that any part of Panorama's running configuration has."""
        running = lab_panorama.connect(self.vendor).running_members()
        return frozenset[str]().union(*(running[part] for part in Part))


@pytest.fixture
def site(launching: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    world = World()
    with lab_panorama.installed(world) as vendor:
        vendor.panorama.leading.licenses.api_key.value = API_KEY
        site = Site(launching, world, vendor, monkeypatch)
        monkeypatch.setattr(panorama, "connect", lambda _settings: lab_panorama.connect(vendor))
        post = Transport.post

        def counted(transport: Transport, fields: dict[str, str]) -> Any:
            site.requests.append(dict(fields))
            return post(transport, fields)

        monkeypatch.setattr(Transport, "post", counted)
        yield site


@pytest.mark.documents(id="panorama/removal/few-requests")
@pytest.mark.parametrize(
    ("stored", "terminations", "limit"),
    [("current", 1, 20), ("current", 20, 40), ("stale", 1, 20), ("stale", 20, 60)],
)
def test_f9_terminations_take_few_requests_to_panorama(
    site: Site, stored: str, terminations: int, limit: int
) -> None:
    """One alone takes at most 20 requests in all of its visits, and 20 at once at most 40.

    One more for each firewall if Panorama's own list of licenses is out of date.
    """
    site.world.assumptions.set(batch_license_info=stored)
    leaving = site.bring_into_service(terminations + 1)[1:]
    events = [termination_event(site.cloud, instance_id) for instance_id in leaving]
    batches = [events[first : first + BATCH] for first in range(0, terminations, BATCH)]
    site.requests.clear()
    for _ in range(10):
        batches = [batch for batch in batches if site.cloud.deliver(*batch)]
        if not batches:
            break
        site.advance(MINUTE)
    assert not batches
    assert site.cloud.results == ["CONTINUE"] * terminations
    shown = site.shown()
    assert len(shown) <= limit, shown
    assert site.listed() == {site.serials[site.cloud.instance_id]}


def terminate(site: Site, *events: dict[str, Any], again: bool = False) -> None:
    """Deliver the events until their messages are deleted.

    Args:
        site: The account and Panorama.
        events: Events of terminations.
        again: Whether the firewalls register again whenever Panorama does not manage them.
    """
    for _ in range(8):
        if not site.cloud.deliver(*events):
            return
        site.advance(MINUTE)
        for event in events if again else ():
            instance_id = event["detail"]["EC2InstanceId"]
            if not site.vendor.panorama.is_managed(site.serials[instance_id]):
                site.register(instance_id)
    pytest.fail("the message is still in the queue")


@pytest.mark.documents(id="panorama/commit/in-progress")
def test_f9_a_known_commit_job_is_all_that_a_later_visit_asks_for(site: Site) -> None:
    leaving = site.bring_into_service(2)[1]
    event = termination_event(site.cloud, leaving)
    for _ in range(3):
        site.cloud.deliver(event)
        if site.cloud.account.record(leaving).removal_job is not None:
            break
        site.advance(MINUTE)
    site.shown()
    site.cloud.deliver(event)
    (request,) = site.shown()
    assert "<show><jobs><id>" in request
    assert site.cloud.completed == []
    site.advance(MINUTE)
    assert site.cloud.deliver(event) == []
    assert site.cloud.results == ["CONTINUE"]


@pytest.mark.documents(id="panorama/contention/job-unknown")
@pytest.mark.parametrize("job_id", ["99999", "1"])
def test_f9_a_recorded_job_that_is_not_this_removal_decides_nothing(
    site: Site, job_id: str
) -> None:
    """Another peer's number, or that of the license's job: the firewall is identified again."""
    leaving = site.bring_into_service(2)[1]
    event = termination_event(site.cloud, leaving)
    site.cloud.deliver(event)
    site.advance(MINUTE)
    site.cloud.account.put_record(leaving, removal_job=job_id)
    terminate(site, event)
    assert site.listed() == {site.serials[site.cloud.instance_id]}


def test_f9_a_record_alone_removes_no_firewall_that_runs(site: Site) -> None:
    """Whoever may write the table names a firewall in service, and a job that nobody knows."""
    running, leaving = site.bring_into_service(2)
    event = termination_event(site.cloud, leaving)
    site.cloud.account.put_record(
        leaving,
        serial=site.serials[running],
        removal_job="99999",
        license=LicenseState.RETURNED,
    )
    terminate(site, event)
    assert site.serials[running] in site.listed()


@pytest.mark.documents(id="panorama/removal/registers-again")
@pytest.mark.parametrize("answer", ["stays-away", "registers-again"])
def test_f7_a_firewall_that_registers_again_is_removed_by_the_reconcile_function(
    site: Site, logs: Logs, answer: str
) -> None:
    """It is removed while it runs, because its license is returned by then.

    No visit removes it again and again: its hook is completed, which ends it.
    """
    site.world.assumptions.set(deleted_while_connected=answer)
    running, leaving = site.bring_into_service(2)
    kept, serial = site.serials[running], site.serials[leaving]
    again = site.world.assumptions["deleted-while-connected"] == "registers-again"
    logs()
    terminate(site, termination_event(site.cloud, leaving), again=again)
    assert site.cloud.results == ["CONTINUE"]
    assert site.listed() == ({kept, serial} if again else {kept})
    messages = [record.get("message", "") for record in logs()]
    assert any("registered again" in message for message in messages) is again

    site.cloud.ec2.terminate_instances(InstanceIds=[leaving])
    site.cloud.account.members.pop(leaving, None)
    site.vendor.panorama.disconnect(serial)
    become_reconcile(site.cloud, site.monkeypatch)
    for _ in range(4):
        site.advance(FLOOR + MINUTE)
        report = run(site.cloud)
    assert site.listed() == {kept}
    assert report["ambiguous"] == {}
    assert report["licenses_not_returned"] == []
