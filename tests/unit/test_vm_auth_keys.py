"""When the VM auth keys in Panorama expire: every form of the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from vmseries_autoscale.errors import VmAuthKeysError
from vmseries_autoscale.panorama.vm_auth_keys import last_expiry

KEY = "755036225328715"


def answer(inner: str) -> ET.Element:
    return ET.fromstring(f"<response status='success'>{inner}</response>")  # noqa: S314


def listed(*expiries: str) -> ET.Element:
    entries = "".join(
        f"<entry><vm-auth-key>{KEY}</vm-auth-key><expiry-time>{expiry}</expiry-time></entry>"
        for expiry in expiries
    )
    return answer(f"<result><bootstrap-vm-auth-keys>{entries}</bootstrap-vm-auth-keys></result>")


def test_the_last_key_counts() -> None:
    keys = listed("2026/01/31 10:00:00", "2026/12/29 12:03:52 ", "2025/12/29 12:03:52")
    assert last_expiry(keys) == datetime(2026, 12, 29, 12, 3, 52, tzinfo=UTC)


@pytest.mark.parametrize("empty", [listed(), answer("<result/>"), answer("<result> </result>")])
def test_a_panorama_without_keys_has_no_date(empty: ET.Element) -> None:
    assert last_expiry(empty) is None


@pytest.mark.parametrize(
    "other",
    [
        answer(""),
        answer(f"<result>VM auth key {KEY} expires soon</result>"),
        answer(f"<result><keys><entry>{KEY}</entry></keys></result>"),
        answer(
            f"<result><bootstrap-vm-auth-keys><entry>{KEY}</entry></bootstrap-vm-auth-keys></result>"
        ),
        listed("2026/01/31 10:00:00", KEY),
        listed(""),
        listed("31.01.2026"),
        listed("2026/13/31 10:00:00"),
        listed("2026/01/31 10:00:00" + "0" * 100),
    ],
)
def test_another_form_is_a_named_error_without_the_key(other: ET.Element) -> None:
    with pytest.raises(VmAuthKeysError) as caught:
        last_expiry(other)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
