"""The plugin ``sw_fw_license`` of the lab's Panorama, with the commands that the vendor uses."""

from functools import partial
from xml.etree import ElementTree as ET

import panos.errors
import pytest
from panorama_lab import (
    GROUP,
    LOGS,
    MANAGED,
    STACK,
    Firewall,
    VerifiedPanorama,
    job,
    panorama_lab,
    serials,
)

from vmseries_lab import licensing_api
from vmseries_lab.panorama import (
    configure_mode,
    initial_config,
    license_managers,
    license_plugin,
    operator_session,
)
from vmseries_lab.panorama.service import RegistrationRejectedError

MANAGER = license_managers.LICENSE_MANAGER
HOUR = 3600
ENTRIES = "result/devices/entry"


@pytest.fixture
def site():
    with panorama_lab() as site:
        site.vendor.plugin.configure(installed=True)
        yield site


@pytest.fixture
def firewall(site):
    return join(site)


def auth_key(site):
    command = f'request plugins sw_fw_license bootstrap-parameters license-manager "{MANAGER}"'
    return site.device.op(command).findtext(".//auth-key")


def join(site):
    """A firewall that the plugin licenses."""
    key = auth_key(site)
    code = site.vendor.plugin.auth_code(key)
    firewall = Firewall(site.vendor.licensing.activate(code, "UUID", "CPU"))
    site.vendor.plugin.admit(firewall, key)
    return firewall


def listed(site):
    """Return serial numbers by address, as the vendor's function reads them."""
    command = f'show plugins sw_fw_license devices license-manager "{MANAGER}"'
    answer = site.device.op(command)
    return {one.findtext("ip"): one.findtext("serial") for one in answer.iterfind(ENTRIES)}


def deactivate(site, *serial_numbers, manager=MANAGER):
    members = "".join(f"<member>{serial}</member>" for serial in serial_numbers)
    return site.device.op(
        "<request><plugins><sw_fw_license><deactivate>"
        f"<license-manager>{manager}</license-manager><devices>{members}</devices>"
        "</deactivate></sw_fw_license></plugins></request>",
        cmd_xml=False,
    )


def commit_plugin(site):
    return site.device.commit(sync=False, admins=license_plugin.ADMIN)


def auto_deactivate(site, hours):
    line = f"set plugins sw_fw_license license-manager {MANAGER} auto-deactivate {hours}"
    operator_session.run_commands(site.vendor.panorama, [line])
    site.world.advance(31)


def kinds(site, subject):
    return [entry.kind for entry in site.world.timeline.since() if entry.subject == subject]


class TestAbsent:
    def test_its_commands_are_unknown_until_it_is_installed(self):
        with panorama_lab() as site:
            assert [one["name"] for one in site.device.plugins()] == ["vm_series"]
            with pytest.raises(panos.errors.PanDeviceXapiError, match="unexpected"):
                listed(site)
            with pytest.raises(RegistrationRejectedError):
                site.vendor.plugin.auth_code("_AQ__")
            site.vendor.plugin.configure(installed=True)
            assert "sw_fw_license" in [one["name"] for one in site.device.plugins()]
            assert listed(site) == {}
            site.vendor.plugin.configure(installed=False)
            with pytest.raises(panos.errors.PanDeviceXapiError, match="unexpected"):
                listed(site)

    def test_an_unknown_setting_is_rejected(self, site):
        with pytest.raises(ValueError, match="instaled"):
            site.vendor.plugin.configure(instaled=True)


class TestRegistration:
    def test_the_license_manager_names_the_groups_of_a_firewall(self, site, firewall):
        for place in (MANAGED, GROUP, STACK):
            assert serials(site.device, "show", place) == [firewall.serial]
        # PAN-182488: not the log collector group.
        assert serials(site.device, "show", LOGS) == []
        assert listed(site) == {firewall.ip_address: firewall.serial}
        assert site.vendor.licensing.used() == 1

    def test_a_key_that_no_license_manager_gave_out(self, site):
        with pytest.raises(RegistrationRejectedError):
            site.vendor.plugin.admit(Firewall("1"), "755036225328715")

    def test_another_license_manager_is_configured_at_the_command_line(self, site):
        session = partial(operator_session.run_commands, site.vendor.panorama)
        start = "set plugins sw_fw_license"
        session(
            [
                f"{start} bootstrap-definition second authcode D7654321",
                f"{start} license-manager second device-group autoscale",
                f"{start} license-manager second template-stack autoscale-stack",
                f"{start} license-manager second bootstrap-definition second",
            ]
        )
        site.world.advance(31)
        command = 'request plugins sw_fw_license bootstrap-parameters license-manager "second"'
        parameters = site.device.op(command)
        key = parameters.findtext(".//auth-key")
        assert key.startswith("_AQ__")
        assert parameters.findtext(".//dgname") == "autoscale"
        assert site.vendor.plugin.auth_code(key) == "D7654321"
        with pytest.raises(configure_mode.BadLineError):
            session(["set plugins"])


