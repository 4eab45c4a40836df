"""The Panorama client removes firewalls from the configuration, and reverts that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from component.fakes.panorama_api import (
    LOCALHOST,
    OK,
    OTHER,
    REMOVALS,
    SERIAL,
    always,
    deletes,
)
from component.fakes.settings import of_server
from component.fakes.xml_server import KEY, Answer, XmlApi, credentials, error
from vmseries_autoscale.errors import (
    DeviceBusyError,
    DeviceRefusedError,
    FullCommitRequiredError,
    ObjectReferencedError,
    TimeBudgetExceededError,
)
from vmseries_autoscale.panorama import Part, Removal
from vmseries_autoscale.panorama.client import PanOsPanorama, connect_to_active

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


REFERENCED = (
    f"<msg><line>{OTHER} cannot be deleted because of references from:</line>"
    "<line>device-group -> branch -> pre-rulebase -> security -> rules -> passive</line></msg>"
)


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


# A removal from a group of another name.


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
