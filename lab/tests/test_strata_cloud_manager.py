"""What Strata Cloud Manager shows of firewalls that register, leave, and get pushes."""

import base64
import json

import pytest
from firewall_lab import BOOTSTRAP, client_of, firewall_lab, mocked_aws

from vmseries_lab.net.https import Request
from vmseries_lab.strata_cloud_manager import (
    CLIENT_ID,
    CLIENT_SECRET,
    FOLDER,
    OTHER_FOLDER,
    TOKEN_SECONDS,
    TSG_ID,
)

UNTIL_REGISTERED = 900
PIN = {
    "vm-series-auto-registration-pin-id": "0a1b2c3d-0000-4000-8000-000000000001",
    "vm-series-auto-registration-pin-value": "0123456789abcdef",
}
PANORAMA_ONLY = ("tplname", "cgname", "vm-auth-key")
CLOUD = {
    **{key: value for key, value in BOOTSTRAP.items() if key not in PANORAMA_ONLY},
    "panorama-server": "cloud",
    "dgname": FOLDER,
    **PIN,
}


@pytest.fixture(scope="module", autouse=True)
def _aws():
    with mocked_aws():
        yield


@pytest.fixture
def site():
    with firewall_lab() as site:
        yield site


def launched(site, **changes):
    """A firewall that has had the time to register."""
    content = {**CLOUD, **changes}
    client_of("secretsmanager").update_secret(
        SecretId="bootstrap",
        SecretString=json.dumps({key: value for key, value in content.items() if value}),
    )
    instance_id = site.launch()
    site.world.advance(UNTIL_REGISTERED)
    return site.fleet.get(instance_id)


def token(strata, secret=CLIENT_SECRET, scope=f"tsg_id:{TSG_ID}"):
    pair = base64.b64encode(f"{CLIENT_ID}:{secret}".encode()).decode()
    form = {"grant_type": "client_credentials", "scope": scope}
    headers = {"Authorization": f"Basic {pair}"}
    response = strata.issue_token(Request("/oauth2/access_token", form, headers))
    return response.status, json.loads(response.body).get("access_token")


def get(strata, path, value=None, **parameters):
    headers = {"Authorization": f"Bearer {value or token(strata)[1]}"}
    shown = {key: str(value) for key, value in parameters.items()}
    response = strata.respond(Request(f"/config/{path}", shown, headers))
    return response.status, json.loads(response.body)


def devices(strata):
    return get(strata, "setup/v1/devices")[1]["data"]


def test_a_bootstrapped_firewall_registers_in_its_folder(site):
    firewall, strata = launched(site), site.vendor.strata
    (device,) = devices(strata)
    assert device["folder"] == FOLDER
    assert device["is_connected"] is True
    assert device["ip_address"] == firewall.address
    assert firewall.connected
    assert firewall.phase == "connected"
    assert site.members()["managed"] == []


@pytest.mark.parametrize("changes", [{"dgname": "unknown"}, dict.fromkeys(PIN), {"dgname": None}])
def test_a_firewall_without_certificate_or_folder_never_appears(site, changes):
    firewall = launched(site, **changes)
    assert devices(site.vendor.strata) == []
    assert firewall.phase == "rejected"
    assert firewall.license.active


@pytest.mark.parametrize(("answer", "phase"), [("never", "connected"), ("pushes", "in-sync")])
def test_the_first_push_may_come_without_an_administrator(site, answer, phase):
    site.world.assumptions.set(strata_first_push=answer)
    firewall, strata = launched(site), site.vendor.strata
    site.world.advance(130)
    assert firewall.phase == phase
    running = get(strata, "operations/v1/config-versions/running")[1]["data"]
    assert [row["device"] for row in running] == [firewall.serial] * (answer == "pushes")
    jobs = get(strata, "operations/v1/jobs")[1]["data"]
    assert [job["status_str"] for job in jobs] == ["FIN", "ACT"] * (answer == "pushes")


def test_a_push_of_an_administrator_reaches_the_folder(site):
    firewall, strata = launched(site), site.vendor.strata
    strata.push()
    assert firewall.phase == "in-sync"
    assert firewall.answers(443)
    (row,) = get(strata, "operations/v1/config-versions/running")[1]["data"]
    assert (row["device"], row["version"]) == (firewall.serial, strata.folders[FOLDER])


def test_a_push_that_fails_leaves_the_version(site):
    firewall, strata = launched(site), site.vendor.strata
    strata.configure(failing=[firewall.serial])
    strata.push()
    assert firewall.phase == "connected"
    (job,) = get(strata, "operations/v1/jobs")[1]["data"]
    assert (job["status_str"], job["result_str"]) == ("PUSHFAIL", "FAIL")


@pytest.mark.parametrize(("answer", "listed"), [("absent", False), ("listed", True)])
def test_the_running_configurations_may_have_an_entry_of_the_folder(site, answer, listed):
    site.world.assumptions.set(strata_running_folder=answer)
    rows = get(site.vendor.strata, "operations/v1/config-versions/running")[1]["data"]
    assert (FOLDER in [row["device"] for row in rows]) is listed


@pytest.mark.parametrize("answer", ["id", "name", "serial-number"])
def test_the_serial_number_is_in_one_of_three_fields(site, answer):
    site.world.assumptions.set(strata_serial_field=answer)
    firewall = launched(site)
    (device,) = devices(site.vendor.strata)
    assert device[answer.replace("-", "_")] == firewall.serial


def test_a_terminated_firewall_stays_listed_and_is_noticed_later(site):
    firewall, strata = launched(site), site.vendor.strata
    site.client("ec2").terminate_instances(InstanceIds=[firewall.machine.instance_id])
    site.world.advance(60)
    assert [device["is_connected"] for device in devices(strata)] == [True]
    site.world.advance(400)
    assert [device["is_connected"] for device in devices(strata)] == [False]
    strata.remove(firewall.serial)
    assert devices(strata) == []


def test_a_token_is_needed_and_expires(site):
    strata = site.vendor.strata
    assert token(strata, secret="wrong") == (401, None)
    assert token(strata, scope=TSG_ID) == (400, None)
    _, value = token(strata)
    assert get(strata, "setup/v1/devices", value)[0] == 200
    site.world.advance(TOKEN_SECONDS + 1)
    status, refusal = get(strata, "setup/v1/devices", value)
    assert (status, refusal["_errors"][0]["code"]) == (401, "E016")


def test_lists_have_pages(site):
    strata = site.vendor.strata
    _, first = get(strata, "setup/v1/folders", limit=1, offset=0)
    _, second = get(strata, "setup/v1/folders", limit=1, offset=1)
    assert [first["data"][0]["name"], second["data"][0]["name"]] == [FOLDER, OTHER_FOLDER]
    assert first["total"] == 2