class TestDeactivation:
    def test_it_is_promised_then_done_and_gone_with_a_commit_of_the_plugins_changes(
        self, site, firewall
    ):
        answer = deactivate(site, firewall.serial)
        assert "".join(answer.itertext()) == license_plugin.REQUEST_ACCEPTED
        # A commit that follows at once, as in the vendor's function, finds nothing to commit.
        assert commit_plugin(site) is None
        assert site.vendor.licensing.used() == 1
        site.world.advance(25)
        assert site.vendor.licensing.used() == 0
        assert listed(site) == {firewall.ip_address: firewall.serial}
        assert site.device.commit(sync=False, admins="autoscale") is None
        number = commit_plugin(site)
        site.world.advance(31)
        assert job(site.device, number).findtext("result") == "OK"
        assert listed(site) == {}
        # The firewall stays in Panorama.
        assert serials(site.device, "show", MANAGED) == [firewall.serial]

    def test_asking_again_changes_nothing(self, site, firewall):
        deactivate(site, firewall.serial)
        site.world.advance(15)
        deactivate(site, firewall.serial)
        site.world.advance(10)
        assert site.vendor.licensing.used() == 0
        deactivate(site, firewall.serial)
        site.world.advance(25)
        commit_plugin(site)
        site.world.advance(31)
        assert listed(site) == {}
        assert kinds(site, firewall.serial).count("license-returned") == 1

    def test_of_a_firewall_that_is_disconnected(self, site, firewall):
        site.vendor.panorama.disconnect(firewall.serial)
        deactivate(site, firewall.serial)
        site.world.advance(25)
        assert site.vendor.licensing.used() == 0

    @pytest.mark.parametrize(
        "break_it",
        [
            lambda site: site.device.op(
                "<request><license><api-key><delete/></api-key></license></request>", cmd_xml=False
            ),
            lambda site: site.vendor.licensing.configure(available=False),
            lambda site: site.vendor.licensing.configure(deactivation_error="Contact support"),
        ],
    )
    def test_a_later_failure_is_not_visible_in_the_response(self, site, firewall, break_it):
        break_it(site)
        assert (
            "".join(deactivate(site, firewall.serial).itertext()) == license_plugin.REQUEST_ACCEPTED
        )
        site.world.advance(25)
        assert site.vendor.licensing.used() == 1
        assert listed(site) == {firewall.ip_address: firewall.serial}
        assert commit_plugin(site) is None
        assert "plugin-deactivation-failed" in kinds(site, firewall.serial)

    def test_it_waits_while_the_configuration_is_locked(self, site, firewall):
        lock = "<request><config-lock><{}/></config-lock></request>"
        site.operator.op(lock.format("add"), cmd_xml=False)
        deactivate(site, firewall.serial)
        site.world.advance(25)
        assert site.vendor.licensing.used() == 1
        site.operator.op(lock.format("remove"), cmd_xml=False)
        site.world.advance(5)
        assert site.vendor.licensing.used() == 0

    @pytest.mark.parametrize(
        ("serial_numbers", "manager", "text"),
        [
            (["42"], MANAGER, "42 not found"),
            ([], MANAGER, "needs devices"),
            (["42"], "unknown", "is not a valid reference"),
        ],
    )
    def test_requests_that_are_rejected_at_once(self, site, serial_numbers, manager, text):
        with pytest.raises(panos.errors.PanDeviceXapiError, match=text):
            deactivate(site, *serial_numbers, manager=manager)


class TestAutoDeactivation:
    def test_after_hours_of_disconnection_the_device_is_cleaned_up(self, site, firewall):
        auto_deactivate(site, 1)
        site.vendor.panorama.disconnect(firewall.serial)
        site.world.advance(HOUR - 60)
        assert site.vendor.licensing.used() == 1
        site.world.advance(120)
        assert site.vendor.licensing.used() == 0
        assert listed(site) == {}
        for place in (MANAGED, GROUP, STACK):
            assert serials(site.device, "show", place) == []

    def test_never_unless_it_is_set_and_never_while_connected(self, site, firewall):
        site.vendor.panorama.disconnect(firewall.serial)
        site.world.advance(2 * HOUR)
        site.vendor.panorama.connect(firewall)
        auto_deactivate(site, 1)
        site.world.advance(2 * HOUR)
        assert listed(site) == {firewall.ip_address: firewall.serial}

    def test_a_failure_is_tried_again(self, site, firewall):
        auto_deactivate(site, 1)
        site.vendor.licensing.configure(available=False)
        site.vendor.panorama.disconnect(firewall.serial)
        site.world.advance(HOUR + 600)
        assert kinds(site, firewall.serial).count("plugin-deactivation-failed") in (2, 3)
        site.vendor.licensing.configure(available=True)
        site.world.advance(400)
        assert site.vendor.licensing.used() == 0
        assert serials(site.device, "show", MANAGED) == []

    def test_another_administrator_removed_the_device_meanwhile(self, site, firewall):
        auto_deactivate(site, 1)
        site.vendor.panorama.disconnect(firewall.serial)
        for place in (STACK, GROUP, MANAGED):
            site.device.xapi.delete(f"{place}/entry[@name='{firewall.serial}']")
        site.device.commit(sync=False, admins="autoscale")
        site.world.advance(HOUR + 60)
        assert listed(site) == {}
        assert site.vendor.licensing.used() == 0

    def test_it_waits_for_a_commit_lock(self, site, firewall):
        auto_deactivate(site, 1)
        lock = "<request><commit-lock><{}/></commit-lock></request>"
        site.operator.op(lock.format("add"), cmd_xml=False)
        site.vendor.panorama.disconnect(firewall.serial)
        site.world.advance(HOUR + 60)
        assert site.vendor.licensing.used() == 0
        assert serials(site.device, "show", MANAGED) == [firewall.serial]
        site.operator.op(lock.format("remove"), cmd_xml=False)
        site.world.advance(40)
        assert serials(site.device, "show", MANAGED) == []


