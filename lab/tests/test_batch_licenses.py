"""Licenses of managed firewalls that Panorama itself deactivates, refreshes and lists."""

import pytest
from panorama_lab import Firewall, panorama_lab
from vendor_api import batch, job, op, text

from vmseries_lab.licensing_api import API_KEY, AUTH_CODE
from vmseries_lab.panorama import initial_config, lab_settings

DONE = "Successfully deactivated VM. Please issue reboot"
LIST = "<request><batch><license><info/></license></batch></request>"


@pytest.fixture
def site():
    with panorama_lab() as site:
        lab_settings.configure(site.vendor.panorama, licensing_api_key=API_KEY)
        yield site


@pytest.fixture
def serials(site):
    """Two licensed firewalls, of which the second one is gone."""
    serials = [licensed(site, number) for number in (1, 2)]
    site.vendor.panorama.disconnect(serials[1])
    return serials


def licensed(site, number):
    serial = site.vendor.licensing.activate(AUTH_CODE, f"UUID-{number}", f"CPU-{number}")
    firewall = Firewall(serial)
    firewall.hostname = f"fw-{number}"
    site.vendor.panorama.register(
        firewall,
        initial_config.VM_AUTH_KEY,
        group="autoscale",
        stack="autoscale-stack",
        logs=None,
    )
    return serial


def deactivate(site, *serials):
    """Return the job of a deactivation, after its end."""
    answer = op(site.vendor, batch("deactivate", *serials))
    assert answer.findtext("result/msg/line").startswith("Job enqueued with jobid")
    site.world.advance(20)
    return job(site.vendor, answer.findtext("result/job"))


def listed(site):
    answer = op(site.vendor, LIST)
    return {
        entry.findtext("serial-no"): [one.get("name") for one in entry.iterfind("licenses/entry")]
        for entry in answer.iterfind("result/devices/entry")
    }


def test_a_connected_firewall_is_deactivated_by_panorama(site, serials):
    done = deactivate(site, serials[0])

    assert (done.findtext("type"), done.findtext("status")) == ("BatchLicense", "FIN")
    assert done.findtext("result") == "OK"
    assert done.findtext("details/line") == f"{serials[0]}: {DONE}"
    assert [(use.serial, use.returned_by) for use in site.vendor.licensing.uses()] == [
        (serials[0], "panorama"),
        (serials[1], ""),
    ]


@pytest.mark.parametrize("answer", ["request-refused", "device-fails", "returned"])
def test_a_firewall_that_is_gone(site, serials, answer):
    site.world.assumptions.set(batch_license_disconnected=answer)
    if answer == "request-refused":
        refused = op(site.vendor, batch("deactivate", *serials))
        assert text(refused) == f"{serials[1]} not connected"
        site.world.advance(20)
        assert site.vendor.licensing.used() == 2
        return
    done = deactivate(site, *serials)
    assert site.vendor.licensing.used() == (1 if answer == "device-fails" else 0)
    assert done.findtext("result") == ("FAIL" if answer == "device-fails" else "OK")
    outcome = "not connected" if answer == "device-fails" else DONE
    assert [line.text for line in done.iterfind("details/line")] == [
        f"{serials[0]}: {DONE}",
        f"{serials[1]}: {outcome}",
    ]


@pytest.mark.parametrize("answer", ["whole-job", "per-device"])
def test_the_job_has_a_result_for_each_device_or_one_for_all(site, serials, answer):
    site.world.assumptions.set(
        batch_license_disconnected="device-fails", batch_license_result=answer
    )

    done = deactivate(site, *serials)

    results = [
        tuple(entry.findtext(tag) for tag in ("serial-no", "devicename", "result", "details/line"))
        for entry in done.iterfind("devices/entry")
    ]
    expected = [
        (serials[0], "fw-1", "OK", DONE),
        (serials[1], "fw-2", "FAIL", "not connected"),
    ]
    assert results == (expected if answer == "per-device" else [])
    assert len(done.findall("details/line")) == (0 if answer == "per-device" else 2)
    assert done.findtext("result") == "FAIL"


@pytest.mark.parametrize("answer", ["stale", "current"])
def test_the_list_of_licenses_is_refreshed_on_request_or_always(site, serials, answer):
    site.world.assumptions.set(batch_license_info=answer)
    all_licenses = ["PA-VM", "Premium", "Logging Service"]
    assert listed(site)[serials[0]] == all_licenses

    deactivate(site, serials[0])
    assert (listed(site)[serials[0]] == all_licenses) is (answer == "stale")
    op(site.vendor, batch("refresh", *serials))
    site.world.advance(20)

    assert listed(site) == {serials[0]: ["Logging Service"], serials[1]: all_licenses}


@pytest.mark.parametrize("answer", ["none", "logging-service"])
def test_a_firewall_without_a_license_may_not_be_listed(site, serials, answer):
    site.world.assumptions.set(batch_license_info="current", features_after_deactivation=answer)
    deactivate(site, serials[0])
    assert (serials[0] in listed(site)) is (answer == "logging-service")


def test_the_elements_of_a_license_have_the_recorded_order(site, serials):
    entry = op(site.vendor, LIST).find("result/devices/entry/licenses/entry")
    tags = [child.tag for child in entry]
    assert tags == ["type", "feature-description", "expiry-date", "warning"]


@pytest.mark.parametrize("answer", ["never", "set"])
def test_the_element_deactivated_may_say_that_a_license_was_returned(site, serials, answer):
    site.world.assumptions.set(deactivated_flag=answer)
    deactivate(site, serials[0])
    shown = op(site.vendor, "<show><devices><all/></devices></show>")
    flags = [entry.findtext("deactivated") for entry in shown.iterfind("result/devices/entry")]
    assert flags == ["yes" if answer == "set" else "no", "no"]


def test_without_a_licensing_key_panorama_refuses(site, serials):
    lab_settings.configure(site.vendor.panorama, licensing_api_key=None)
    assert text(op(site.vendor, batch("deactivate", serials[0]))) == "API Key is not set"


@pytest.mark.parametrize(
    ("breakage", "reason"),
    [
        ({"licensing_reachable": False}, "Failed to get license info. Please try again later."),
        ({"licensing_api_key": "wrong"}, "Invalid or missing deactivation token"),
    ],
)
def test_a_deactivation_that_fails_has_the_reason_in_its_job(site, serials, breakage, reason):
    lab_settings.configure(site.vendor.panorama, **breakage)

    done = deactivate(site, serials[0])

    assert (done.findtext("result"), site.vendor.licensing.used()) == ("FAIL", 2)
    assert done.findtext("details/line") == f"{serials[0]}: {reason}"


def test_a_second_deactivation_has_nothing_to_do(site, serials):
    deactivate(site, serials[0])
    done = deactivate(site, serials[0])
    assert done.findtext("details/line").endswith("There is no VM-Capacity license to deactivate")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (batch("deactivate", "42"), "devices -> 42 is not a valid reference"),
        (batch("deactivate", ""), "request -> batch -> license needs devices"),
        (
            batch("deactivate", "42").replace("auto", "manual"),
            "request -> batch -> license -> deactivate needs mode auto",
        ),
    ],
)
def test_a_request_that_is_not_understood_is_refused(site, command, reason):
    assert text(op(site.vendor, command)) == reason
