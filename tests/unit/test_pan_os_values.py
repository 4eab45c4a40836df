"""Single values of a device's response are bounded before they are used."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.pan_os.values import (
    MAXIMUM_TEXT_LENGTH,
    all_text,
    error_code,
    job_number,
    printable,
    serial_number,
    text_at,
)

ODD_NUMBERS = [
    "",
    " ",
    "abc",
    "-1",
    "1.0",
    "1e3",
    "0x1f",
    "\u0661\u0662",
    "9" * 19,
    "9" * 5000,
    "1\n2",
    None,
]


def test_a_long_text_is_cut() -> None:
    assert printable("x" * 5_000_000) == "x" * MAXIMUM_TEXT_LENGTH + "…"
    assert printable("x" * MAXIMUM_TEXT_LENGTH) == "x" * MAXIMUM_TEXT_LENGTH


def test_characters_that_cannot_be_printed_are_replaced() -> None:
    assert printable("a\x00b\x1b[31mc\u202ed\ud800\r") == "a�b�[31mc�d��"
    assert printable("two\nlines\tand a tab: é 防") == "two\nlines\tand a tab: é 防"
    assert printable(None) == ""


@given(st.text())
def test_every_text_becomes_printable(text: str) -> None:
    result = printable(text)
    assert len(result) <= MAXIMUM_TEXT_LENGTH + 1
    assert result.replace("\n", "").replace("\t", "").isprintable()
    result.encode()


def test_the_text_of_all_descendants_is_read_up_to_the_limit() -> None:
    root = ET.Element("response")
    for _ in range(100_000):
        ET.SubElement(root, "line").text = "  some text  "
    assert all_text(root).startswith("some text\nsome text\n")
    assert len(all_text(root)) == MAXIMUM_TEXT_LENGTH + 1
    root[0].text = "x" * 5_000_000
    assert len(all_text(root)) == MAXIMUM_TEXT_LENGTH + 1


@pytest.mark.parametrize("serial", ["007951000012345", "0079510000AB345", " 0079510000123 ", "S1"])
def test_a_serial_number_is_letters_and_digits(serial: str) -> None:
    assert serial_number(serial) == serial.strip()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "unknown serial",
        "S1'",
        "../S1",
        "S\n1",
        "é",
        "\u0661",
        "S" * 33,
        "S" * 10**6,
        "a-b",
    ],
)
def test_other_text_is_no_serial_number(text: str | None) -> None:
    assert serial_number(text) is None


def test_a_job_number_has_at_most_18_digits() -> None:
    assert [job_number(text) for text in ("0", "17", "9" * 18)] == [0, 17, 10**18 - 1]


@pytest.mark.parametrize("text", ODD_NUMBERS)
def test_other_text_is_no_job_number_and_no_error_code(text: str | None) -> None:
    """F4: a job id that is not a number, is empty, or has more than 4,300 digits."""
    assert job_number(text) is None
    assert error_code(text) is None


def test_the_text_at_a_path_is_bounded() -> None:
    root = fromstring(f"<r><a>{'x' * 5000}</a><b/></r>")
    assert len(text_at(root, "a")) == MAXIMUM_TEXT_LENGTH + 1
    assert text_at(root, "b") == text_at(root, "c") == ""