def test_a_license_manager_that_has_used_up_its_auth_code(site):
    site.vendor.licensing.configure(pool_size=1)
    join(site)
    with pytest.raises(licensing_api.PoolExhaustedError):
        join(site)


class TestPair:
    """On a high availability pair, uncommitted changes are lost with the peer."""

    @pytest.fixture
    def firewalls(self, site):
        site.vendor.panorama.make_pair()
        firewalls = [join(site), join(site)]
        site.world.advance(60)
        return [firewall.serial for firewall in firewalls]

    def fail_over(self, site):
        site.vendor.panorama.fail_over()
        site.world.advance(30)
        site.device = VerifiedPanorama(site.vendor, peer=1, api_key=initial_config.AUTOSCALE.key)

    def test_an_accepted_request_and_an_uncommitted_deactivation(self, site, firewalls):
        done, promised = firewalls
        deactivate(site, done)
        site.world.advance(25)
        deactivate(site, promised)
        self.fail_over(site)
        assert site.vendor.licensing.used() == 1
        assert commit_plugin(site) is None
        deactivate(site, done, promised)
        site.world.advance(25)
        commit_plugin(site)
        site.world.advance(31)
        assert (site.vendor.licensing.used(), listed(site)) == (0, {})

    def test_an_automatic_deactivation(self, site, firewalls):
        auto_deactivate(site, 1)
        for serial in firewalls:
            site.vendor.panorama.disconnect(serial)
        site.world.advance(HOUR - 5)
        self.fail_over(site)
        site.world.advance(120)
        assert (site.vendor.licensing.used(), listed(site)) == (0, {})
        assert serials(site.device, "show", MANAGED) == []


class TestList:
    """What the list of devices says, which decides whether a license counts as returned."""

    def answer(self, site):
        command = f'show plugins sw_fw_license devices license-manager "{MANAGER}"'
        return site.device.op(command)

    @pytest.mark.parametrize("answer", ["no-container", "container"])
    def test_an_empty_list_may_have_no_container(self, site, answer):
        site.world.assumptions.set(plugin_empty_list=answer)
        has_container = self.answer(site).find("result/devices") is not None
        assert has_container is (answer == "container")

    @pytest.mark.parametrize("answer", ["absent", "listed"])
    def test_the_list_may_have_host_names(self, site, answer):
        site.world.assumptions.set(plugin_list_host_name=answer)
        hostname = join(site).hostname
        (entry,) = self.answer(site).iterfind("result/devices/entry")
        assert (hostname in entry.itertext()) is (answer == "listed")

    @pytest.mark.parametrize("answer", ["removed", "kept"])
    def test_a_firewall_whose_license_was_returned_may_stay_until_it_is_deleted(self, site, answer):
        site.world.assumptions.set(plugin_list_after_deactivation=answer)
        firewall = join(site)
        deactivate(site, firewall.serial)
        site.world.advance(30)
        site.operator.commit(
            cmd=f"<commit><partial><admin><member>{license_plugin.ADMIN}</member></admin></partial>"
            "</commit>"
        )
        site.world.advance(60)
        assert site.vendor.licensing.used() == 0
        expected = [firewall.serial] if answer == "kept" else []
        assert list(listed(site).values()) == expected
        for xpath in (STACK, GROUP, MANAGED):
            site.device.xapi.delete(f"{xpath}/entry[@name='{firewall.serial}']")
        site.device.commit(cmd="<commit/>")
        site.world.advance(60)
        assert listed(site) == {}

    def test_the_next_answers_are_no_lists(self, site, firewall):
        site.vendor.plugin.configure(odd_answers=["empty", "", "text", "message"])
        answers = [ET.tostring(self.answer(site)[0]) for _ in range(5)]
        full = answers[4]
        assert answers == [
            b"<result />",
            full,
            b"<result>License manager is initializing</result>",
            b"<msg>No devices</msg>",
            full,
        ]
        assert firewall.serial.encode() in full

    def test_an_unknown_odd_answer_is_rejected(self, site):
        with pytest.raises(ValueError, match="unknown odd answers: full"):
            site.vendor.plugin.configure(odd_answers=["full"])
