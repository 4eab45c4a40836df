"""What reviewers found about licenses: each finding as a test that names it.

Panorama has its licensing API key here, as production Panoramas have.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from component.fakes import settings
from component.fakes.base import START
from component.fakes.cloud import SERIAL, Cloud
from component.fakes.firewall import FakeFirewall, raising
from component.fakes.functions import become_reconcile, become_terminate
from component.fakes.logs import Logs, metrics, reasons
from component.fakes.panorama import LICENSE_MANAGER, FakePanorama
from component.fakes.steps import (
    FLOOR,
    assert_terminated,
    change_device,
    end_without_visits,
    license_of,
    pass_time,
    record_activity,
    run,
    termination_event,
    unreachable,
    visit_until_done,
)
from vmseries_autoscale import firewall
from vmseries_autoscale.aws.autoscaling_group import ActivityType
from vmseries_autoscale.errors import (
    PANORAMA,
    DeviceRefusedError,
    DeviceTimeoutError,
    DeviceUnavailableError,
    FirewallNotConnectedError,
)
from vmseries_autoscale.firewall_records import FirewallRecord, LicenseState
from vmseries_autoscale.firewall_records.record import MAXIMUM_STRANGERS
from vmseries_autoscale.licensing import by_firewall, by_panorama, by_plugin
from vmseries_autoscale.licensing.attempts import Leaving
from vmseries_autoscale.licensing.evidence import EMPTY_SECONDS, Observations, Returned
from vmseries_autoscale.lifecycle.events import Transition
from vmseries_autoscale.pan_os.license_commands import PanOsLicenseCommands
from vmseries_autoscale.panorama import Device
from vmseries_autoscale.reconcile.licenses import GIVE_UP


@pytest.fixture
def keyed(fake_panorama: FakePanorama) -> FakePanorama:
    """A Panorama with a licensing API key."""
    fake_panorama.no_key = False
    return fake_panorama


@pytest.fixture
def unregistered(
    launching: Cloud, keyed: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> Cloud:
    """An instance with its interfaces, whose firewall Panorama does not know."""
    launch = launching.event(Transition.LAUNCHING)
    launching.deliver(launch)
    launching.deliver(launch)
    become_terminate(launching, monkeypatch)
    keyed.calls.clear()
    logs()
    return launching


# F1: Panorama itself returns licenses, also of firewalls that are gone.


@pytest.mark.documents(id="licensing/panorama/normal")
def test_f1_one_request_to_panorama_returns_the_license(
    running: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    event = termination_event(running)
    keyed.calls.clear()
    assert running.deliver(event) == ["message-0"]
    assert keyed.calls == ["members", "batch_deactivate"]
    record = running.account.record(running.instance_id)
    assert (record.license, record.license_job) == (LicenseState.REQUESTED, "1")
    assert keyed.entries() == 4, "nothing is removed before the license is returned"

    pass_time(running)
    keyed.calls.clear()
    assert running.deliver(event) == ["message-0"]
    assert keyed.calls == ["members", "job"]
    assert reasons(logs())[-1] == "job 1 returns the license"

    keyed.finish_job()
    keyed.calls.clear()
    assert running.deliver(event) == ["message-0"]
    assert keyed.calls[:3] == ["members", "job", "batch_licensed"]
    assert "licenses" not in keyed.calls, "no firewall is asked itself"
    assert license_of(running) is LicenseState.RETURNED
    visit_until_done(running, keyed, event)
    assert keyed.entries() == 0
    counted = metrics(logs())
    assert "LicenseNotReturned" not in counted
    assert "VisitFailed" not in counted


@pytest.mark.documents(id="licensing/panorama/firewall-died")
def test_f1_the_license_of_a_dead_firewall_is_returned(
    running: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    change_device(keyed, connected=False)
    event = termination_event(running)
    running.ec2.stop_instances(InstanceIds=[running.instance_id])
    visit_until_done(running, keyed, event)
    assert keyed.licensed[SERIAL] == []
    assert license_of(running) is LicenseState.RETURNED
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "LicenseNotReturned" not in counted


@pytest.mark.documents(id="licensing/panorama/died-without-hook")
def test_f1_the_reconcile_function_returns_the_license_of_a_firewall_killed_by_hand(
    reconciling: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    gone = end_without_visits(reconciling, keyed)
    record_activity(reconciling, ActivityType.TERMINATING, gone, FLOOR + 60, FLOOR + 60)
    first = run(reconciling)
    assert "job 1" in first["unfinished"][gone]
    assert keyed.entries() == 4
    for _ in range(4):
        pass_time(reconciling, 900)
        keyed.finish_job()
        report = run(reconciling)
    assert report["licenses_not_returned"] == []
    assert keyed.licensed[SERIAL] == []
    assert keyed.entries() == 0
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "LicenseNotReturned" not in counted


@pytest.mark.documents(id="licensing/panorama/no-key")
def test_f1_without_a_key_on_panorama_the_firewall_returns_its_license_itself(
    running: Cloud, fake_panorama: FakePanorama
) -> None:
    event = termination_event(running)
    fake_panorama.calls.clear()
    running.deliver(event)
    assert fake_panorama.calls[:6] == [
        *("members", "batch_deactivate", "licenses", "set_licensing_api_key"),
        *("deactivate_license", "licenses"),
    ]
    assert license_of(running) is LicenseState.RETURNED


@pytest.mark.documents(id="licensing/panorama/secondary-peer")
def test_while_the_secondary_peer_is_active_the_firewall_returns_its_license_itself(
    running: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    keyed.secondary = True
    visit_until_done(running, keyed, termination_event(running))
    assert keyed.licensed[SERIAL] == []
    assert keyed.entries() == 0
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "VisitFailed" not in counted


@pytest.mark.documents(id="licensing/panorama/secondary-peer")
def test_a_license_requested_from_the_primary_peer_is_returned_after_a_failover(
    running: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    """The job is unknown on the other peer, which returns no licenses."""
    event = termination_event(running)
    running.deliver(event)
    assert license_of(running) is LicenseState.REQUESTED
    keyed.jobs.clear()
    keyed.batch_jobs.clear()
    keyed.secondary = True
    visit_until_done(running, keyed, event)
    assert keyed.licensed[SERIAL] == []
    assert metrics(logs())["LicenseReturned"] == 1


@pytest.mark.documents(id="licensing/panorama/secondary-peer")
def test_the_license_of_a_dead_firewall_waits_for_the_primary_peer(
    running: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    keyed.secondary = True
    change_device(keyed, connected=False)
    event = termination_event(running)
    running.ec2.stop_instances(InstanceIds=[running.instance_id])
    assert running.deliver(event) == ["message-0"]
    assert license_of(running) is not LicenseState.NOT_RETURNED
    assert keyed.entries() == 4
    keyed.secondary = False
    visit_until_done(running, keyed, event)
    assert keyed.licensed[SERIAL] == []
    assert "LicenseNotReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/panorama/secondary-peer")
def test_a_refusal_with_code_15_that_does_not_end_is_reported_after_a_day(
    reconciling: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    """Whatever it means, the firewall is gone, and nothing else can return its license."""
    keyed.secondary = True
    gone = end_without_visits(reconciling, keyed)
    record_activity(reconciling, ActivityType.TERMINATING, gone, FLOOR + 60, FLOOR + 60)
    first = run(reconciling)
    assert "secondary" in first["unfinished"][gone]
    assert first["licenses_not_returned"] == []
    pass_time(reconciling, GIVE_UP.total_seconds())
    assert run(reconciling)["licenses_not_returned"] == [SERIAL]
    assert metrics(logs())["LicenseNotReturned"] == 1


@pytest.mark.documents(id="licensing/panorama/died-without-hook")
@pytest.mark.parametrize("known", [True, False], ids=["a day ago", "nobody knows when"])
def test_a_license_that_no_run_has_requested_yet_is_not_given_up(
    reconciling: Cloud, keyed: FakePanorama, logs: Logs, *, known: bool
) -> None:
    """Panorama was away for longer than a run tries, or nothing shows when the instance ended."""
    gone = end_without_visits(reconciling, keyed)
    change_device(keyed, hostname="PA-VM", connected=False)
    if known:
        pass_time(reconciling, GIVE_UP.total_seconds() + FLOOR)
    else:
        reconciling.account.instances[gone].forgotten = True
        reconciling.account.activities.clear()
    for _ in range(4):
        assert run(reconciling)["licenses_not_returned"] == []
        keyed.finish_job()
        pass_time(reconciling, FLOOR)
    assert keyed.licensed[SERIAL] == []
    assert keyed.entries() == 0
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "LicenseNotReturned" not in counted


@pytest.mark.documents(id="licensing/panorama/slow-answer")
def test_f1_an_answer_after_fifteen_seconds_loses_nothing(
    running: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    """Panorama executes the request, its answer comes too late, and the firewall drops off."""
    event = termination_event(running)

    def late(name: str) -> None:
        if name == "batch_deactivate":
            keyed.fail = lambda _name: None
            keyed.batch_deactivate([SERIAL])
            keyed.finish_job()
            raise DeviceTimeoutError(PANORAMA, "Panorama did not respond within 10 s")

    keyed.fail = late
    assert running.deliver(event) == ["message-0"]
    assert license_of(running) is LicenseState.REQUESTED
    change_device(keyed, connected=False)
    visit_until_done(running, keyed, event)
    assert license_of(running) is LicenseState.RETURNED
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "LicenseNotReturned" not in counted


@pytest.mark.documents(id="licensing/panorama/drops-off")
def test_f1_a_confirmation_is_remembered_when_the_firewall_drops_off(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    """The firewall confirms, its list times out, and it never connects again."""
    event = termination_event(running)
    asked: list[str] = []

    def busy(name: str) -> None:
        asked.append(name)
        if name == "licenses" and "deactivate_license" in asked:
            raise DeviceUnavailableError(PANORAMA, "the management plane is busy")

    fake_panorama.fail = busy
    assert running.deliver(event) == ["message-0"]
    assert license_of(running) is LicenseState.CONFIRMED, "it is written down at once"
    fake_panorama.fail = lambda _name: None
    change_device(fake_panorama, connected=False)
    visit_until_done(running, fake_panorama, event)
    assert license_of(running) is LicenseState.RETURNED
    assert "LicenseNotReturned" not in metrics(logs())


# F2: an absence is evidence only if it is believed, twice.


@pytest.mark.documents(id="licensing/plugin/empty-answer")
@pytest.mark.parametrize("shape", ["an empty list", "no list"])
def test_f2_one_empty_answer_of_the_plugin_returns_nothing(
    running: Cloud,
    keyed: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    shape: str,
) -> None:
    become_terminate(running, monkeypatch, licensing=settings.PLUGIN_LICENSING)
    keyed.plugin_works = False
    event = termination_event(running)
    running.deliver(event)
    listed = set(keyed.listed[LICENSE_MANAGER])
    if shape == "an empty list":
        keyed.listed[LICENSE_MANAGER].clear()
    else:
        keyed.plugin_answers = False
    pass_time(running)
    assert running.deliver(event) == ["message-0"]
    keyed.listed[LICENSE_MANAGER] |= listed
    keyed.plugin_answers = True
    pass_time(running)
    assert running.deliver(event) == ["message-0"]
    assert license_of(running) is LicenseState.REQUESTED
    assert keyed.entries() == 4, "the only trace of the license is kept"
    assert "LicenseReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/plugin/no-list")
@pytest.mark.parametrize("connected", [True, False])
def test_f2_an_answer_without_a_list_is_believed_only_if_it_stays_so(
    running: Cloud,
    keyed: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
    *,
    connected: bool,
) -> None:
    """It may be how the plugin answers when the last firewall has returned its license."""
    become_terminate(running, monkeypatch, licensing=settings.PLUGIN_LICENSING)
    keyed.plugin_answers = False
    change_device(keyed, connected=connected)
    event = termination_event(running)
    for _ in range(EMPTY_SECONDS // 60):
        assert running.deliver(event) == ["message-0"]
        assert license_of(running) is LicenseState.REQUESTED
        pass_time(running)
    assert f"the list of license manager {LICENSE_MANAGER} is missing" in reasons(logs())
    running.deliver(event)
    if connected:
        assert license_of(running) is LicenseState.REQUESTED, "its own list still shows it"
        keyed.delicense(SERIAL)
        for _ in range(EMPTY_SECONDS // 60):
            pass_time(running)
            running.deliver(event)
    assert license_of(running) is LicenseState.RETURNED


# F5: only the capacity license decides.


def answers(*features: str) -> PanOsLicenseCommands:
    """The license commands of a firewall with these features."""
    entries = "".join(f"<entry><feature>{feature}</feature></entry>" for feature in features)

    def op(_command: ET.Element, **_: object) -> ET.Element:
        return ET.fromstring(  # noqa: S314 - the test's own text
            f"<response status='success'><result><licenses>{entries}</licenses></result></response>"
        )

    return PanOsLicenseCommands(op)


def test_f5_one_leftover_feature_does_not_hold_a_firewall() -> None:
    seen = Observations(START)
    record = FirewallRecord("i-1", license=LicenseState.CONFIRMED)
    left = answers("Logging Service", "Standard Support")
    decision = by_firewall.return_license(left, "its name", lambda: "key", record, seen)
    assert isinstance(decision.step, Returned)
    held = answers("PA-VM", "Logging Service")
    decision = by_firewall.return_license(held, "its name", lambda: "key", record, seen)
    assert not isinstance(decision.step, Returned)


def test_a_capacity_license_with_a_name_that_nobody_recorded_is_no_absence() -> None:
    """Whatever the list calls it, the firewall says in its system information that it has one."""
    unknown = "Software NGFW Credits"

    class Device(FakeFirewall):
        def licenses(self) -> list[str]:
            return []

    device = Device(licensed=[unknown], works=False)
    record = FirewallRecord("i-1", license=LicenseState.UNKNOWN)
    for minutes in range(10):
        seen = Observations(START + timedelta(minutes=minutes))
        decision = by_firewall.return_license(device, "its name", lambda: "key", record, seen)
        record = decision.record
        assert not isinstance(decision.step, Returned)
    assert device.key == "key", "its deactivation was requested"
    device.works = True
    seen = Observations(START + timedelta(minutes=20))
    decision = by_firewall.return_license(device, "its name", lambda: "key", record, seen)
    assert isinstance(decision.step, Returned)


# B1 and K2: licenses taken before Panorama knows the firewall.


@pytest.mark.documents(id="licensing/unregistered/held")
def test_b1_a_firewall_that_has_not_registered_is_held_until_it_joins(
    unregistered: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    event = termination_event(unregistered)
    for _ in range(5):
        assert unregistered.deliver(event) == ["message-0"]
        pass_time(unregistered)
    assert "may have taken a license" in reasons(logs())[-1]
    keyed.register(unregistered.firewall(SERIAL))
    visit_until_done(unregistered, keyed, event)
    assert keyed.licensed[SERIAL] == []
    assert keyed.entries() == 0
    assert license_of(unregistered) is LicenseState.RETURNED
    assert "LicenseNotReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/unregistered/reported")
def test_k2_a_firewall_that_never_registered_is_reported_by_its_instance(
    unregistered: Cloud, logs: Logs
) -> None:
    launched = unregistered.account.now
    address = unregistered.attached()[1]["PrivateIpAddress"]
    event = termination_event(unregistered)
    assert unregistered.deliver(event) == ["message-0"]
    pass_time(unregistered, settings.JOIN_SECONDS)
    assert unregistered.deliver(event) == []
    assert_terminated(unregistered)
    records = logs()
    assert metrics(records)["LicenseNotReturned"] == 1
    (lost,) = (record for record in records if record.get("license") == "not-returned")
    assert lost["instance_id"] == unregistered.instance_id
    assert lost["address"] == address
    assert lost["launched"] == launched.isoformat()
    assert "whether the firewall had a license is not known" in lost["reason"]
    assert license_of(unregistered) is LicenseState.NOT_RETURNED


@pytest.mark.documents(id="licensing/unregistered/gone")
def test_k2_a_firewall_that_died_before_it_registered_is_reported_at_once(
    unregistered: Cloud, logs: Logs
) -> None:
    event = termination_event(unregistered)
    unregistered.ec2.stop_instances(InstanceIds=[unregistered.instance_id])
    assert unregistered.deliver(event) == []
    assert metrics(logs())["LicenseNotReturned"] == 1


def nameless(cloud: Cloud, *, connected: bool = False) -> Device:
    """The instance's firewall in Panorama, with a host name that says nothing."""
    address = cloud.attached()[1]["PrivateIpAddress"]
    return replace(
        cloud.firewall(SERIAL), hostname="PA-VM", ip_address=address, connected=connected
    )


