"""Secrets are removed from texts, in each form in which requests carry them."""

from __future__ import annotations

from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmseries_autoscale.redaction import MINIMUM_LENGTH, redact

SECRETS = ["in-plain", "a+key/with=signs==", "two words & <more>", "lone \ud800 surrogate"]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_hidden_in_each_form(secret: str) -> None:
    forms = secret, escape(secret), quote_plus(secret, errors="replace")
    assert redact(" | ".join(forms), [secret]) == "*** | *** | ***"


def test_a_secret_that_contains_another_is_hidden_as_a_whole() -> None:
    assert redact("a-secret-and-more, a-secret", ["a-secret", "a-secret-and-more"]) == "***, ***"


def test_secrets_that_do_not_exist_change_nothing() -> None:
    assert redact("no such node", [None, ""]) == "no such node"


def test_a_short_value_does_not_hide_the_words_of_an_error() -> None:
    assert redact("a commit is pending", ["commit"]) == "a commit is pending"


@pytest.mark.properties
@given(st.text(), st.text(min_size=MINIMUM_LENGTH), st.text())
def test_no_text_keeps_the_secret(before: str, secret: str, after: str) -> None:
    # Only a secret of asterisks remains.
    assert secret not in redact(before + secret + after, [secret]) or set(secret) == {"*"}
