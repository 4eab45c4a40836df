"""Firewalls that the lab's Panorama manages."""

import panos.errors
import pytest
from panorama_lab import (
    GROUP,
    LOGS,
    MANAGED,
    STACK,
    Firewall,
    add,
    commit,
    job,
    panorama_lab,
    serials,
)

from vmseries_lab.panorama import configure_mode, initial_config, operator_session, references
from vmseries_lab.panorama.service import RegistrationRejectedError


@pytest.fixture
def site():
    with panorama_lab() as site:
        yield site


class TestDevices:
    @pytest.fixture
    def firewall(self, site):
        firewall = Firewall("007951000100001")
        site.vendor.panorama.register(
            firewall,
            initial_config.VM_AUTH_KEY,
            group="autoscale",
            stack="autoscale-stack",
            logs="autoscale-logs",
        )
        return firewall

    def shown(self, device, command, path):
        return device.op(command, cmd_xml=False).find(f"result/{path}")

    def statuses(self, device):
        groups = "<show><devicegroups><name>autoscale</name></devicegroups></show>"
        stacks = "<show><template-stack><name>autoscale-stack</name></template-stack></show>"
        entry = "entry[@name='{}']/devices/entry"
        group = self.shown(device, groups, "devicegroups/" + entry.format("autoscale"))
        stack = self.shown(device, stacks, "template-stack/" + entry.format("autoscale-stack"))
        return (
            group.findtext("connected"),
            group.findtext("shared-policy-status"),
            stack.findtext("template-status"),
        )

    def test_a_firewall_with_a_valid_key_is_registered(self, site, firewall):
        for xpath in (MANAGED, GROUP, STACK, LOGS):
            assert serials(site.device, "show", xpath) == [firewall.serial]
            assert serials(site.device, "get", xpath) == [firewall.serial]
        entry = site.device.op("show devices all").find("result/devices/entry")
        facts = [entry.findtext(tag) for tag in ("connected", "hostname", "ip-address", "model")]
        assert facts == ["yes", "i-0123", "10.0.1.7", "PA-VM"]
        collectors = site.device.op(
            "<show><log-collector-group><all/></log-collector-group></show>", cmd_xml=False
        )
        member = collectors.find("result/log-collector-group/entry/device-list/entry")
        assert member.get("name") == firewall.serial
        assert commit(site.device) is None

    def test_a_firewall_without_a_valid_key_is_not(self, site):
        with pytest.raises(RegistrationRejectedError):
            site.vendor.panorama.register(Firewall("1"), "123", group=None, stack=None, logs=None)
        assert serials(site.device, "show", MANAGED) == []

    def test_a_device_that_never_connected_shows_its_serial_only(self, site):
        add(site.device, MANAGED, "42")
        commit(site.device)
        site.world.advance(31)
        entry = site.device.op("show devices all").find("result/devices/entry")
        assert {child.tag: child.text for child in entry} == {
            "serial": "42",
            "connected": "no",
            "deactivated": "no",
        }
        assert len(site.device.op("show devices connected").find("result/devices")) == 0

    def test_in_sync_by_a_push_and_out_of_sync_by_a_commit(self, site, firewall):
        assert self.statuses(site.device) == ("yes", "Out of Sync", "Out of Sync")
        site.vendor.panorama.push([firewall.serial])
        site.world.advance(241)
        assert self.statuses(site.device) == ("yes", "In Sync", "In Sync")
        assert len(firewall.received) == 1
        line = (
            "set template-stack autoscale-stack config devices localhost.localdomain deviceconfig"
            " system timezone UTC"
        )
        operator_session.run_commands(site.vendor.panorama, [line])
        site.world.advance(31)
        assert self.statuses(site.device) == ("yes", "In Sync", "Out of Sync")
        site.world.advance(241)
        assert self.statuses(site.device) == ("yes", "In Sync", "In Sync")

    def test_membership_changes_leave_all_devices_in_sync(self, site, firewall):
        site.vendor.panorama.push([firewall.serial])
        site.world.advance(241)
        add(site.device, MANAGED, "2")
        add(site.device, GROUP, "2")
        commit(site.device)
        site.world.advance(31)
        assert self.statuses(site.device) == ("yes", "In Sync", "In Sync")

    def test_a_push_command_is_a_job_with_a_result_for_each_device(self, site, firewall):
        entry = f"<devices><entry name='{firewall.serial}'/></devices>"
        command = (
            "<commit-all><shared-policy><device-group><entry name='autoscale'>"
            f"{entry}</entry></device-group></shared-policy></commit-all>"
        )
        number = site.device.xapi.commit(cmd=command, action="all").findtext("result/job")
        site.world.advance(241)
        done = job(site.device, number)
        assert (done.findtext("type"), done.findtext("result")) == ("CommitAll", "OK")
        assert done.findtext("devices/entry/serial-no") == firewall.serial

    def test_commands_reach_a_firewall_through_target(self, site, firewall):
        command = "<request><license><info/></license></request>"
        answer = site.device.xapi.op(command, extra_qs={"target": firewall.serial})
        assert answer.findtext("result") == f"{firewall.serial} obeys"
        site.vendor.panorama.disconnect(firewall.serial)
        with pytest.raises(
            panos.errors.PanDeviceXapiError, match=f"{firewall.serial} not connected"
        ):
            site.device.xapi.op(command, extra_qs={"target": firewall.serial})

    def test_a_licensing_key_set_on_panorama_reaches_the_firewalls(self, site, firewall):
        command = "<request><license><api-key><set><key>K</key></set></api-key></license></request>"
        site.device.op(command, cmd_xml=False)
        assert firewall.commands == [command]
        with pytest.raises(panos.errors.PanDeviceXapiError, match="API key is same as old"):
            site.device.op(command, cmd_xml=False)

    def test_a_commit_that_removes_a_firewall_cuts_it_off(self, site, firewall):
        for xpath in (STACK, GROUP, LOGS, MANAGED):
            site.device.xapi.delete(f"{xpath}/entry[@name='{firewall.serial}']")
        assert site.vendor.panorama.devices.connected(firewall.serial)
        commit(site.device, "autoscale")
        site.world.advance(31)
        assert site.vendor.panorama.devices.connected(firewall.serial) is None
        assert len(site.device.op("show devices all").find("result/devices")) == 0
        kinds = [entry.kind for entry in site.world.timeline.since()]
        assert kinds == [
            "device-connected",
            "device-removed",
            "commit-queued",
            "commit-finished",
            "device-disconnected",
        ]

    def test_high_availability_is_off(self, site):
        state = site.device.op("show high-availability state")
        assert state.findtext("result/enabled") == "no"


