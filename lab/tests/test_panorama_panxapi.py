"""The lab's Panorama with pan-python's unmodified command-line client, in its own process.

Only the resolution of host names is replaced.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from vmseries_lab import vendor_services
from vmseries_lab.core.world import World
from vmseries_lab.panorama import initial_config, lab_settings

CLIENT = Path(sys.executable).with_name("panxapi.py")
RUN = """
import runpy, socket, sys
real = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: real("127.0.0.1", *rest, **more)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
MANAGED = "/config/mgt-config/devices"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def vendor(world):
    vendor = vendor_services.install(world)
    yield vendor
    vendor.stop()


@pytest.fixture
def client(vendor, tmp_path):
    authority = tmp_path / "ca.pem"
    authority.write_text(vendor.authority.pem)

    def run(*arguments, key=initial_config.AUTOSCALE.key, peer=0):
        peer = vendor.panorama.peers[peer]
        command = [sys.executable, "-W", "ignore", "-c", RUN, str(CLIENT)]
        where = ["-h", peer.host, "-P", str(peer.server.port)]
        options = [*where, "-K", key, "--cafile", str(authority), "-T", "5", "-x"]
        return subprocess.run(
            [*command, *options, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            cwd=tmp_path,
            env={"HOME": str(tmp_path)},
        )

    return run


def test_a_change_is_made_committed_and_shown(world, client):
    made = client("-S", "<entry name='77'/>", MANAGED)
    assert (made.returncode, made.stderr) == (0, 'set: success [code="20"]: "command succeeded"\n')

    queued = client("-C", "<commit></commit>")
    assert queued.stderr == 'commit: success [code="19"]: "Commit job enqueued with jobid 1"\n'
    world.advance(31)

    job = client("-o", "<show><jobs><id>1</id></jobs></show>")
    assert job.returncode == 0
    assert "<status>FIN</status>" in job.stdout
    assert "Configuration committed successfully" in job.stderr
    assert '<entry name="77"' in client("-s", MANAGED).stdout


def test_rejected_requests(client):
    nothing = client("-s", f"{MANAGED}/entry[@name='1']")
    assert (nothing.returncode, nothing.stderr) == (1, 'show: error: "No such node"\n')
    job = client("-o", "<show><jobs><id>19</id></jobs></show>")
    assert (job.returncode, job.stderr) == (1, 'op: error [code="7"]: "job 19 not found"\n')
    stranger = client("-o", "<show><system><info/></system></show>", key="wrong")
    assert stranger.returncode == 1
    assert "code: 403" in stranger.stderr


def test_commands_in_words(client):
    devices = client("-o", "show devices all", "-X")
    assert devices.returncode == 0
    assert devices.stderr == "op: success\n"


def test_changes_are_reverted(client):
    client("-S", "<entry name='77'/>", MANAGED)
    revert = (
        "<revert><config><partial><admin><member>autoscale</member></admin></partial></config>"
        "</revert>"
    )
    reverted = client("-o", revert)
    text = "All changes were reverted from configuration"
    assert (reverted.returncode, reverted.stderr) == (0, f'op: success: "{text}"\n')
    assert '<entry name="77"' not in client("-g", MANAGED).stdout


def test_the_peers_of_a_pair(world, vendor, client):
    vendor.panorama.make_pair()
    state = client("-o", "show high-availability state", "-X", peer=1)
    assert "<state>secondary-passive</state>" in state.stdout
    denied = client("-S", "<entry name='77'/>", MANAGED, peer=1)
    assert denied.returncode == 1
    assert denied.stderr.startswith('set: error [code="15"]: "Operation denied')
    vendor.panorama.fail_over()
    world.advance(15)
    assert client("-S", "<entry name='77'/>", MANAGED, peer=1).returncode == 0


def test_a_role_without_a_right(vendor, client):
    lab_settings.configure(vendor.panorama, rights=["op", "config"])
    rejected = client("-C", "<commit></commit>")
    assert rejected.returncode == 1
    assert "code: 403" in rejected.stderr
