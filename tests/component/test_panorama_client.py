"""The Panorama client, against a server that returns recorded responses of the XML API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import trustme
from defusedxml.ElementTree import fromstring

from component.fakes.settings import of_server
from component.fakes.xml_server import KEY, Answer, XmlApi, credentials, error, success
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
    ObjectReferencedError,
    SecretError,
    TimeBudgetExceededError,
)
from vmseries_autoscale.panorama import Device, Job, Part
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
<entry name="007951000000099"><serial>007951000000099</serial><connected>no</connected></entry>
</devices></result></response>"""
GROUPS = f"""<response status="success"><result><devicegroups><entry name="DG"><devices>
<entry name="{SERIAL}"><serial>{SERIAL}</serial>
<vsys><entry name="vsys1"><shared-policy-status>In Sync</shared-policy-status></entry></vsys>
</entry></devices></entry></devicegroups></result></response>"""
STACKS = f"""<response status="success"><result><template-stack><entry name="TS"><devices>
<entry name="{SERIAL}"><serial>{SERIAL}</serial>
<template-status>Out of Sync</template-status></entry>
</devices></entry></template-stack></result></response>"""


def test_devices_are_joined_from_three_lists(api: XmlApi, panorama: PanOsPanorama) -> None:
    lists = {"devices": DEVICES, "devicegroups": GROUPS, "template-stack": STACKS}

    def reply(fields: dict[str, str]) -> Answer:
        return Answer(lists[fromstring(fields["cmd"])[0].tag])

    api.reply = reply
    assert panorama.devices() == [
        Device(SERIAL, "i-0abc", "10.0.1.5", True, "In Sync", "Out of Sync"),
        Device("007951000000099"),
    ]
    assert {request["cmd"] for request in api.requests} == {
        "<show><devices><all /></devices></show>",
        "<show><devicegroups><name>DG</name></devicegroups></show>",
        "<show><template-stack><name>TS</name></template-stack></show>",
    }


def test_an_empty_device_group_has_no_devices_element(api: XmlApi, panorama: PanOsPanorama) -> None:
    api.answers(
        '<response status="success"><result><devicegroups><entry name="DG"/></devicegroups>'
        "</result></response>"
    )
    assert panorama.devices() == []


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
    *((Part.DEVICE_GROUP, SERIAL), (Part.DEVICE_GROUP, OTHER)),
    *((Part.MANAGED_DEVICES, SERIAL), (Part.MANAGED_DEVICES, OTHER)),
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
    api.answers(first, nested(GONE, GONE, GONE))
    refused = panorama.remove_all(REMOVALS, always)
    assert list(refused) == [(Part.MANAGED_DEVICES, OTHER)]
    error = refused[Part.MANAGED_DEVICES, OTHER]
    assert type(error) is ObjectReferencedError
    assert "device-group -> branch -> pre-rulebase -> security -> rules -> passive" in str(error)
    assert [len(deletes(request)) for request in api.requests] == [4, 3]


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
SAME = "The result of this commit would be the same as the previous commit queued/processed."


@pytest.mark.documents(id="panorama/commit/nothing-to-commit")
@pytest.mark.parametrize(
    "body",
    [
        f'<response status="success" code="19"><msg>{NO_CHANGES}</msg></response>',
        f'<response status="success" code="19"><msg><line>{NO_CHANGES}</line></msg></response>',
        f'<response status="success" code="13"><msg><line>{SAME}</line></msg></response>',
        error(SAME, "13"),
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
            [Job("10", False, False, REASONS), Job("9", True, True, REASONS)],
        ),
        (
            [job(9), job(10, result="FAIL", description="fw: remove 2 firewalls")],
            [
                Job("10", True, True, REASONS, "fw: remove 2 firewalls"),
                Job("9", True, False, REASONS),
            ],
        ),
        ([job(10, status="PEND", result="PEND")], [Job("10", False, False, REASONS)]),
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
        for kind, number in (("Commit", 9), ("Commit", 12), ("CommitAll", 10))
    ]
    bad = [
        f"<job><id>{odd}</id><type>{kind}</type></job><job><type>{kind}</type></job>"
        for kind in ("Commit", "CommitAll")
    ]
    api.answers(success("".join([*good, *bad, *good])))
    assert [job.job_id for job in panorama.commits()] == ["12", "9"]
    assert [push.job_id for push in panorama.pushes()] == ["10"]


@pytest.mark.parametrize("odd", ODD_IDS, ids=lambda odd: odd[:10])
def test_a_commit_without_the_number_of_its_job_is_an_error(
    api: XmlApi, panorama: PanOsPanorama, odd: str
) -> None:
    api.answers(success(f"<job>{odd}</job>"))
    with pytest.raises(DeviceRefusedError, match="no job id"):
        panorama.commit("description")
    assert panorama.push([SERIAL]) is None


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
    (device,) = panorama.devices()
    assert device.serial == SERIAL
    assert device.hostname == "h" * 1000 + "…"
    assert panorama.running_members()[Part.MANAGED_DEVICES] == {SERIAL}


def test_the_details_of_a_failed_push_are_cut(api: XmlApi, panorama: PanOsPanorama) -> None:
    line = f"<line>{'x' * 5000}</line>"
    api.answers(
        success(
            "<job><id>7</id><type>CommitAll</type><status>FIN</status><devices>"
            f"<entry><serial-no>{SERIAL}</serial-no><result>FAIL</result>"
            f"<details>{line * 100}</details></entry><entry><serial-no>'</serial-no></entry>"
            "</devices></job>"
        )
    )
    (push,) = panorama.pushes()
    assert len(push.failures[SERIAL]) == 1001
    assert push.serials == {SERIAL}
