"""The Panorama client, against a server that returns recorded responses of the XML API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import trustme
from botocore.exceptions import ClientError
from defusedxml.ElementTree import fromstring

from component.fakes.settings import of_server
from component.fakes.xml_server import KEY, Answer, XmlApi, credentials, error, success
from vmseries_autoscale import call_slots
from vmseries_autoscale.aws import clients
from vmseries_autoscale.errors import (
    AutoscaleError,
    DeviceAccessError,
    DeviceBusyError,
    DeviceCertificateError,
    DeviceRefusedError,
    DeviceTimeoutError,
    DeviceUnavailableError,
    FirewallNotConnectedError,
    FullCommitRequiredError,
    LicensingKeyError,
    ObjectReferencedError,
    PanOsError,
    SecondaryPeerError,
    SecretError,
    TimeBudgetExceededError,
)
from vmseries_autoscale.panorama import BatchLicense, Device, Job, Part, Place, Push, Removal, jobs
from vmseries_autoscale.panorama.client import PanOsPanorama, connect_to_active
from vmseries_autoscale.secret_store import Credentials

SERIAL = "007951000012345"
UNREACHABLE = "127.0.0.2"  # The server listens on 127.0.0.1 only.
LOCALHOST = "/config/devices/entry[@name='localhost.localdomain']"

OK = '<response status="success" code="20"><msg>command succeeded</msg></response>'
QUEUED = (
    '<response status="success" code="19"><result><msg><line>Commit job enqueued with jobid 17'
    "</line></msg><job>17</job></result></response>"
)


def connect_to_pair(api: XmlApi, first: str = "localhost") -> PanOsPanorama:
    """Connect to the active peer of a pair; the second peer is the server."""
    return connect_to_active(of_server(api, hostnames=(first, "localhost")), credentials(api))


@pytest.fixture
def api() -> Iterator[XmlApi]:
    with XmlApi() as server:
        yield server


@pytest.fixture
def panorama(api: XmlApi, request: pytest.FixtureRequest) -> PanOsPanorama:
    callspec = getattr(request.node, "callspec", None)
    answer = callspec.params.get("answer") if callspec else None
    if isinstance(answer, Answer):
        api.answers(answer)  # Sets the timeout of the client.
    return connect_to_active(of_server(api), credentials(api))


# Keys and certificates.


@pytest.mark.documents(id="failure-modes/D13")
def test_special_characters_in_the_api_key_are_preserved(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    panorama.remove(Part.MANAGED_DEVICES, SERIAL)
    assert api.requests == [
        {
            "type": "config",
            "action": "delete",
            "xpath": f"/config/mgt-config/devices/entry[@name='{SERIAL}']",
            "key": KEY,
        }
    ]


@pytest.mark.documents(id="failure-modes/D13")
def test_a_password_is_exchanged_for_a_key_once(api: XmlApi) -> None:
    api.answers(f'<response status="success"><result><key>{KEY}</key></result></response>', OK)
    password_only = Credentials("autoscale", None, "it's a password", api.ca_bundle)
    panorama = connect_to_active(of_server(api), password_only)
    panorama.remove(Part.MANAGED_DEVICES, SERIAL)
    panorama.remove(Part.MANAGED_DEVICES, SERIAL)
    keygen, *deletes = api.requests
    assert keygen == {"type": "keygen", "user": "autoscale", "password": "it's a password"}
    assert [request["key"] for request in deletes] == [KEY, KEY]
    assert not any("password" in request for request in deletes)


@pytest.mark.documents(id="failure-modes/D12")
@pytest.mark.documents(id="panorama/contention/certificate")
@pytest.mark.parametrize(
    "secret",
    [
        Credentials("autoscale", KEY, None, trustme.CA().cert_pem.bytes().decode()),
        Credentials("autoscale", None, "secret", trustme.CA().cert_pem.bytes().decode()),
        Credentials("autoscale", KEY, None, None),
    ],
    ids=["another CA, key", "another CA, password", "system trust"],
)
def test_nothing_is_sent_to_an_unverified_server(api: XmlApi, secret: Credentials) -> None:
    panorama = connect_to_active(of_server(api), secret)
    with pytest.raises(DeviceCertificateError):
        panorama.devices()
    assert api.requests == []


def test_a_certificate_for_another_name_is_refused() -> None:
    with XmlApi(certified_name="panorama.example.com") as api:
        panorama = connect_to_active(of_server(api), credentials(api))
        with pytest.raises(DeviceCertificateError):
            panorama.devices()
        assert api.requests == []


def test_an_invalid_ca_bundle_is_reported(api: XmlApi) -> None:
    with pytest.raises(SecretError, match="ca_bundle"):
        connect_to_active(of_server(api), replace(credentials(api), ca_bundle="not PEM"))


# Unusable responses.


@pytest.mark.documents(id="panorama/contention/access")
@pytest.mark.documents(id="panorama/contention/bad-response")
@pytest.mark.documents(id="panorama/contention/timeout")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(status=403, body=error("Invalid Credential", "403")), DeviceAccessError),
        (Answer(status=401), DeviceAccessError),
        (Answer(status=502), DeviceUnavailableError),
        (Answer(status=503), DeviceUnavailableError),
        (Answer(delay=1.5), DeviceTimeoutError),
        (Answer(reset=True), DeviceUnavailableError),
        (Answer(body="<response status=", claimed_length=500), DeviceUnavailableError),
        (Answer(body="not XML"), DeviceUnavailableError),
        (Answer(body="<response/>"), DeviceUnavailableError),
        (Answer(body=b"\xff\xfe"), DeviceUnavailableError),
        (Answer(body="<html/>", content_type="text/html"), DeviceUnavailableError),
    ],
    ids=lambda value: str(value)[:60],
)
def test_each_unusable_response_raises_its_own_error(
    api: XmlApi, panorama: PanOsPanorama, answer: Answer, expected: type[AutoscaleError]
) -> None:
    api.answers(answer)
    with pytest.raises(AutoscaleError) as raised:
        panorama.commits()
    assert type(raised.value) is expected
    assert KEY not in str(raised.value)


def test_a_closed_port_makes_panorama_unavailable(api: XmlApi) -> None:
    settings = replace(of_server(api), port=1)
    with pytest.raises(DeviceUnavailableError):
        connect_to_active(settings, credentials(api)).devices()


# Refusals, with recorded or documented texts.

BUSY = [
    ("A commit is pending. Please try again later.", "13"),
    ("Another commit/validate is in progress. Please try again later.", "13"),
    ("A commit is in progress.", None),
    ("Timed out while getting config lock. Please try again.", None),
    ("Other administrators are holding device wide commit locks.", "14"),
    ("Other administrators are holding commit locks.", None),
    ("Configuration is locked by operator", None),
    ("Config for scope shared is currently locked by operator", None),
    ("Commit lock is already held by operator", None),
    ("You cannot commit while an install is in progress. Please try again later.", None),
    ("Session timed out", "22"),
    ("Failed to synchronize running configuration with HA peer", None),
    ("Another sync is in progress. Please try again later", None),
    ("Local commit jobs are queued. Revert operation is not allowed.", None),
    ("The commit queue is full. Please try again later.", None),
    ("Maximum number of commit jobs queued. Try later.", None),
    ("Operation denied on a passive device", "15"),
]


@pytest.mark.documents(id="panorama/contention/commit")
@pytest.mark.documents(id="panorama/contention/queue-full")
@pytest.mark.parametrize(("text", "code"), BUSY, ids=[text for text, _ in BUSY])
def test_a_temporary_refusal_is_a_busy_error(
    api: XmlApi, panorama: PanOsPanorama, text: str, code: str | None
) -> None:
    api.answers(error(text, code))
    with pytest.raises(DeviceBusyError):
        panorama.commit("description")
    with pytest.raises(DeviceBusyError):
        panorama.remove(Part.MANAGED_DEVICES, SERIAL)


REFUSALS = [
    ("Invalid credentials.", None, DeviceAccessError),
    ("Unauthorized request", "16", DeviceAccessError),
    (f"{SERIAL} not connected", None, FirewallNotConnectedError),
    (
        f"{SERIAL} cannot be deleted because of references from:",
        "10",
        ObjectReferencedError,
    ),
    (
        "Partial revert is not allowed. Full system commit must be completed.",
        "13",
        FullCommitRequiredError,
    ),
    ("Malformed command", "18", DeviceRefusedError),
    ("", "12", DeviceRefusedError),
]


@pytest.mark.parametrize(
    ("text", "code", "expected"), REFUSALS, ids=[text or "no text" for text, *_ in REFUSALS]
)
def test_each_other_refusal_has_its_own_error(
    api: XmlApi,
    panorama: PanOsPanorama,
    text: str,
    code: str | None,
    expected: type[AutoscaleError],
) -> None:
    api.answers(error(text, code))
    with pytest.raises(AutoscaleError) as raised:
        panorama.remove(Part.MANAGED_DEVICES, SERIAL)
    assert type(raised.value) is expected
    if isinstance(raised.value, DeviceRefusedError):
        assert raised.value.code == code


def test_an_error_does_not_affect_the_next_request(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.answers(error("whatever", "16"), Answer(status=502))
    with pytest.raises(DeviceAccessError):
        panorama.commits()
    with pytest.raises(DeviceUnavailableError):
        panorama.commits()


# High availability.


def ha(state: str) -> str:
    """The response that shows a peer in this state of high availability."""
    return (
        '<response status="success"><result><enabled>yes</enabled><local-info>'
        f"<state>{state}</state></local-info></result></response>"
    )


@pytest.mark.documents(id="failure-modes/D7")
@pytest.mark.documents(id="panorama/pair/active")
@pytest.mark.parametrize(
    ("states", "requests"),
    [
        (["primary-active"], 1),
        (["primary-passive", "secondary-active"], 2),
        (["primary-suspended", "secondary-active"], 2),
    ],
)
def test_the_active_peer_is_used(api: XmlApi, states: list[str], requests: int) -> None:
    api.answers(*(ha(state) for state in states))
    connect_to_pair(api)
    assert len(api.requests) == requests


def test_without_high_availability_the_first_host_is_used(api: XmlApi) -> None:
    api.answers('<response status="success"><result><enabled>no</enabled></result></response>')
    connect_to_pair(api)
    assert len(api.requests) == 1


@pytest.mark.documents(id="panorama/pair/active")
def test_a_peer_that_does_not_respond_is_skipped(api: XmlApi) -> None:
    api.answers(ha("secondary-active"))
    connect_to_pair(api, UNREACHABLE)
    assert len(api.requests) == 1


@pytest.mark.documents(id="panorama/pair/active")
@pytest.mark.parametrize(
    "answer",
    [Answer(status=403), Answer(error("Session timed out", "22")), Answer(status=502)],
    ids=["another key", "busy", "no answer"],
)
def test_a_peer_without_a_readable_state_is_skipped(api: XmlApi, answer: Answer) -> None:
    api.answers(answer, Answer(ha("secondary-active")))
    connect_to_pair(api)
    assert len(api.requests) == 2


@pytest.mark.documents(id="panorama/pair/only-passive")
def test_the_error_of_the_first_silent_peer_is_raised_if_none_is_active(api: XmlApi) -> None:
    api.answers(Answer(status=403), Answer(ha("secondary-passive")))
    with pytest.raises(DeviceAccessError):
        connect_to_pair(api)


@pytest.mark.documents(id="panorama/pair/turns-passive")
def test_after_a_failover_the_next_connection_is_to_the_other_peer(api: XmlApi) -> None:
    api.answers(ha("primary-active"), error("Operation denied", "15"))
    panorama = connect_to_pair(api)
    for write in (
        lambda: panorama.remove_all(REMOVALS, always),
        lambda: panorama.commit("description"),
        panorama.revert,
    ):
        with pytest.raises(DeviceBusyError):
            write()
    api.answers(ha("primary-passive"), ha("secondary-active"))
    api.requests.clear()
    connect_to_pair(api)
    assert len(api.requests) == 2


@pytest.mark.documents(id="panorama/pair/none-active")
def test_a_pair_without_an_active_peer_is_busy(api: XmlApi) -> None:
    api.answers(ha("primary-passive"))
    with pytest.raises(DeviceBusyError):
        connect_to_pair(api)


@pytest.mark.documents(id="failure-modes/D7")
@pytest.mark.documents(id="panorama/pair/only-passive")
def test_a_passive_peer_is_not_used_when_the_other_is_down(api: XmlApi) -> None:
    api.answers(ha("secondary-passive"))
    with pytest.raises(DeviceUnavailableError):
        connect_to_pair(api, UNREACHABLE)


# Devices.

DEVICES = f"""<response status="success"><result><devices>
<entry name="{SERIAL}"><serial>{SERIAL}</serial><connected>yes</connected>
<hostname>i-0abc</hostname><ip-address>10.0.1.5</ip-address></entry>
<entry name="007951000000099"><serial>007951000000099</serial><connected>no</connected>
<deactivated>yes</deactivated></entry>
</devices></result></response>"""
GROUPS = f"""<response status="success"><result><devicegroups><entry name="DG"><devices>
<entry name="{SERIAL}"><serial>{SERIAL}</serial><connected>yes</connected>
<hostname>i-0abc</hostname><ip-address>10.0.1.5</ip-address>
<vsys><entry name="vsys1"><shared-policy-status>In Sync</shared-policy-status></entry></vsys>
</entry></devices></entry></devicegroups></result></response>"""
STACKS = f"""<response status="success"><result><template-stack><entry name="TS"><devices>
<entry name="{SERIAL}"><serial>{SERIAL}</serial><connected>yes</connected>
<hostname>i-0abc</hostname><ip-address>10.0.1.5</ip-address>
<template-status>Out of Sync</template-status></entry>
</devices></entry></template-stack></result></response>"""


OURS = Device(SERIAL, "i-0abc", "10.0.1.5", True, "In Sync", "Out of Sync", "DG", "TS")


def lists(groups: str = GROUPS, stacks: str = STACKS) -> Callable[[dict[str, str]], Answer]:
    """Respond with these lists, whatever name a request has."""
    bodies = {"devices": DEVICES, "devicegroups": groups, "template-stack": stacks}
    bodies["log-collector-group"] = success(
        f"<log-collector-group><entry name='LCG 7'><device-list><entry name='{SERIAL}'/>"
        "</device-list></entry></log-collector-group>"
    )
    return lambda fields: Answer(bodies[fromstring(fields["cmd"])[0].tag])


def test_devices_are_joined_from_three_lists(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.reply = lists()
    assert panorama.devices() == [OURS, Device("007951000000099")]
    assert {request["cmd"] for request in api.requests} == {
        "<show><devices><all /></devices></show>",
        "<show><devicegroups><name>DG</name></devicegroups></show>",
        "<show><template-stack><name>TS</name></template-stack></show>",
    }


@pytest.mark.documents(id="panorama/contention/one-list")
def test_launches_and_terminations_read_two_group_answers_only(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    """F9: the list of all devices grows with other people's firewalls."""
    api.reply = lists()
    members = panorama.members()
    assert members == [OURS]
    assert [fromstring(request["cmd"])[0].tag for request in api.requests] == [
        "devicegroups",
        "template-stack",
    ]
    panorama.devices(members)
    assert len(api.requests) == 3, "the members are not read again"


