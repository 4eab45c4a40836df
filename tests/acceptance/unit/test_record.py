"""Verdicts, the record, and what it must not contain."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from acceptance.facts import Answer, Evidence, Fact
from acceptance.redaction import LeakError, neutral, redact, refuse_secrets
from acceptance.report import AWS_LINE, LAB_LINE, Phase, Record, as_json, as_markdown
from acceptance.unit.support import ADDRESS, INSTANCE, MAC, SERIAL, plan
from acceptance.verdicts import Verdict, judge, record_all
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from vmseries_scenarios.secret_search.search import Needle

FACT = Fact("host-name", "Which?", "instance-id", lambda _e: None, "no firewall was seen")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer("instance-id"), "as assumed"),
        (Answer("ip-name"), "was wrong"),
        (Answer("something new"), "was wrong"),
        (None, "open"),
    ],
)
def test_an_answer_settles_an_assumption_or_shows_that_it_was_wrong(
    answer: Answer | None, state: str
) -> None:
    assert judge(FACT, answer).state == state


def test_an_assumption_can_allow_several_answers() -> None:
    fact = Fact("rate", "How often?", "once or twice", lambda _e: None, "")
    states = [judge(fact, Answer(value)).state for value in ("once", "twice", "never")]
    assert states == ["as assumed", "as assumed", "was wrong"]


def test_a_fact_without_an_assumption_is_observed() -> None:
    fact = Fact("unit", "Which?", "", lambda _e: None, "")
    assert judge(fact, Answer("Percent")).state == "observed"
    assert judge(fact, None).state == "open"


def test_an_open_fact_says_what_it_takes_to_see_it() -> None:
    assert judge(FACT, None).detail == "no firewall was seen"
    assert judge(FACT, None, "AWS refused").detail == "AWS refused"


def test_a_recorder_that_sees_something_else_than_the_lab_plays_is_known() -> None:
    assert judge(FACT, Answer("ip-name"), played="instance-id").contradicts_the_lab
    assert not judge(FACT, Answer("ip-name"), played="ip-name").contradicts_the_lab
    assert not judge(FACT, None, played="ip-name").contradicts_the_lab
    assert not judge(FACT, Answer("ip-name")).contradicts_the_lab


class Account:
    """An account that plays one answer."""

    def played(self) -> dict[str, str]:
        return {"host-name": "ip-name", "other": "no"}


def test_a_recorder_that_fails_leaves_its_fact_open_and_the_others_are_recorded() -> None:
    def fail(_evidence: Evidence) -> Answer | None:
        text = f"arn:aws:iam::123456789012:user/x is not authorized on {INSTANCE}"
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": text}}, "Describe")

    facts = [
        Fact("a", "Which?", "x", fail, "nothing"),
        Fact("host-name", "Which?", "ip-name", lambda _e: Answer("ip-name"), ""),
    ]
    account: Any = Account()
    evidence = Evidence(account, plan(), {}, (), None, "run")
    first, second, third = record_all(facts, evidence, {"other": "no reason"})
    assert (first.state, first.detail) == (
        "open",
        "AWS refused a request of the recorder (AccessDenied)",
    )
    assert (second.state, second.played) == ("as assumed", "ip-name")
    assert (third.state, third.detail, third.played) == ("not recorded", "no reason", "no")


def record(**changes: Any) -> Record:
    verdicts = [
        judge(FACT, Answer("ip-name", "2 firewalls")),
        judge(Fact("tags", "Are they shown?", "shown", lambda _e: None, ""), Answer("shown")),
        judge(Fact("arrival", "When?", "late", lambda _e: None, "no metrics"), None),
        judge(Fact("unit", "Which?", "", lambda _e: None, ""), Answer("Percent")),
        Verdict("failover", "", "not recorded", "", None, "the run makes none"),
    ]
    values: dict[str, Any] = {
        "day": date(2026, 1, 2),
        "is_lab": False,
        "module": "v1.0.0",
        "tools": {"Terraform": "1.11.4"},
        "setup": {"Example": "one-arm"},
        "phases": [Phase("apply", 9.5), Phase("launch", 20.0)],
        "verdicts": verdicts,
    }
    return Record(**{**values, **changes})


def sections(page: str) -> dict[str, str]:
    return {part.split("\n", 1)[0]: part for part in page.split("### ")[1:]}


def test_the_first_line_of_a_lab_record_says_that_it_settles_nothing() -> None:
    assert as_markdown(record(is_lab=True)).splitlines()[0] == LAB_LINE
    assert "settles nothing" in LAB_LINE
    assert json.loads(as_json(record(is_lab=True)))["settles"] is False
    assert as_markdown(record()).splitlines()[0] == AWS_LINE
    assert json.loads(as_json(record()))["settles"] is True


def test_the_page_says_what_is_settled_wrong_and_open() -> None:
    page = as_markdown(record())
    parts = sections(page)
    assert "`host-name`" in parts["Were wrong"]
    assert "assumed `instance-id`" in parts["Were wrong"]
    assert "`tags`" in parts["Are as assumed"]
    assert "no metrics" in parts["Remain open"]
    assert "`unit`" in parts["Observed besides"]
    assert "2 assumptions are settled, of which 1 were wrong; 2 remain open" in page
    assert "| `failover` | the run makes none |" in parts["Not recorded"]


def test_a_record_without_wrong_assumptions_says_so() -> None:
    assert "None." in sections(as_markdown(record(verdicts=[])))["Were wrong"]


@pytest.mark.parametrize(
    "changes",
    [
        {"leftovers": {"NAT gateways": 2}},
        {"unsure": ["queues"]},
        {"phases": [Phase("apply", 1.0, "interrupted")]},
        {"phases": []},
    ],
)
def test_a_run_that_failed_or_left_something_is_not_accepted(changes: dict[str, Any]) -> None:
    assert record().accepted
    assert not record(**changes).accepted
    page = as_markdown(record(**changes))
    assert ("nothing was applied" in page) is (changes.get("phases") == [])
    assert "**Not accepted**" in page
    assert json.loads(as_json(record(**changes)))["accepted"] is False


def test_what_is_left_is_counted_by_kind() -> None:
    page = as_markdown(record(leftovers={"NAT gateways": 2}, unsure=["queues"]))
    assert "| NAT gateways | 2 |" in page
    assert "| queues | could not be listed |" in page
    assert "2 resources are left" in page


IDENTIFIERS = {
    "arn:aws:sqs:us-east-1:123456789012:edge": "ARN",
    "arn:aws-us-gov:iam::123456789012:role/edge": "ARN",
    "https://sqs.us-east-1.amazonaws.com/123456789012/edge": "URL",
    "123456789012": "number",
    SERIAL: "number",
    INSTANCE: "resource ID",
    "eni-0a1b2c3d": "resource ID",
    "eipalloc-0a1b2c3d4e5f60718": "resource ID",
    ADDRESS: "address",
    "10.0.0.0/16": "address",
    "2001:db8:0:0:1:2:3:4": "address",
    "2001:db8::1": "address",
    "ip-10-110-10-57.ec2.internal": "host name",
    MAC: "MAC address",
    "AKIAIOSFODNN7EXAMPLE": "access key",
}


@pytest.mark.parametrize("value", IDENTIFIERS)
def test_identifiers_and_addresses_are_replaced(value: str) -> None:
    assert redact(f"failed for {value}, again") == f"failed for <{IDENTIFIERS[value]}>, again"
    assert neutral({"a": [value, 1, None]}) == {"a": [f"<{IDENTIFIERS[value]}>", 1, None]}


def test_a_record_has_no_identifier_wherever_it_comes_from() -> None:
    text = " and ".join(IDENTIFIERS)
    changed = record(
        module=text,
        phases=[Phase("apply", 1.0, text)],
        verdicts=[judge(FACT, Answer(text, text))],
        setup={"Panorama": text},
    )
    for document in (as_json(changed), as_markdown(changed)):
        assert [value for value in IDENTIFIERS if value in document] == []


@given(st.ip_addresses().map(str), st.text(alphabet=" ,;()", max_size=3))
def test_no_address_passes(address: str, around: str) -> None:
    assert address not in redact(f"to {around}{address} {around}")


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02",
        "12:34:56",
        "0.5 data points",
        "v1.2.3-4-gabc1234",
        "1.11.4",
        "11.2.15",
        "us-east-1",
    ],
)
def test_dates_times_and_versions_stay(text: str) -> None:
    assert redact(text) == text


def test_a_record_with_a_secret_is_refused_without_its_value() -> None:
    needle = Needle("panorama: api_key", "LUFRPT1-secret-key==")
    for form in ("LUFRPT1-secret-key==", "LUFRPT1-secret-key%3D%3D"):
        with pytest.raises(LeakError, match="panorama: api_key") as raised:
            refuse_secrets(f"answer: {form}", [needle])
        assert "secret-key" not in str(raised.value)
    refuse_secrets("answer: instance-id", [needle, Needle("short", "x")])


def test_cells_of_the_page_have_one_line_and_no_bars() -> None:
    page = as_markdown(record(phases=[Phase("apply", 1.0, "a | b\nc" + "x" * 1000)]))
    (line,) = [line for line in page.splitlines() if line.startswith("| apply")]
    assert "a \\| b c" in line
    assert len(line) < 400
