"""The commits, pushes and jobs of the Panorama client."""

from __future__ import annotations

import pytest
from defusedxml.ElementTree import fromstring

from component.fakes.panorama_api import (
    OTHER,
    QUEUED,
    SERIAL,
)
from component.fakes.xml_server import XmlApi, error, success
from vmseries_autoscale.errors import (
    DeviceRefusedError,
)
from vmseries_autoscale.panorama import Job, Push, jobs
from vmseries_autoscale.panorama.client import PanOsPanorama

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
