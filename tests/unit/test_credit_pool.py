"""The answers of the credit-pool API, and what they say about the group's maximum size."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.credit_pool import Pool, Profile, answers, headroom
from vmseries_autoscale.errors import CreditPoolError

TODAY = date(2026, 11, 30)
SAMPLE: dict[str, Any] = {
    "creditPoolId": 99394123,
    "poolName": "Software NGFW Credits",
    "supportType": "Premium",
    "expirationDate": "10/27/2027",
    "totalCredits": 47.0,
    "creditsAllocated": 13.68,
    "creditsConsumed": 0.0,
    "creditsAvailable": 33.32,
}
"""The sample of the vendor's documentation, with another id and year."""


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def pool(**changes: Any) -> bytes:
    return encoded({"data": {**SAMPLE, **changes}})


def decide(**changes: Any) -> Any:
    arguments = {
        "credits_per_firewall": 10.0,
        "profile_firewalls": 0,
        "licensed": 0,
        "members": 0,
        "maximum": 5,
        "today": TODAY,
    }
    available = changes.pop("available", 30.0)
    expires = changes.pop("expires", None)
    return headroom(Pool(available, expires), **{**arguments, **changes})


def test_the_documented_sample_of_a_pool_is_read() -> None:
    assert answers.pool(pool(), "99394123") == Pool(33.32, date(2027, 10, 27))
    unassigned = SAMPLE["totalCredits"] - SAMPLE["creditsAllocated"]
    assert round(unassigned, 2) == SAMPLE["creditsAvailable"]


def test_the_documented_sample_of_a_token_is_read_and_not_shown() -> None:
    sample = {"access_token": "your-token-for-api-use", "token_type": "Bearer", "expires_in": 3599}
    token = answers.token(encoded(sample))
    assert token.value == "your-token-for-api-use"
    assert "your-token" not in repr(token)


@pytest.mark.parametrize("value", [None, 7, "", "two words", "a\r\nb: c", "ü", "x" * 9000])
def test_a_token_that_no_header_can_have_is_refused(value: object) -> None:
    with pytest.raises(CreditPoolError, match="access_token"):
        answers.token(encoded({"access_token": value}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"data": []}',
        b"[" * 100_000,
        b"9" * 10_000,
        b"\xff\xfe",
        pool(creditPoolId=1),
        pool(creditPoolId=True),
        pool(creditPoolId=None),
        pool(creditsAvailable=None),
        pool(creditsAvailable="33.32"),
        pool(creditsAvailable=True),
        pool(creditsAvailable=float("nan")),
        pool(creditsAvailable=float("inf")),
        pool(creditsAvailable=10**400),
    ],
)
def test_an_answer_that_is_not_the_pool_is_refused_without_quoting_it(body: bytes) -> None:
    with pytest.raises(CreditPoolError) as caught:
        answers.pool(body, "99394123")
    assert len(str(caught.value)) < 200
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("shown", ["soon", "", None, 7, "13/13/2027", "02/30/2027"])
def test_a_pool_without_a_readable_date_has_none(shown: object) -> None:
    assert answers.pool(pool(expirationDate=shown), "99394123").expires is None


def test_the_month_comes_first_in_a_date() -> None:
    assert answers.pool(pool(expirationDate="02/07/2026"), "99394123").expires == date(2026, 2, 7)


@pytest.mark.parametrize(
    ("shown", "firewalls"),
    [(10, 10), ("10", 10), (0, None), (-1, None), (True, None), ("ten", None), (10**9, None)],
)
def test_a_profile_may_say_for_how_many_firewalls_it_is(shown: object, firewalls: object) -> None:
    assert answers.profile(encoded({"data": {"firewallQuantity": shown}})) == Profile(firewalls)  # type: ignore[arg-type]


def test_a_profile_without_a_number_of_firewalls_is_no_error() -> None:
    assert answers.profile(encoded({"data": {}})) == Profile(None)
    with pytest.raises(CreditPoolError):
        answers.profile(encoded({"data": [7]}))


def test_only_serial_numbers_of_the_list_are_read() -> None:
    listed = ["007951000012345", "007951000012345", "<b>", "x" * 2000, 7, None]
    assert answers.serials(encoded({"vm_series": listed})) == {"007951000012345"}


@pytest.mark.parametrize("value", [{}, {"vm_series": None}, {"vm_series": ["1"] * 20_001}])
def test_an_answer_without_the_list_is_not_an_empty_list(value: object) -> None:
    with pytest.raises(CreditPoolError, match="vm_series"):
        answers.serials(encoded(value))


@pytest.mark.parametrize(
    ("changes", "short"),
    [
        ({}, 2),
        ({"available": 50.0}, 0),
        ({"members": 2}, 0),
        ({"members": 9}, 0),
        ({"available": -20.0}, 5),
        ({"available": 0.0, "profile_firewalls": 5}, 0),
        ({"available": 0.0, "profile_firewalls": 5, "licensed": 3, "members": 2}, 1),
        ({"available": 0.0, "profile_firewalls": 5, "licensed": 9}, 5),
        ({"expires": TODAY}, 2),
        ({"expires": date(2026, 11, 29), "available": 1000.0}, 5),
    ],
)
def test_firewalls_without_credits(changes: dict[str, Any], short: int) -> None:
    assert decide(**changes).short == short


def test_credits_that_suffice_exactly_are_enough() -> None:
    """13.68 for each of three: 41.04 is a little less in binary."""
    assert decide(available=41.04, credits_per_firewall=13.68, maximum=3).short == 0
    assert decide(available=0.3, credits_per_firewall=0.1, maximum=3).short == 0


def test_the_days_until_the_credits_expire_are_counted() -> None:
    assert decide(expires=date(2026, 12, 30)).days_left == 30
    assert decide(expires=date(2026, 11, 29)).days_left == -1
    assert decide().days_left is None


@pytest.mark.properties
@given(st.floats(-1e6, 1e6), st.floats(0.01, 1e4), *(st.integers(0, 10_000) for _ in range(4)))
def test_more_credits_never_make_the_group_shorter(
    available: float, each: float, places: int, licensed: int, members: int, maximum: int
) -> None:
    numbers = {
        "credits_per_firewall": each,
        "profile_firewalls": places,
        "licensed": licensed,
        "members": members,
        "maximum": maximum,
    }
    less, more = (decide(available=value, **numbers) for value in (available, available + each))
    assert 0 <= more.short <= less.short <= max(0, maximum - members)
    assert less.possible >= max(0, places - licensed)