class TestOperatorSession:
    SWITCH_ON = (
        "set template-stack autoscale-stack config devices localhost.localdomain deviceconfig"
        " plugins vm_series aws-cloudwatch enabled yes"
    )

    def test_lines_are_entered_committed_and_pushed(self, site):
        name = self.SWITCH_ON.replace("enabled yes", "name 'my namespace'")
        numbers = operator_session.run_commands(site.vendor.panorama, [self.SWITCH_ON, name])
        assert job(site.device, numbers["commit"]).findtext("user") == "operator"
        site.world.advance(31)
        cloudwatch = site.device.xapi.show(
            references.path("template-stack", "autoscale-stack")
            + "/config/devices/entry[@name='localhost.localdomain']/deviceconfig/plugins/vm_series"
        ).find("result/vm_series/aws-cloudwatch")
        values = {child.tag: child.text for child in cloudwatch}
        assert values == {"enabled": "yes", "name": "my namespace"}
        site.world.advance(241)
        assert job(site.device, numbers["push"]).findtext("result") == "OK"

    def test_the_same_lines_again_change_nothing(self, site):
        operator_session.run_commands(site.vendor.panorama, [self.SWITCH_ON])
        site.world.advance(31)
        assert operator_session.run_commands(site.vendor.panorama, [self.SWITCH_ON]) == {
            "commit": None,
            "push": None,
        }

    def test_members_entries_and_deletions(self, site):
        operator_session.run_commands(
            site.vendor.panorama,
            [
                "set template-stack second templates [ autoscale-network ]",
                "set mgt-config devices 77",
                "set device-group autoscale devices 77",
            ],
        )
        site.world.advance(31)
        member = site.device.xapi.show(references.path("template-stack", "second") + "/templates")
        assert member.findtext("result/templates/member") == "autoscale-network"
        assert serials(site.device, "show", GROUP) == ["77"]
        operator_session.run_commands(
            site.vendor.panorama,
            ["delete device-group autoscale devices 77", "delete mgt-config devices 77"],
        )
        site.world.advance(31)
        assert serials(site.device, "show", MANAGED) == []

    @pytest.mark.parametrize("line", ["show jobs all", "set nonsense x y", "set template-stack"])
    def test_a_line_that_makes_no_change_stops_the_session(self, site, line):
        with pytest.raises(configure_mode.BadLineError):
            operator_session.run_commands(site.vendor.panorama, [self.SWITCH_ON, line])
        assert site.device.op("check pending-changes").findtext("result") == "no"
