"""Configuration mode: which lines are commands, and what they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from vmseries_lab.panorama import configure_mode, initial_config, references
from vmseries_lab.panorama.config_store import ConfigStore
from vmseries_lab.panorama.configure_mode import BadLineError

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = sorted(REPOSITORY.glob("examples/*/panorama/*.set"))
TEMPLATE = references.path("template", "t")
DEVICE = f"{TEMPLATE}/config/devices/entry[@name='localhost.localdomain']"


def made(line: str) -> tuple[str, str, str]:
    change = configure_mode.change(line, "operator")
    return change.action, change.xpath, change.element


class TestCommands:
    def test_a_value_is_set(self):
        action, xpath, element = made("set template t config deviceconfig system timezone UTC")
        assert (action, xpath) == ("set", f"{references.LOCALHOST}/template")
        assert element == (
            '<entry name="t"><config><devices><entry name="localhost.localdomain">'
            "<deviceconfig><system><timezone>UTC</timezone></system></deviceconfig>"
            "</entry></devices></config></entry>"
        )

    def test_a_template_stack_has_the_whole_path_in_its_commands(self):
        _, xpath, element = made(
            "set template-stack s config devices localhost.localdomain deviceconfig system"
            " timezone UTC"
        )
        assert xpath == f"{references.LOCALHOST}/template-stack"
        assert element == (
            '<entry name="s"><config><devices><entry name="localhost.localdomain">'
            "<deviceconfig><system><timezone>UTC</timezone></system></deviceconfig>"
            "</entry></devices></config></entry>"
        )

    def test_a_quoted_value_is_one_word(self):
        _, _, element = made('set device-group g description "two words"')
        assert element == '<entry name="g"><description>two words</description></entry>'

    def test_members_are_one_word_or_a_list_in_brackets(self):
        _, _, one = made("set template-stack s templates a")
        _, _, several = made("set template-stack s templates [ a b ]")
        assert one == '<entry name="s"><templates><member>a</member></templates></entry>'
        assert several == (
            '<entry name="s"><templates><member>a</member><member>b</member></templates></entry>'
        )

    def test_what_is_not_of_a_device_stays_outside_the_devices(self):
        _, _, element = made(
            'set template t config shared log-settings system match-list m filter "All Logs"'
        )
        assert "<config><shared><log-settings>" in element

    def test_a_member_is_deleted_by_its_text(self):
        action, xpath, _ = made("delete template-stack s templates a")
        assert action == "delete"
        assert xpath == references.path("template-stack", "s") + "/templates/member[text()='a']"

    def test_a_node_is_deleted_with_all_that_it_contains(self):
        route = "network virtual-router v routing-table ip static-route r"
        _, xpath, _ = made(f"delete template t config {route}")
        assert xpath == (
            f"{DEVICE}/network/virtual-router/entry[@name='v']/routing-table/ip/static-route"
            "/entry[@name='r']"
        )


class TestMalformedLines:
    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("show jobs all", "not a set or delete command"),
            ("set", "not a set or delete command"),
            ('set device-group g description "open', "No closing quotation"),
            ("set nonsense x y", "unknown: nonsense"),
            ("set template t config network zones z", "unknown: zones"),
            ("set template", "no name after template"),
            ("set template t config network", "incomplete after network"),
            ("set template t config deviceconfig system timezone", "not one value after timezone"),
            ("set device-group g description two words", "not one value after description"),
            ("set template-stack s templates a b", "not one word or a list in brackets"),
            ("set template-stack s templates [ a b", "not one word or a list in brackets"),
            ("set template-stack s templates [ ]", "an empty list"),
            ("set device-group g address a ip-netmask 10.0.0.0/33", "invalid value '10.0.0.0/33'"),
            (
                ("set template t config network virtual-router v routing-table ip static-route r"
                " nexthop ip-address 10.0.0.1/24"),
                "invalid value '10.0.0.1/24'",
            ),
            (
                ("set template-stack s config devices localhost.localdomain deviceconfig plugins"
                " vm_series aws-cloudwatch timeout x"),
                "invalid value 'x' of timeout",
            ),
            (
                "set template-stack s config deviceconfig system timezone UTC",
                "unknown: deviceconfig",
            ),
            (
                "set template-stack s config devices localhost deviceconfig system timezone UTC",
                "unknown: localhost",
            ),
            (
                "set device-group g pre-rulebase security rules r action permit",
                "invalid value 'permit' of action",
            ),
        ],
    )  # fmt: skip
    def test_a_malformed_line_is_an_error(self, line, reason):
        with pytest.raises(BadLineError, match="(?s)" + reason.replace("(", r"\(")):
            made(line)

    def test_the_error_has_the_number_of_the_line_and_nothing_is_changed(self):
        lines = ["# comment", "", "set device-group g description x", "set device-group"]
        with pytest.raises(BadLineError, match=r"^line 4: no name after device-group"):
            list(configure_mode.changes(lines, "operator"))

    def test_empty_lines_and_comments_are_skipped(self):
        lines = ["# comment", "", "  set device-group g description x  "]
        assert [change.xpath for change in configure_mode.changes(lines, "operator")] == [
            f"{references.LOCALHOST}/device-group"
        ]


class TestFilesOfTheExamples:
    """Panorama loads the files of the examples unchanged."""

    def test_both_examples_have_files(self):
        assert {file.parents[1].name for file in FILES} == {"one-arm", "two-arm"}

    @pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parents[1].name}-{file.stem}")
    def test_each_command_of_a_file_is_in_the_running_configuration(self, file):
        store = ConfigStore(initial_config.configuration())
        changes = list(configure_mode.changes(file.read_text().splitlines(), "operator"))
        store.apply(changes)
        store.commit(store.pending())
        before = store.version
        store.apply(changes)
        assert store.pending() == []
        assert store.version == before

    @pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parents[1].name}-{file.stem}")
    def test_a_file_says_what_a_user_replaces(self, file):
        head = file.read_text().split("\n\n")[0]
        assert "Replace these values if yours differ:" in head
        assert all(line.startswith("#") for line in head.splitlines())
