"""Slow commands, and what the lab shows of requests and licenses."""

import pytest
from panorama_lab import MANAGED, add, ask, commit, panorama_lab
from vendor_api import DEVICES, JOBS

from vmseries_lab.licensing_api import AUTH_CODE
from vmseries_lab.panorama import initial_config, lab_settings

KEY = initial_config.AUTOSCALE.key


@pytest.fixture
def site():
    with panorama_lab() as site:
        yield site


@pytest.fixture
def waited(monkeypatch):
    """Seconds for which responses were delayed."""
    waited = []
    monkeypatch.setattr(
        "vmseries_lab.panorama.peer.delay",
        lambda _connection, _headers, seconds, _clock: waited.append(seconds),
    )
    return waited


def test_a_command_is_slow_while_a_commit_runs(site, waited):
    slow = {"command": "op show devices all", "seconds": 15, "while_committing": True}
    lab_settings.configure(site.vendor.panorama, slow_commands=[slow])

    ask(site.vendor, type="op", cmd=DEVICES, key=KEY)
    assert waited == []
    add(site.device, MANAGED, "1")
    commit(site.device, "autoscale")
    ask(site.vendor, type="op", cmd=DEVICES, key=KEY)
    ask(site.vendor, type="op", cmd=JOBS, key=KEY)
    assert waited == [15]


def test_a_command_can_always_be_slow(site, waited):
    lab_settings.configure(
        site.vendor.panorama, slow_commands=[{"command": "op show jobs", "seconds": 3}]
    )
    ask(site.vendor, type="op", cmd=JOBS, key=KEY)
    assert waited == [3]


def test_requests_are_logged_and_counted_by_kind(site):
    log = site.vendor.panorama.requests
    ask(site.vendor, type="op", cmd=JOBS, key=KEY)
    start = len(log.since())
    ask(site.vendor, type="op", cmd=DEVICES, key=KEY)
    ask(site.vendor, type="op", cmd=DEVICES, key="wrong")
    ask(site.vendor, type="op", cmd=JOBS, key=KEY, target="42")
    ask(site.vendor, type="config", action="show", xpath=MANAGED, key=KEY)
    ask(site.vendor, type="commit", cmd="<commit></commit>", key=KEY)

    assert log.counts(start) == {
        "op show devices all": 2,
        "op show jobs all": 1,
        "config show": 1,
        "commit": 1,
    }
    logged = log.since(start)
    assert [entry["user"] for entry in logged[:3]] == ["autoscale", "", "autoscale"]
    assert [entry["status"] for entry in logged[:3]] == [200, 403, 200]
    assert logged[2]["target"] == "42"
    assert logged[0]["size"] > 0


def test_a_request_that_is_not_xml_is_logged_by_its_type(site):
    ask(site.vendor, type="op", cmd="<<", key=KEY)
    assert site.vendor.panorama.requests.since()[-1]["kind"] == "op"


def test_which_licenses_are_in_use_and_who_returned_the_others(site):
    licensing = site.vendor.licensing
    first, second, third = (licensing.activate(AUTH_CODE, f"U{n}", f"C{n}") for n in range(3))
    site.world.advance(5)
    licensing.return_license(first, by="plugin")
    licensing.return_license(second)

    uses = {use.serial: use for use in licensing.uses()}

    assert {serial: use.returned_by for serial, use in uses.items()} == {
        first: "plugin",
        second: "portal",
        third: "",
    }
    assert uses[first].returned_at == uses[first].activated_at + 5
    assert uses[third].returned_at is None
    assert (licensing.returned(first), licensing.returned(third)) == (True, False)