def foreign(answer: str, name: str) -> str:
    """A response with another group besides ours, whose live firewall has our address."""
    other = (
        f'<entry name="{name}"><devices><entry name="007951000000077"><serial>007951000000077'
        "</serial><connected>yes</connected><hostname>prod-1</hostname><ip-address>10.0.1.5"
        "</ip-address><shared-policy-status>In Sync</shared-policy-status><template-status>In Sync"
        "</template-status></entry></devices></entry>"
    )
    kind = "devicegroups" if "<devicegroups>" in answer else "template-stack"
    return answer.replace(f"<{kind}>", f"<{kind}>{other}")


@pytest.mark.documents(id="panorama/contention/group-missing")
def test_an_answer_with_all_groups_does_not_make_a_stranger_ours(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    """F4: some releases ignore the name of the group (Azure-Transit-VNet, monitor.py)."""
    api.reply = lists(foreign(GROUPS, "DG2"), foreign(STACKS, "production"))
    assert [device.serial for device in panorama.members()] == [SERIAL]


@pytest.mark.documents(id="panorama/contention/group-missing")
@pytest.mark.parametrize(
    ("groups", "stacks", "missing"),
    [
        (success("<devicegroups/>"), STACKS, "device group DG"),
        (GROUPS.replace('"DG"', '"dg"'), STACKS, "device group DG"),
        (success(""), STACKS, "device group DG"),
        (GROUPS, STACKS.replace('"TS"', '"TS "'), "template stack TS"),
    ],
)
def test_an_answer_without_our_group_is_refused(
    api: XmlApi, panorama: PanOsPanorama, groups: str, stacks: str, missing: str
) -> None:
    """F4: nothing is concluded from a response about other groups."""
    api.reply = lists(groups, stacks)
    with pytest.raises(DeviceRefusedError, match=f"does not list the {missing}: create and commit"):
        panorama.members()


def test_an_empty_device_group_has_no_devices_element(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.reply = lists(success('<devicegroups><entry name="DG"/></devicegroups>'))
    (device,) = panorama.members()
    assert (device.device_group, device.policy_status) == (None, None)
    assert (device.template_stack, device.template_status) == ("TS", "Out of Sync")


def test_the_groups_that_hold_a_firewall_are_named(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.reply = lists(GROUPS.replace('"DG"', '"branch offices"'))
    places = panorama.groups_of([SERIAL, "007951000000098"], list(Part))
    assert places == {
        SERIAL: [
            Place(Part.TEMPLATE_STACK, "TS"),
            Place(Part.DEVICE_GROUP, "branch offices"),
            Place(Part.LOG_COLLECTOR_GROUP, "LCG 7"),
        ]
    }
    assert panorama.groups_of([], list(Part)) == {}
    assert len(api.requests) == 3


# The license plugin.

LISTED = """<response status="success"><result><devices>
<entry><name>fw-1</name><serial>007951000012345</serial><ip>10.0.1.5</ip></entry>
<entry><name>fw-2</name><serial>007951000012346</serial><ip>10.0.1.6</ip></entry>
<entry><name>fw-3</name><serial/></entry>
</devices></result></response>"""
SENT = (
    '<response status="success"><result>Deactivation request sent. Check system logs for status.'
    "</result></response>"
)


def test_the_plugin_lists_the_licensed_firewalls(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.answers(LISTED, '<response status="success"><result><devices/></result></response>')
    assert panorama.plugin_licensed("my manager") == {SERIAL, "007951000012346"}
    assert panorama.plugin_licensed("my manager") == frozenset()
    assert api.requests[0]["cmd"] == (
        "<show><plugins><sw_fw_license><devices><license-manager>my manager</license-manager>"
        "</devices></sw_fw_license></plugins></show>"
    )


def test_one_request_to_the_plugin_deactivates_several_licenses(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    api.answers(SENT)
    panorama.plugin_deactivate("LM", {"002", "001"})
    assert api.requests[0]["cmd"] == (
        "<request><plugins><sw_fw_license><deactivate><license-manager>LM</license-manager>"
        "<devices><member>001</member><member>002</member></devices></deactivate></sw_fw_license>"
        "</plugins></request>"
    )
    assert "target" not in api.requests[0]


@pytest.mark.parametrize(
    "text", [f"{SERIAL} is already deactivated", f"{SERIAL} not found in license-manager LM"]
)
def test_deactivating_a_license_that_was_already_returned_succeeds(
    api: XmlApi, panorama: PanOsPanorama, text: str
) -> None:
    api.answers(error(text))
    panorama.plugin_deactivate("LM", [SERIAL])


@pytest.mark.parametrize(
    "text", ["API Key is not set", "license-manager -> LM is not a valid reference"]
)
def test_a_refusal_of_the_plugin_is_reported(
    api: XmlApi, panorama: PanOsPanorama, text: str
) -> None:
    api.answers(error(text))
    with pytest.raises(DeviceRefusedError, match=text):
        panorama.plugin_deactivate("LM", [SERIAL])


# Configuration.


@pytest.mark.documents(id="panorama/commit/not-effective")
@pytest.mark.parametrize(
    ("method", "action"), [("running_members", "show"), ("candidate_members", "get")]
)
def test_members_are_read_from_each_part_of_the_configuration(
    api: XmlApi, panorama: PanOsPanorama, method: str, action: str
) -> None:
    in_group = (
        '<response status="success" code="19"><result total-count="1" count="1"><devices>'
        f'<entry name="{SERIAL}"/></devices></result></response>'
    )

    def reply(fields: dict[str, str]) -> Answer:
        if "device-group" in fields["xpath"]:
            return Answer(in_group)
        if action == "show":
            return Answer(error("No such node"))
        return Answer('<response status="success" code="7"><result/></response>')

    api.reply = reply
    assert getattr(panorama, method)() == {
        Part.TEMPLATE_STACK: frozenset(),
        Part.DEVICE_GROUP: frozenset({SERIAL}),
        Part.LOG_COLLECTOR_GROUP: frozenset(),
        Part.MANAGED_DEVICES: frozenset(),
    }
    assert {request["action"] for request in api.requests} == {action}
    assert [request["xpath"] for request in api.requests] == [
        f"{LOCALHOST}/template-stack/entry[@name='TS']/devices",
        f"{LOCALHOST}/device-group/entry[@name='DG']/devices",
        f"{LOCALHOST}/log-collector-group/entry[@name='LCG']/logfwd-setting/devices",
        "/config/mgt-config/devices",
    ]


def test_the_collectors_of_a_firewall_are_not_firewalls(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    api.answers(
        f'<response status="success"><result><devices><entry name="{SERIAL}"><collectors>'
        '<entry name="collector"/></collectors></entry></devices></result></response>'
    )
    assert panorama.running_members()[Part.LOG_COLLECTOR_GROUP] == {SERIAL}


@pytest.mark.documents(id="panorama/removal/absent")
@pytest.mark.parametrize("text", ["Object doesn't exist", "No object to delete in delete handler"])
def test_removing_an_absent_entry_succeeds(api: XmlApi, panorama: PanOsPanorama, text: str) -> None:
    api.answers(f'<response status="success" code="7"><msg>{text}</msg></response>')
    panorama.remove(Part.DEVICE_GROUP, SERIAL)


OTHER = "007951000000099"
REMOVALS = [
    *(Removal(Part.DEVICE_GROUP, SERIAL), Removal(Part.DEVICE_GROUP, OTHER)),
    *(Removal(Part.MANAGED_DEVICES, SERIAL), Removal(Part.MANAGED_DEVICES, OTHER)),
]
REFERENCED = (
    f"<msg><line>{OTHER} cannot be deleted because of references from:</line>"
    "<line>device-group -> branch -> pre-rulebase -> security -> rules -> passive</line></msg>"
)


def always() -> bool:
    return True


def deletes(request: dict[str, str]) -> list[str | None]:
    """The XPaths that a multi-config request deletes."""
    return [action.get("xpath") for action in fromstring(request["element"]).iterfind("delete")]


def nested(*answers: tuple[str, str, str], status: str = "success", code: str = "20") -> str:
    inner = "".join(
        f'<response status="{state}" code="{number}" id="{n}">{message}</response>'
        for n, (state, number, message) in enumerate(answers)
    )
    return f'<response status="{status}" code="{code}">{inner}</response>'


GONE = ("success", "20", "<msg>command succeeded</msg>")


def test_an_xpath_that_panorama_refuses_is_an_error(api: XmlApi, panorama: PanOsPanorama) -> None:
    """It must not look as if no group had the firewall."""
    api.answers(error("Invalid xpath", "6"))
    with pytest.raises(DeviceRefusedError, match="Invalid xpath"):
        panorama.running_parts([SERIAL])


@pytest.mark.documents(id="panorama/removal/batch")
def test_a_batch_is_removed_in_one_transaction(api: XmlApi, panorama: PanOsPanorama) -> None:
    absent = ("success", "7", "<msg>Object doesn't exist</msg>")
    api.answers(nested(GONE, GONE, absent, GONE))
    assert panorama.remove_all(REMOVALS, always) == {}
    (request,) = api.requests
    assert (request["type"], request["action"]) == ("config", "multi-config")
    group = f"{LOCALHOST}/device-group/entry[@name='DG']/devices/entry[@name='%s']"
    assert deletes(request) == [
        *(group % SERIAL, group % OTHER),
        f"/config/mgt-config/devices/entry[@name='{SERIAL}']",
        f"/config/mgt-config/devices/entry[@name='{OTHER}']",
    ]
    assert "strict-transactional" not in request, (
        "it would fail on entries that another visit has removed"
    )
    assert request["key"] == KEY


def test_a_single_removal_needs_no_transaction(api: XmlApi, panorama: PanOsPanorama) -> None:
    assert panorama.remove_all(REMOVALS[:1], always) == {}
    assert [request["action"] for request in api.requests] == ["delete"]


def test_nothing_to_remove_needs_no_request(api: XmlApi, panorama: PanOsPanorama) -> None:
    assert panorama.remove_all([], always) == {}
    assert api.requests == []


@pytest.mark.documents(id="panorama/removal/referenced")
@pytest.mark.parametrize("code", ["10", None], ids=["with a code", "without a code"])
def test_a_reference_is_reported_and_does_not_block_other_removals(
    api: XmlApi, panorama: PanOsPanorama, code: str | None
) -> None:
    first = nested(GONE, GONE, GONE, ("error", "10", REFERENCED), status="error", code="10")
    if code is None:
        first = first.replace(' code="10"', "", 1)
    api.answers(first, nested(GONE, GONE))
    refused = panorama.remove_all(REMOVALS, always)
    kept = [Removal(Part.DEVICE_GROUP, OTHER), Removal(Part.MANAGED_DEVICES, OTHER)]
    assert list(refused) == kept
    error = refused[kept[1]]
    assert type(error) is ObjectReferencedError
    assert "device-group -> branch -> pre-rulebase -> security -> rules -> passive" in str(error)
    assert [len(deletes(request)) for request in api.requests] == [4, 2]
    assert not any(OTHER in str(xpath) for xpath in deletes(api.requests[1]))


@pytest.mark.documents(id="panorama/removal/absent")
def test_an_absent_entry_that_fails_a_transaction_is_left_out(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    absent = ("error", "7", "<msg><line>Object doesn't exist</line></msg>")
    api.answers(nested(absent, status="error", code="7"), nested(GONE, GONE, GONE))
    assert panorama.remove_all(REMOVALS, always) == {}
    assert len(deletes(api.requests[1])) == 3


@pytest.mark.documents(id="panorama/removal/no-multi-config")
@pytest.mark.parametrize(
    "body",
    [
        error("Unsupported config action: multi-config", "17"),
        error("multi-config is not enabled"),
        '<response status="error" code="12"/>',
    ],
    ids=["no such action", "disabled", "no reason"],
)
def test_without_multi_config_entries_are_removed_one_by_one(
    api: XmlApi, panorama: PanOsPanorama, body: str
) -> None:
    absent = '<response status="success" code="7"><msg>Object doesn\'t exist</msg></response>'
    referenced = f'<response status="error" code="10">{REFERENCED}</response>'
    api.answers(body, OK, absent, OK, referenced)
    refused = panorama.remove_all(REMOVALS, always)
    assert [type(error) for error in refused.values()] == [ObjectReferencedError]
    assert [request["action"] for request in api.requests] == ["multi-config", *["delete"] * 4]


@pytest.mark.documents(id="panorama/contention/odd-values")
@pytest.mark.parametrize("results", [0, 1, 3, 5, 100])
@pytest.mark.parametrize("refused", [False, True])
def test_with_a_wrong_number_of_results_entries_are_removed_one_by_one(
    api: XmlApi, panorama: PanOsPanorama, results: int, refused: bool
) -> None:
    """F4: the results do not say what happened to each delete."""
    parts = [GONE] * results
    if refused:
        parts = [*([GONE] * max(results, len(REMOVALS))), ("error", "10", REFERENCED)]
    api.answers(nested(*parts, status="error" if refused else "success"), OK)
    assert panorama.remove_all(REMOVALS, always) == {}
    assert [request["action"] for request in api.requests] == ["multi-config", *["delete"] * 4]


@pytest.mark.documents(id="panorama/contention/lock")
@pytest.mark.parametrize(
    "body",
    [
        nested(GONE, ("error", "13", "<msg>A commit is pending.</msg>"), status="error", code="13"),
        error("Timed out while getting config lock. Please try again."),
    ],
    ids=["nested", "whole response"],
)
def test_a_busy_panorama_does_not_get_one_request_per_entry(
    api: XmlApi, panorama: PanOsPanorama, body: str
) -> None:
    api.answers(body)
    with pytest.raises(DeviceBusyError):
        panorama.remove_all(REMOVALS, always)
    assert len(api.requests) == 1


@pytest.mark.documents(id="panorama/removal/time-budget")
def test_a_run_that_is_short_of_time_stops_between_two_requests(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    api.answers(error("Unsupported config action: multi-config", "17"), OK)
    time = iter([True, False])
    with pytest.raises(TimeBudgetExceededError):
        panorama.remove_all(REMOVALS, lambda: next(time))
    assert [request["action"] for request in api.requests] == ["multi-config", "delete", "delete"]


def test_a_quote_in_a_name_is_escaped(api: XmlApi) -> None:
    settings = replace(of_server(api), device_group="O'Brien")
    panorama = connect_to_active(settings, credentials(api))
    panorama.remove(Part.DEVICE_GROUP, SERIAL)
    assert api.requests[0]["xpath"] == (
        f"{LOCALHOST}/device-group/entry[@name=\"O'Brien\"]/devices/entry[@name='{SERIAL}']"
    )


# Reverting.


def test_a_revert_affects_only_our_own_changes(api: XmlApi, panorama: PanOsPanorama) -> None:
    panorama.revert()
    assert api.requests[0]["type"] == "op"
    assert api.requests[0]["cmd"] == (
        "<revert><config><partial><admin><member>autoscale</member></admin></partial></config>"
        "</revert>"
    )


def test_reverting_without_changes_succeeds(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.answers(error("There are no changes to revert."))
    panorama.revert()


@pytest.mark.documents(id="panorama/contention/full-commit")
def test_a_revert_that_needs_more_than_our_own_changes_is_refused(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    api.answers(error("Partial revert is not allowed. Full system commit must be completed."))
    with pytest.raises(FullCommitRequiredError):
        panorama.revert()


# Commits.


@pytest.mark.documents(id="panorama/commit/own-changes")
def test_a_commit_includes_only_our_own_changes(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.answers(QUEUED)
    assert panorama.commit("fw: remove 2 firewalls") == "17"
    assert api.requests[0]["cmd"] == (
        "<commit><description>fw: remove 2 firewalls</description>"
        "<partial><admin><member>autoscale</member></admin></partial></commit>"
    )


def test_a_commit_may_include_another_administrators_changes(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    api.answers(QUEUED)
    assert panorama.commit("licenses", administrator="__sw_fw_license") == "17"
    assert "<admin><member>__sw_fw_license</member></admin>" in api.requests[0]["cmd"]


NO_CHANGES = "There are no changes to commit."
NO_EDITS = "No edits to commit"
SAME = "The result of this commit would be the same as the previous commit queued/processed."


@pytest.mark.documents(id="panorama/commit/nothing-to-commit")
@pytest.mark.parametrize(
    "body",
    [
        f'<response status="success" code="19"><msg>{NO_CHANGES}</msg></response>',
        f'<response status="success" code="19"><msg><line>{NO_CHANGES}</line></msg></response>',
        f'<response status="success" code="13"><msg><line>{SAME}</line></msg></response>',
        error(SAME, "13"),
        error(NO_EDITS),  # F10b: what two public clients look for.
        success(f"<msg><line>{NO_EDITS}</line></msg>"),
    ],
)
def test_a_commit_without_changes_creates_no_job(
    api: XmlApi, panorama: PanOsPanorama, body: str
) -> None:
    api.answers(body)
    assert panorama.commit("description") is None


def test_the_plugins_own_changes_are_committed_by_its_administrator(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    api.answers(QUEUED)
    assert panorama.commit("description", "__sw_fw_license") == "17"
    members = fromstring(api.requests[0]["cmd"]).iterfind("partial/admin/member")
    assert [member.text for member in members] == ["__sw_fw_license"]


def test_a_commit_response_without_a_job_is_an_error(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.answers('<response status="success" code="19"><msg>Something new</msg></response>')
    with pytest.raises(DeviceRefusedError, match="Something new"):
        panorama.commit("description")


def job(number: int, user: str = "autoscale", kind: str = "Commit", **fields: str) -> str:
    texts = {"status": "FIN", "result": "OK", **fields}
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in texts.items())
    return (
        f"<job><id>{number}</id><user>{user}</user><type>{kind}</type>{inner}"
        "<details><line>reason one</line><line>reason two</line></details></job>"
    )


REASONS = ("reason one", "reason two")


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ([], []),
        ([job(9, user="operator"), job(8, kind="CommitAll")], []),
        (
            [job(10, status="ACT", result="PEND"), job(9, result="FAIL")],
            [
                Job("10", False, False, REASONS, kind="Commit"),
                Job("9", True, True, REASONS, kind="Commit"),
            ],
        ),
        (
            [job(9), job(10, result="FAIL", description="fw: remove 2 firewalls")],
            [
                Job("10", True, True, REASONS, "fw: remove 2 firewalls", kind="Commit"),
                Job("9", True, False, REASONS, kind="Commit"),
            ],
        ),
        (
            [job(10, status="PEND", result="PEND")],
            [Job("10", False, False, REASONS, kind="Commit")],
        ),
    ],
)
def test_only_our_own_commits_are_listed_newest_first(
    api: XmlApi, panorama: PanOsPanorama, jobs: list[str], expected: list[Job]
) -> None:
    api.answers(f'<response status="success"><result>{"".join(jobs)}</result></response>')
    assert panorama.commits() == expected


# Odd values.

ODD_IDS = ["", "abc", "-1", "1e3", "9" * 5000, "<a/>"]


@pytest.mark.documents(id="panorama/contention/odd-values")
@pytest.mark.parametrize("odd", ODD_IDS, ids=lambda odd: odd[:10])
def test_a_job_without_a_number_does_not_hide_the_other_jobs(
    api: XmlApi, panorama: PanOsPanorama, odd: str
) -> None:
    """F4: one such job would block all pushes and removals."""
    good = [
        f"<job><id>{number}</id><type>{kind}</type><status>FIN</status><user>autoscale</user></job>"
        for kind, number in (("Commit", 9), ("Commit", 12))
    ]
    bad = [
        f"<job><id>{odd}</id><type>{kind}</type></job><job><type>{kind}</type></job>"
        for kind in ("Commit", "CommitAll")
    ]
    api.answers(success("".join([*good, *bad, *good])))
    assert [job.job_id for job in panorama.commits()] == ["12", "9"]


@pytest.mark.parametrize("odd", ODD_IDS, ids=lambda odd: odd[:10])
def test_a_commit_without_the_number_of_its_job_is_an_error(
    api: XmlApi, panorama: PanOsPanorama, odd: str
) -> None:
    api.answers(success(f"<job>{odd}</job>"))
    with pytest.raises(DeviceRefusedError, match="no job id"):
        panorama.commit("description")
    assert panorama.push([SERIAL], "fw") is None


@pytest.mark.documents(id="panorama/contention/odd-values")
def test_devices_without_a_serial_number_are_left_out(api: XmlApi, panorama: PanOsPanorama) -> None:
    long_name = "h" * 5000
    entries = [
        f"<entry name='{SERIAL}'><hostname>{long_name}\u202e</hostname></entry>",
        "<entry name='&quot;] | //*'/>",
        "<entry><serial>../..</serial></entry>",
        f"<entry name='{SERIAL}'><serial>{'1' * 5000}</serial></entry>",
        "<entry/>",
    ]
    api.answers(success(f"<devices>{''.join(entries)}</devices>"))
    (device,) = panorama.devices([])
    assert device.serial == SERIAL
    assert device.hostname == "h" * 1000 + "…"
    assert panorama.running_members()[Part.MANAGED_DEVICES] == {SERIAL}


def test_the_details_of_a_failed_push_are_cut(api: XmlApi, panorama: PanOsPanorama) -> None:
    line = f"<line>{'x' * 5000}</line>"
    api.answers(
        success(
            f"<job><id>7</id><type>CommitAll</type><status>FIN</status>{DESCRIBED}<devices>"
            f"<entry><serial-no>{SERIAL}</serial-no><result>FAIL</result>"
            f"<details>{line * 100}</details></entry><entry><serial-no>'</serial-no></entry>"
            "</devices></job>"
        )
    )
    (push,) = panorama.pushes("fw")
    assert len(push.failures[SERIAL]) == 1001
    assert push.serials == {SERIAL}


# Jobs: the list is no ledger.

DESCRIBED = f"<description>fw: push to {SERIAL} {OTHER}</description>"


def pushed(number: int, status: str, result: str = "PEND", more: str = DESCRIBED) -> str:
    """A push as the job list shows it: without its firewalls."""
    return (
        f"<job><id>{number}</id><user>autoscale</user><type>CommitAll</type><status>{status}"
        f"</status><result>{result}</result>{more}</job>"
    )


@pytest.mark.documents(id="panorama/commit/job-list")
@pytest.mark.parametrize("order", [("FIN", "ACT"), ("ACT", "FIN"), ("PEND", "FIN", "ACT")])
def test_two_entries_of_one_job_id_are_one_job_and_the_one_that_ended_counts(
    api: XmlApi, panorama: PanOsPanorama, order: tuple[str, ...]
) -> None:
    """F3: PAN-OS 10.2 and later list a job twice; one entry never ends (demisto/content#35761)."""
    results = {"FIN": "OK", "ACT": "PEND", "PEND": "PEND"}
    api.answers(
        success("".join(job(57, status=status, result=results[status]) for status in order))
    )
    assert panorama.commits() == [Job("57", True, False, REASONS, kind="Commit")]
    assert panorama.job("57") == Job("57", True, False, REASONS, kind="Commit")


def test_a_job_is_asked_for_by_its_id(api: XmlApi, panorama: PanOsPanorama) -> None:
    """F3: the shape of a push with its firewalls (demisto/content, push_to_device_success.xml)."""
    failed = (
        "<details><msg><errors><line>Validation Error</line><line>rule x is invalid</line></errors>"
        "<warnings><line>shadowed rule</line></warnings></msg></details>"
    )
    api.answers(
        success(
            "<job><tenq>2026/11/23 12:00:00</tenq><id> 31 </id><user>autoscale</user>"
            "<type>CommitAll</type><status>FIN</status><result>FAIL</result><devices>"
            f"<entry><serial-no>{SERIAL}</serial-no><result>OK</result></entry>"
            f"<entry><serial-no>{OTHER}</serial-no><result>FAIL</result>{failed}</entry>"
            f"</devices>{DESCRIBED}</job>"
        )
    )
    found = panorama.job("31")
    assert api.requests[0]["cmd"] == "<show><jobs><id>31</id></jobs></show>"
    assert found is not None
    assert (found.finished, found.failed) == (True, True)
    assert found.serials == {SERIAL, OTHER}
    assert found.failures == {OTHER: "Validation Error rule x is invalid"}, "no warnings"


@pytest.mark.parametrize(
    "answer", [error("job 19 not found", "7"), success(""), success("<job><id>18</id></job>")]
)
def test_a_job_that_panorama_does_not_know_is_none(
    api: XmlApi, panorama: PanOsPanorama, answer: str
) -> None:
    api.answers(answer)
    assert panorama.job("19") is None


@pytest.mark.documents(id="panorama/commit/job-list")
def test_an_entry_that_cannot_be_parsed_is_skipped(api: XmlApi, panorama: PanOsPanorama) -> None:
    """F3: a Failed-Job (pan-os-ansible#533) and an entry with an empty id."""
    failed = "<job><type>Failed-Job</type><details>x</details><warnings/></job>"
    empty = "<job><id/><type>Commit</type><user>autoscale</user><status>ACT</status></job>"
    api.answers(success(failed + empty + job(9) + pushed(8, "FIN", "OK")))
    assert [commit.job_id for commit in panorama.commits()] == ["9"]
    assert [push.job_id for push in panorama.pushes("fw")] == ["8"]


def test_a_push_is_known_by_its_description_although_the_list_has_no_devices(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    """F3: no recorded list has the firewalls of a push."""
    api.answers(QUEUED)
    assert panorama.push([OTHER, SERIAL], "fw") == "17"
    sent = fromstring(api.requests[0]["cmd"])
    assert sent.findtext("shared-policy/description") == f"fw: push to {OTHER} {SERIAL}"
    api.answers(success(pushed(20, "ACT") + pushed(19, "FIN", "FAIL", DESCRIBED + "<details/>")))
    both = frozenset({SERIAL, OTHER})
    assert panorama.pushes("fw") == [
        Push("20", False, {}, both),
        Push("19", True, dict.fromkeys(both, "no reason given"), both),
    ]


@pytest.mark.documents(id="readiness/gate/push-foreign")
def test_a_foreign_push_is_not_in_the_list_of_ours(api: XmlApi, panorama: PanOsPanorama) -> None:
    """F3: with hundreds of devices, a push of somebody else is always under way."""
    described = "<description>%s</description>"
    foreign_pushes = (
        pushed(9, "ACT", more=""),
        pushed(8, "ACT", more=described % "fw2: push to 007951000012345"),
        pushed(7, "ACT", more=described % "weekly push to all"),
        pushed(6, "ACT", more=described % "fw: push to '] | //*"),
    )
    api.answers(success("".join(foreign_pushes)))
    assert panorama.pushes("fw") == []


def test_a_description_is_at_most_as_long_as_panorama_accepts() -> None:
    description = jobs.push_description("fw", [f"{number:032}" for number in range(100)])
    assert len(description) <= 512
    assert len(jobs.described_serials(description, "fw") or ()) == 15


# Licenses through Panorama itself.


@pytest.mark.parametrize("serials", [[SERIAL], [SERIAL, OTHER]])
def test_one_request_returns_the_licenses_of_firewalls_through_panorama_itself(
    api: XmlApi, panorama: PanOsPanorama, serials: list[str]
) -> None:
    """F1: the command of every public tool that returns licenses through Panorama."""
    api.answers(success("<msg><line>Job enqueued with jobid 23</line></msg><job>23</job>"))
    assert panorama.batch_deactivate(serials) == "23"
    (request,) = api.requests
    assert request["cmd"] == (
        "<request><batch><license><deactivate><VM-Capacity><mode>auto</mode><devices>"
        f"{','.join(sorted(serials))}</devices></VM-Capacity></deactivate></license></batch>"
        "</request>"
    )
    assert "target" not in request, "no firewall is asked"


@pytest.mark.parametrize(
    "answer",
    [
        success("<msg><line>Successfully deactivated VM. Please issue reboot</line></msg>"),
        error("Successfully removed VM"),
    ],
)
def test_a_batch_return_that_is_confirmed_at_once_has_no_job(
    api: XmlApi, panorama: PanOsPanorama, answer: str
) -> None:
    api.answers(answer)
    assert panorama.batch_deactivate([SERIAL]) is None


@pytest.mark.parametrize(
    "text", ["API Key is not set", "Invalid or missing deactivation token", "Invalid api key"]
)
@pytest.mark.parametrize("refused", [True, False])
def test_a_panorama_without_licensing_key_is_recognized(
    api: XmlApi, panorama: PanOsPanorama, text: str, refused: bool
) -> None:
    """F1: the caller then returns the license through the firewall."""
    api.answers(error(text) if refused else success(f"<msg><line>{text}</line></msg>"))
    with pytest.raises(LicensingKeyError, match="install the support account's current licensing"):
        panorama.batch_deactivate([SERIAL])


def test_a_secondary_peer_that_returns_no_licenses_is_recognized(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    """The caller then returns the license through the firewall, and does not wait for the primary.

    Panorama Administrator's Guide, "Priority and Failover on Panorama in HA".
    """
    api.answers(error("Operation denied: deployment is managed on the primary peer", "15"))
    with pytest.raises(SecondaryPeerError, match="deployment is managed on the primary peer"):
        panorama.batch_deactivate([SERIAL])
    assert panorama.batch_licensed() is None, "a refusal says nothing about a license"


@pytest.mark.parametrize("answer", [error("not connected to server"), success("<msg>Hm</msg>")])
def test_a_batch_return_with_another_answer_is_no_success(
    api: XmlApi, panorama: PanOsPanorama, answer: str
) -> None:
    api.answers(answer)
    with pytest.raises(PanOsError) as raised:
        panorama.batch_deactivate([SERIAL])
    assert not isinstance(raised.value, LicensingKeyError)


def test_panoramas_own_list_shows_the_capacity_license_only(
    api: XmlApi, panorama: PanOsPanorama
) -> None:
    """F2, F5: the second witness, in the shape that licdump and pan-os-php read."""
    entries = "".join(
        f"<entry><serial-no>{serial}</serial-no><devicename>i-1</devicename><licenses>{licenses}"
        "</licenses></entry>"
        for serial, licenses in (
            (SERIAL, "<entry name='PA-VM'><type>PERP</type></entry><entry name='Premium'/>"),
            (OTHER, "<entry name='Logging Service'><type>SUB</type></entry>"),
            ("'", "<entry name='PA-VM'/>"),
        )
    )
    api.answers(success(f"<devices>{entries}</devices>"), success("<devices/>"), success(""))
    assert panorama.batch_licensed() == {
        SERIAL: BatchLicense(True, "i-1"),
        OTHER: BatchLicense(False, "i-1"),
    }
    assert api.requests[0]["cmd"] == (
        "<request><batch><license><info /></license></batch></request>"
    )
    assert panorama.batch_licensed() == {}
    assert panorama.batch_licensed() is None, "the answer has no list"


@pytest.mark.parametrize(
    "answer",
    [
        success(""),
        success("License manager is initializing"),
        success("<msg>No devices</msg>"),
        success("<msg><line>Plugin is starting</line></msg>"),
        success("<devices>busy</devices>"),
        success("<devices><entry><name>fw-1</name></entry></devices>"),
        '<response status="success"/>',
        '<response status="success"><msg>ok</msg></response>',
    ],
)
def test_one_empty_answer_of_the_plugin_says_nothing(
    api: XmlApi, panorama: PanOsPanorama, answer: str
) -> None:
    """F2: only a response with the list that a full response has can show an absence."""
    api.answers(answer)
    assert panorama.plugin_licensed("LM") is None


@pytest.mark.documents(id="panorama/contention/slow-license-server")
def test_a_license_request_may_take_longer_than_others(api: XmlApi) -> None:
    """F9, F10: a list that takes too long is an error; a license request has more time."""
    settings = replace(of_server(api), timeout_seconds=1)
    panorama = connect_to_active(settings, credentials(api))
    api.answers(Answer(success("<job>5</job>"), delay=1.4))
    assert panorama.batch_deactivate([SERIAL]) == "5"
    with pytest.raises(DeviceTimeoutError):
        panorama.commits()


def test_a_certificate_of_another_name_is_verified_for_the_server_name() -> None:
    """F10e: a Panorama that is addressed by address, or has the certificate it was born with."""
    with XmlApi(certified_name="panorama.example.com") as api:
        api.answers(OK)
        named = replace(of_server(api), server_name="panorama.example.com")
        connect_to_active(named, credentials(api)).remove(Part.MANAGED_DEVICES, SERIAL)
        assert len(api.requests) == 1
        other = replace(of_server(api), server_name="other.example.com")
        with pytest.raises(DeviceCertificateError):
            connect_to_active(other, credentials(api)).remove(Part.MANAGED_DEVICES, SERIAL)


# Any group that holds a firewall.


@pytest.mark.parametrize("running", [True, False], ids=["running", "candidate"])
def test_a_firewall_is_looked_for_in_the_groups_of_any_name(
    api: XmlApi, panorama: PanOsPanorama, running: bool
) -> None:
    """B4: with four small requests, however many firewalls Panorama manages."""

    def reply(fields: dict[str, str]) -> Answer:
        found = "template-stack" in fields["xpath"] or "mgt-config" in fields["xpath"]
        entry = f"<entry name='{SERIAL}'/><entry name='STRANGER'/>" if found else ""
        return Answer(success(entry) if found or not running else error("No such node"))

    api.reply = reply
    read = panorama.running_parts if running else panorama.candidate_parts
    parts = read([OTHER, SERIAL, "'] | //*[@name='x"])
    assert {part for part, serials in parts.items() if serials} == {
        Part.TEMPLATE_STACK,
        Part.MANAGED_DEVICES,
    }
    assert parts[Part.MANAGED_DEVICES] == {SERIAL}
    assert {request["action"] for request in api.requests} == {"show" if running else "get"}
    step = f"entry[@name='{OTHER}' or @name='{SERIAL}']"
    assert [request["xpath"] for request in api.requests] == [
        f"{LOCALHOST}/template-stack/entry/devices/{step}",
        f"{LOCALHOST}/device-group/entry/devices/{step}",
        f"{LOCALHOST}/log-collector-group/entry/logfwd-setting/devices/{step}",
        f"/config/mgt-config/devices/{step}",
    ]
    assert read([]) == {}
    assert len(api.requests) == 4


def test_a_removal_may_name_its_group(api: XmlApi, panorama: PanOsPanorama) -> None:
    """B4: the settings may say another group now. The XPath is complete (pan-os-codegen#119)."""
    panorama.remove_all(
        [
            Removal(Part.TEMPLATE_STACK, SERIAL, "old stack"),
            Removal(Part.LOG_COLLECTOR_GROUP, SERIAL, "old"),
            Removal(Part.MANAGED_DEVICES, SERIAL),
        ],
        always,
    )
    entry = f"entry[@name='{SERIAL}']"
    assert deletes(api.requests[0]) == [
        f"{LOCALHOST}/template-stack/entry[@name='old stack']/devices/entry[@name='{SERIAL}']",
        f"{LOCALHOST}/log-collector-group/entry[@name='old']/logfwd-setting/devices/{entry}",
        f"/config/mgt-config/devices/entry[@name='{SERIAL}']",
    ]


# Refusals in a multi-config response.


@pytest.mark.parametrize("code", ["10", "7"])
def test_the_refused_part_of_a_transaction_is_found_by_its_id(
    api: XmlApi, panorama: PanOsPanorama, code: str
) -> None:
    """F10a: a response may have the refused part only."""
    part = f'<response status="error" code="{code}" id="3">{REFERENCED}</response>'
    api.answers(f'<response status="error" code="{code}">{part}</response>', nested(*[GONE] * 3))
    refused = panorama.remove_all(REMOVALS, always)
    assert {removal.serial for removal in refused} == ({OTHER} if code == "10" else set())
    assert deletes(api.requests[1])[-1] == f"/config/mgt-config/devices/entry[@name='{SERIAL}']"


@pytest.mark.parametrize("identifier", [None, "17", "x"])
def test_a_refused_part_without_its_place_blames_nobody(
    api: XmlApi, panorama: PanOsPanorama, identifier: str | None
) -> None:
    """F10a: the firewalls are then removed one by one."""
    attribute = f' id="{identifier}"' if identifier else ""
    part = f'<response status="error" code="10"{attribute}>{REFERENCED}</response>'
    api.answers(f'<response status="error" code="10">{part}</response>', OK)
    assert panorama.remove_all(REMOVALS, always) == {}
    assert [request["action"] for request in api.requests] == ["multi-config", *["delete"] * 4]


# Calls that several deployments share.


class Slots:
    """A table of slots, which are free or all taken."""

    def __init__(self, api: XmlApi) -> None:
        self.api = api
        self.taken = False
        self.seen: list[tuple[str, int]] = []

    def put_item(self, **request: Any) -> None:
        self.seen.append((request["ConditionExpression"], len(self.api.requests)))
        if self.taken:
            code = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "taken"}}
            raise ClientError(code, "PutItem")


@pytest.fixture
def slots(api: XmlApi, monkeypatch: pytest.MonkeyPatch) -> Slots:
    slots = Slots(api)
    monkeypatch.setattr(clients, "dynamodb", lambda: slots)
    monkeypatch.setattr(call_slots, "WAIT_SECONDS", 0.0)
    return slots


def sharing(api: XmlApi) -> PanOsPanorama:
    settings = replace(of_server(api), call_slots_table_arn="arn:table")
    return connect_to_active(settings, credentials(api))


@pytest.mark.documents(id="panorama/contention/five-calls-together")
def test_each_call_takes_a_slot_and_gives_it_back(api: XmlApi, slots: Slots) -> None:
    api.answers(Answer(QUEUED))
    panorama = sharing(api)
    for _ in range(2):
        panorama.commit("fw")
    free, ours = "attribute_not_exists(slot_id) OR lease_end <= :now", "holder = :holder"
    assert slots.seen == [(free, 0), (ours, 1), (free, 1), (ours, 2)]


@pytest.mark.documents(id="panorama/contention/five-calls-together")
def test_a_call_without_a_slot_is_not_made_and_is_no_error(api: XmlApi, slots: Slots) -> None:
    slots.taken = True
    with pytest.raises(DeviceBusyError, match="5 calls to Panorama"):
        sharing(api).commit("fw")
    assert api.requests == []


def test_a_deployment_alone_needs_no_table(
    api: XmlApi, panorama: PanOsPanorama, slots: Slots
) -> None:
    api.answers(Answer(QUEUED))
    panorama.commit("fw")
    assert slots.seen == []
