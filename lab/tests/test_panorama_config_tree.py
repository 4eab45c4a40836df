"""Configuration trees: paths and configuration actions."""

import copy
from xml.etree import ElementTree as ET

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from vmseries_lab.panorama import config_tree

LEAF = st.builds(
    lambda tag, text: f"<{tag}>{text}</{tag}>", st.sampled_from("ab"), st.sampled_from("xy")
)
MEMBER = st.sampled_from("xyz").map(lambda text: f"<member>{text}</member>")


def place(part):
    """Return what must be unique among siblings: text of a member, name of an entry, tag."""
    element = fromstring(part)
    return element.tag, element.get("name"), element.text if element.tag == "member" else None


def entries(inner):
    return st.builds(
        lambda name, parts: f"<entry name='{name}'>{''.join(parts)}</entry>",
        st.sampled_from("12"),
        st.lists(inner, max_size=2, unique_by=place),
    )


ELEMENTS = st.recursive(st.one_of(LEAF, MEMBER), entries, max_leaves=6)
PATHS = st.sampled_from(["/config", "/config/a", "/config/list/entry[@name='1']", "/config/b/c"])
CONFIGS = st.lists(ELEMENTS, max_size=4, unique_by=place).map(
    lambda parts: fromstring(f"<config>{''.join(parts)}</config>")
)


def text(element):
    return ET.tostring(element, encoding="unicode")


@given(CONFIGS, PATHS, st.lists(ELEMENTS, max_size=3, unique_by=place))
def test_setting_returns_whether_anything_changed(config, path, parts):
    steps, additions = config_tree.parse(path), [fromstring(part) for part in parts]
    before = text(config)
    changed = config_tree.merge(config, steps, additions)
    assert changed == (text(config) != before)
    assert config_tree.find(config, steps)
    after = text(config)
    config_tree.merge(config, steps, additions)
    assert text(config) == after


@given(CONFIGS, ELEMENTS)
def test_editing_puts_the_element_in_its_place(config, part):
    element = fromstring(part)
    name = f"[@name='{element.get('name')}']" if element.tag == "entry" else ""
    steps = config_tree.parse(f"/config/list/{element.tag}{name}")
    before = text(config)
    changed = config_tree.replace(config, steps, element)
    assert changed == (text(config) != before)
    assert [text(found) for found in config_tree.find(config, steps)] == [text(element)]
    assert not config_tree.replace(config, steps, element)


@given(CONFIGS, st.sampled_from(["/config/a", "/config/entry[@name='1']", "/config/member"]))
def test_deleting_leaves_nothing_of_it_and_everything_else(config, path):
    steps = config_tree.parse(path)
    others = [text(child) for child in config if not steps[-1].matches(child)]
    there = bool(config_tree.find(config, steps))
    assert config_tree.delete(config, steps) == there
    assert [text(child) for child in config] == others


def test_a_set_element_is_not_shared_with_the_tree():
    config, element = fromstring("<config/>"), fromstring("<entry name='1'/>")
    config_tree.merge(config, config_tree.parse("/config/list"), [element])
    given_away = copy.deepcopy(element)
    element.text = "changed"
    assert text(config[0][0]) == text(given_away)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/config/list/entry", ["1", "2"]),
        ("/config/list/entry[@name='2']", ["2"]),
        ("/config/list/entry[@name='1' or @name='2']", ["1", "2"]),
        ('/config/*/entry[@name="1"]', ["1"]),
        ("/config/list/entry/member[text()='x']", [None]),
        ("/other/list/entry", []),
    ],
)
def test_paths(path, found):
    config = fromstring(
        "<config><list><entry name='1'><member>x</member></entry><entry name='2'/></list></config>"
    )
    assert [
        element.get("name") for element in config_tree.find(config, config_tree.parse(path))
    ] == found


@pytest.mark.parametrize(
    "path", ["", "config", "/", "//entry", "/config/entry[1]", "/config/entry[@id='1']", "/a/ b"]
)
def test_invalid_paths(path):
    with pytest.raises(config_tree.BadXpathError):
        config_tree.parse(path)


@pytest.mark.parametrize("path", ["/other/a", "/config/list/entry", "/config/*"])
def test_a_path_that_does_not_name_an_entry(path):
    with pytest.raises(config_tree.BadXpathError):
        config_tree.merge(fromstring("<config/>"), config_tree.parse(path), [])