def kill(cloud: Cloud, state: str) -> None:
    """Stop or terminate the instance without its hook."""
    if state == "stopped":
        cloud.ec2.stop_instances(InstanceIds=[cloud.instance_id])
    else:
        cloud.ec2.terminate_instances(InstanceIds=[cloud.instance_id])


@pytest.mark.documents(id="licensing/unregistered/died-between-visits")
@pytest.mark.parametrize("state", ["stopped", "terminated"])
def test_the_license_of_a_firewall_that_died_before_a_visit_identified_it_is_returned(
    unregistered: Cloud, keyed: FakePanorama, logs: Logs, state: str
) -> None:
    """It registered and died between two visits: its address and the time of its entry name it."""
    keyed.register(nameless(unregistered))
    event = termination_event(unregistered)
    kill(unregistered, state)
    visit_until_done(unregistered, keyed, event)
    assert keyed.licensed[SERIAL] == []
    assert keyed.entries() == 0
    assert license_of(unregistered) is LicenseState.RETURNED
    assert unregistered.account.record(unregistered.instance_id).evidence == {"management-ip"}
    assert "LicenseNotReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/unregistered/died-between-visits")
def test_a_firewall_that_died_before_a_visit_identified_it_is_held_until_panorama_notices(
    unregistered: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    """A firewall that stays connected is another one, in a VPC with the same addresses."""
    keyed.register(nameless(unregistered, connected=True))
    event = termination_event(unregistered)
    kill(unregistered, "terminated")
    for _ in range(3):
        assert unregistered.deliver(event) == ["message-0"]
        pass_time(unregistered)
    assert "although the instance has terminated" in reasons(logs())[-1]
    assert keyed.jobs == []
    change_device(keyed, connected=False)
    visit_until_done(unregistered, keyed, event)
    assert license_of(unregistered) is LicenseState.RETURNED


@pytest.mark.documents(id="licensing/unregistered/gone")
def test_a_dead_firewall_is_not_one_that_had_the_address_before(
    launching: Cloud, keyed: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """Its license would be returned instead, and that of the dead firewall lost in silence."""
    launch = launching.event(Transition.LAUNCHING)
    launching.deliver(launch)
    keyed.register(nameless(launching))
    launching.deliver(launch)
    become_terminate(launching, monkeypatch)
    event = termination_event(launching)
    kill(launching, "terminated")
    assert launching.deliver(event) == []
    assert keyed.licensed[SERIAL] != []
    assert metrics(logs())["LicenseNotReturned"] == 1


@pytest.mark.documents(id="licensing/unregistered/gone")
def test_a_dead_firewall_that_no_visit_looked_for_is_not_the_one_with_its_address(
    launching: Cloud, keyed: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """Panorama was away during the launch: nothing shows since when it lists the firewall."""
    launch = launching.event(Transition.LAUNCHING)
    launching.deliver(launch)
    with monkeypatch.context() as away:
        away.setattr(keyed, "members", lambda: unreachable(""))
        launching.deliver(launch)
    assert launching.account.record(launching.instance_id).management_ip is not None
    keyed.register(nameless(launching))
    become_terminate(launching, monkeypatch)
    event = termination_event(launching)
    kill(launching, "terminated")
    assert launching.deliver(event) == []
    assert launching.account.record(launching.instance_id).looked is None
    assert keyed.licensed[SERIAL] != []
    assert metrics(logs())["LicenseNotReturned"] == 1


@pytest.mark.documents(id="licensing/unregistered/gone")
def test_a_record_without_an_address_is_no_proof_that_there_was_no_management_interface(
    unregistered: Cloud, keyed: FakePanorama, logs: Logs
) -> None:
    """EC2 did not show the interface yet, or an earlier setting had it at another index."""
    unregistered.account.put_record(unregistered.instance_id, management_ip=None, looked=None)
    event = termination_event(unregistered)
    kill(unregistered, "terminated")
    assert unregistered.deliver(event) == []
    assert license_of(unregistered) is LicenseState.NOT_RETURNED
    assert metrics(logs())["LicenseNotReturned"] == 1


@pytest.mark.documents(id="licensing/unregistered/gone")
def test_a_record_that_cannot_hold_who_had_the_address_before_shows_nothing(
    launching: Cloud, keyed: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """An earlier version has recorded as many strangers as a record can hold."""
    launch = launching.event(Transition.LAUNCHING)
    launching.deliver(launch)
    strangers = frozenset(f"S{number}" for number in range(MAXIMUM_STRANGERS))
    address = launching.attached()[1]["PrivateIpAddress"]
    launching.account.put_record(launching.instance_id, management_ip=address, strangers=strangers)
    keyed.register(nameless(launching))
    launching.deliver(launch)
    become_terminate(launching, monkeypatch)
    event = termination_event(launching)
    kill(launching, "terminated")
    launching.deliver(event)
    assert keyed.licensed[SERIAL] != []
    assert metrics(logs())["LicenseNotReturned"] == 1


@pytest.mark.documents(id="licensing/unregistered/died-between-visits")
def test_the_reconcile_function_identifies_a_firewall_that_died_before_a_visit_did(
    unregistered: Cloud, keyed: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    keyed.register(nameless(unregistered))
    end_without_visits(unregistered, keyed)
    become_reconcile(unregistered, monkeypatch)
    for _ in range(6):
        run(unregistered)
        keyed.finish_job()
        pass_time(unregistered, FLOOR)
    assert keyed.licensed[SERIAL] == []
    assert keyed.entries() == 0
    assert license_of(unregistered) is LicenseState.RETURNED
    assert "LicenseNotReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/unregistered/gone")
def test_k2_the_report_lists_a_loss_until_it_is_ticked_off(
    unregistered: Cloud, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    event = termination_event(unregistered)
    unregistered.ec2.stop_instances(InstanceIds=[unregistered.instance_id])
    unregistered.deliver(event)
    become_reconcile(unregistered, monkeypatch)
    logs()
    for _ in range(3):
        assert run(unregistered)["licenses_not_returned"] == [unregistered.instance_id]
    assert "LicenseNotReturned" not in metrics(logs()), "it is counted once"


@pytest.mark.documents(id="licensing/unregistered/no-management-interface")
def test_k2_a_firewall_without_a_management_interface_has_no_license(
    launching: Cloud, keyed: FakePanorama, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    become_terminate(launching, monkeypatch)
    assert launching.deliver(termination_event(launching)) == []
    assert_terminated(launching)
    assert "LicenseNotReturned" not in metrics(logs())
    assert keyed.jobs == []


@pytest.fixture
def own_api(unregistered: Cloud, monkeypatch: pytest.MonkeyPatch) -> FakeFirewall:
    """The firewall's own API, beside Panorama."""
    fake = FakeFirewall()
    monkeypatch.setattr(firewall, "connect", fake.connect)
    become_terminate(unregistered, monkeypatch, firewall_api=settings.firewall_api())
    return fake


@pytest.mark.documents(id="licensing/unregistered/own-api")
def test_b1_a_firewall_that_has_not_registered_is_asked_at_its_own_address(
    unregistered: Cloud, own_api: FakeFirewall, logs: Logs
) -> None:
    address = unregistered.attached()[1]["PrivateIpAddress"]
    assert unregistered.deliver(termination_event(unregistered)) == []
    assert own_api.addresses == [address]
    assert own_api.licensed == []
    assert_terminated(unregistered)
    counted = metrics(logs())
    assert counted["LicenseReturned"] == 1
    assert "LicenseNotReturned" not in counted


@pytest.mark.documents(id="licensing/unregistered/own-api")
def test_a_license_that_is_taken_after_the_auto_commit_is_returned(
    unregistered: Cloud, own_api: FakeFirewall, logs: Logs
) -> None:
    own_api.licensed.clear()
    own_api.number = None
    assert own_api.now.ready
    event = termination_event(unregistered)
    for _ in range(5):
        assert unregistered.deliver(event) == ["message-0"]
        pass_time(unregistered)
    assert reasons(logs())[-1] == "the firewall boots, and may still take a license"
    own_api.licensed.append("VM-Capacity")
    own_api.number = SERIAL
    assert unregistered.deliver(event) == []
    assert own_api.licensed == []
    assert metrics(logs())["LicenseReturned"] == 1


@pytest.mark.documents(id="licensing/unregistered/own-api")
def test_a_firewall_that_takes_no_license_is_released_when_it_is_old_enough(
    unregistered: Cloud, own_api: FakeFirewall, logs: Logs
) -> None:
    own_api.licensed.clear()
    own_api.number = None
    event = termination_event(unregistered)
    assert unregistered.deliver(event) == ["message-0"]
    pass_time(unregistered, settings.JOIN_SECONDS)
    assert unregistered.deliver(event) == ["message-0"], "two looks have to agree"
    pass_time(unregistered)
    assert unregistered.deliver(event) == []
    assert_terminated(unregistered)
    assert "LicenseNotReturned" not in metrics(logs())


@pytest.mark.documents(id="licensing/unregistered/own-api")
def test_b1_a_firewall_that_does_not_answer_is_held_and_reported(
    unregistered: Cloud, own_api: FakeFirewall, logs: Logs
) -> None:
    own_api.fail = raising(DeviceUnavailableError("firewall 10.0.1.7", "no answer"))
    event = termination_event(unregistered)
    assert unregistered.deliver(event) == ["message-0"]
    pass_time(unregistered, settings.JOIN_SECONDS)
    assert unregistered.deliver(event) == []
    assert metrics(logs())["LicenseNotReturned"] == 1


def test_a_firewall_that_is_not_connected_in_between_is_waited_for(
    running: Cloud, fake_panorama: FakePanorama, logs: Logs
) -> None:
    def drop(name: str) -> None:
        if name == "licenses":
            raise FirewallNotConnectedError(PANORAMA, f"{SERIAL} not connected")

    fake_panorama.fail = drop
    assert running.deliver(termination_event(running)) == ["message-0"]
    assert license_of(running) is not LicenseState.RETURNED
    assert "LicenseReturned" not in metrics(logs())


@pytest.mark.parametrize("mode", ["panorama", "plugin"])
@pytest.mark.parametrize("late", [True, False])
def test_a_firewall_that_does_not_list_its_licenses_keeps_no_other_one_waiting(
    running: Cloud,
    fake_panorama: FakePanorama,
    mode: str,
    late: bool,
) -> None:
    """Its management plane restarts when the license leaves, and it refuses or does not answer."""
    one, two = SERIAL, "007951000999999"
    fake_panorama.no_key = False
    for serial in (one, two):
        fake_panorama.register(replace(running.firewall(serial), connected=True))
    unanswered = (
        DeviceTimeoutError(PANORAMA, "late") if late else DeviceRefusedError(PANORAMA, None, "no")
    )
    asked: list[str] = []

    def licenses(serial: str) -> list[str]:
        asked.append(serial)
        if serial == one:
            raise unanswered
        return []

    fake_panorama.licenses = licenses  # type: ignore[method-assign]
    fake_panorama.batch_answers = False
    fake_panorama.listed[LICENSE_MANAGER].clear()
    before = START - timedelta(minutes=5)
    record = FirewallRecord("i-1", license=LicenseState.CONFIRMED, license_requested=before)
    record = replace(record, absent_since=before)
    leaving = [Leaving(replace(record, serial=key), key, connected=True) for key in (two, one)]
    if mode == "plugin":
        attempts = by_plugin.return_licenses(fake_panorama, LICENSE_MANAGER, leaving, "fw", START)
    else:
        attempts = by_panorama.return_licenses(fake_panorama, leaving, START)
    assert asked == [two, one]
    assert isinstance(attempts[two].decision.step, Returned)
    assert not isinstance(attempts[one].decision.step, Returned)
