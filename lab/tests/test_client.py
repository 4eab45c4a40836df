"""The client: start, stop, and the count of remaining resources."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from account import Account

from vmseries_lab.client import DEPLOYMENT_TAG, Lab, LabError, Leftovers

pytestmark = pytest.mark.lab


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    # Without an init process that reaps orphans, a process that has ended remains as a zombie.
    return not status.exists() or status.read_text().rsplit(") ", 1)[1][0] != "Z"


def gone(pid: int, limit: float = 60.0) -> bool:
    end = time.monotonic() + limit
    while alive(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_everything_listens_on_loopback_only(lab: Lab) -> None:
    assert lab.endpoint.startswith("http://127.0.0.1:")
    assert all(where.startswith("127.0.0.1:") for where in lab.hosts.values())


def test_requests_to_panorama_are_shown_and_the_operators_firewalls_left_out(lab: Lab) -> None:
    start = len(lab.panorama.requests())
    answer = lab.panorama.request(type="op", cmd="<show><devices><all/></devices></show>")
    entries = answer.findall("result/devices/entry")
    assert {entry.findtext("hostname") for entry in entries} == {"prod-fw-0", "prod-fw-1"}
    assert lab.panorama.request_counts(start) == {"op show devices all": 1}
    assert [request["user"] for request in lab.panorama.requests(start)] == ["autoscale"]
    assert lab.panorama.device_entries()["devices"] == []


def test_panorama_as_a_pair_that_fails_over_and_back(lab: Lab) -> None:
    def name() -> str | None:
        answer = lab.panorama.request(type="op", cmd="<show><system><info/></system></show>")
        return answer.findtext("result/system/hostname")

    lab.panorama.make_pair()
    assert lab.panorama.state()["active"] == "panorama.example.com"
    lab.panorama.fail_over()
    assert lab.panorama.state()["active"] is None
    lab.advance(15)
    assert name() == "panorama-2"
    assert lab.leftovers().panorama_entries == 0
    lab.panorama.configure(peer="primary", available=True)
    lab.panorama.fail_over("suspended")
    assert name() == "panorama"
    lab.panorama.configure(peer="secondary", available=True)
    with pytest.raises(LabError, match="earthquake"):
        lab.panorama.fail_over("earthquake")


def test_settings_of_licenses_and_firewalls(lab: Lab) -> None:
    lab.panorama.install_license_plugin()
    lab.panorama.request(type="op", cmd="<show><plugins><installed/></plugins></show>")
    managers = (
        "<show><plugins><sw_fw_license><devices><license-manager>autoscale-licenses"
        "</license-manager></devices></sw_fw_license></plugins></show>"
    )
    assert lab.panorama.request(type="op", cmd=managers).findall("result/devices/entry") == []
    lab.panorama.configure_license_plugin(odd_answers=["text"])
    assert lab.panorama.request(type="op", cmd=managers).findtext("result")
    assert lab.licensing.uses() == []
    lab.panorama.install_license_plugin(installed=False)
    with pytest.raises(LabError, match="unexpected"):
        lab.panorama.request(type="op", cmd=managers)
    lab.panorama.configure_fast_delicensing()
    lab.panorama.configure_fast_delicensing(enabled=False)
    lab.firewalls.set_quirks(registers=False)
    lab.firewalls.set_quirks(registers=True)
    with pytest.raises(LabError, match="i-none"):
        lab.firewalls.set_quirks("i-none", seen_at="198.51.100.7")


def test_environment_leads_to_the_lab_and_nowhere_else(lab: Lab) -> None:
    environment = lab.aws.environment()
    assert environment["AWS_ENDPOINT_URL"] == lab.endpoint
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"


def test_leftovers_are_counted_through_the_public_apis(lab: Lab) -> None:
    assert lab.leftovers() == Leftovers(0, 0, 0, 0)
    assert not lab.leftovers()
    ec2 = lab.aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/28")["Subnet"]["SubnetId"]
    tags = [{"Key": DEPLOYMENT_TAG, "Value": "fw"}]
    ec2.create_network_interface(
        SubnetId=subnet,
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": tags}],
    )
    ec2.create_network_interface(SubnetId=subnet)
    ec2.allocate_address(
        Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}]
    )
    lab.licensing.request("activate", authcode=lab.auth_code, uuid="U", cpuid="C")
    places = (
        ("/config/mgt-config/devices", ""),
        ("/device-group/entry[@name='autoscale']/devices", "host"),
        ("/template-stack/entry[@name='autoscale-stack']/devices", "host"),
        ("/log-collector-group/entry[@name='autoscale-logs']/logfwd-setting/devices", "host"),
    )
    for path, within in places:
        prefix = "/config/devices/entry[@name='localhost.localdomain']" if within else ""
        element = "<entry name='007951000000099'/>"
        lab.panorama.request(type="config", action="set", xpath=prefix + path, element=element)
    # Candidate only, until it is committed.
    assert lab.leftovers() == Leftovers(1, 1, 1, 0)
    lab.panorama.request(type="commit", cmd="<commit/>")
    lab.advance(120)
    assert lab.leftovers() == Leftovers(1, 1, 1, 4)
    assert lab.leftovers()


def test_stop_ends_server_and_workers(lab: Lab) -> None:
    other = Lab()
    other.start()
    account = Account(other)
    worker, _ = account.invoke(
        account.function("import os\ndef handler(e, c):\n    return os.getpid()\n")
    )
    assert alive(worker)
    server = other._server._process
    other.stop()
    other.stop()
    assert gone(worker)
    assert server is not None
    assert server.returncode == 0, "ended by itself, not aborted by a thread that still reads"
    with pytest.raises(LabError, match="not running"):
        other.now()


def test_lab_ends_with_the_process_that_started_it() -> None:
    """However it ends: nothing may be left running on a developer's machine."""
    source = str(Path(__file__).resolve().parents[1] / "src")
    program = (
        "import sys, time\n"
        f"sys.path.insert(0, {source!r})\n"
        "from vmseries_lab.client import Lab\n"
        "lab = Lab()\n"
        "lab.start()\n"
        "print(lab._server.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        server = int(starter.stdout.readline())
        assert alive(server)
        starter.send_signal(signal.SIGKILL)
    assert gone(server)


def test_a_failed_start_reports_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    lab = Lab()
    with pytest.raises(LabError, match="did not start"):
        lab.start()
