"""The search for secrets finds a value in each form, and nothing else."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from vmseries_scenarios.secret_search.needles import PUBLIC, TOKEN, tokens
from vmseries_scenarios.secret_search.search import Needle, Place, forms, search

SECRET = 'a key/with "quotes", + signs & <angles>\\\xe9'


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        SECRET.encode().hex(),
        *(base64.b64encode(b"0123"[:n] + SECRET.encode() + b"more").decode() for n in range(4)),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        SECRET.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    ],
)
def test_a_value_is_found_in_each_form(text):
    (found,) = search([Place("log", (f"before {text} after", "other"))], [Needle("key", SECRET)])
    assert found.hits == {"key": 1}


def test_other_texts_are_no_hits():
    place = Place("log", (SECRET[:-1], SECRET[1:], ""))
    (found,) = search([place], [Needle("key", SECRET)])
    assert not found.hits


def test_a_token_in_a_dead_letter_is_counted_apart():
    place = Place("dead letters", ("12345678-token", "12345678-key"), frozenset({TOKEN}))
    needles = [Needle(TOKEN, "12345678-token"), Needle("key", "12345678-key")]
    (found,) = search([place], needles)
    assert (found.hits, found.permitted) == ({"key": 1}, {TOKEN: 1})


def test_a_value_that_is_too_short_is_an_error():
    with pytest.raises(ValueError, match="too short"):
        search([], [Needle("key", "short")])


def test_a_value_is_never_shown():
    assert SECRET not in repr(Needle("key", SECRET))
    assert SECRET not in repr(Place("log", (SECRET,)))


def test_no_form_of_a_value_is_a_common_word():
    assert min(map(len, forms("12345678"))) >= 8


def test_tokens_are_those_of_the_calls():
    calls = [{"parameters": {"LifecycleActionToken": "a"}}, {"parameters": {"Other": "b"}}]
    assert tokens(calls) == {"a"}


def test_what_is_not_searched_for_is_named():
    assert set(PUBLIC) == {"ca_bundle", "username", "tsg_id"}
