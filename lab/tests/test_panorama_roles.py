"""What roles of administrators allow: custom roles, other administrators' changes, firewalls."""

import pytest
from panorama_lab import MANAGED, Firewall, panorama_lab
from vendor_api import SYSTEM, ask, op, text

from vmseries_lab.panorama import initial_config, lab_settings

FOR_PLUGIN = "<commit><partial><admin><member>__sw_fw_license</member></admin></partial></commit>"
OWN = "<commit><partial><admin><member>autoscale</member></admin></partial></commit>"
ROLE = """
<admin-role>
  <!-- a comment -->
  <entry name="any-name">
    <role>
      <panorama>
        <webui><commit>{webui}</commit></webui>
        <xmlapi>{xmlapi}</xmlapi>
      </panorama>
    </role>
  </entry>
</admin-role>
"""
API = "<config>enable</config><op>enable</op><commit>enable</commit>"
FOR_OTHERS = "<commit-for-other-admins>enable</commit-for-other-admins>"
GROUP_ROLE = (
    "<entry name='group-role'><role><device-group><webui><policies/></webui></device-group></role>"
    "</entry>"
)


@pytest.fixture
def site():
    with panorama_lab() as site:
        yield site


def load(site, webui="", xmlapi=API):
    lab_settings.configure(site.vendor.panorama, role_xml=ROLE.format(webui=webui, xmlapi=xmlapi))


def change(site, admin):
    ask(site.vendor, admin, type="config", action="set", xpath=MANAGED, element="<entry name='1'/>")


@pytest.mark.parametrize("answer", ["required", "not-required"])
def test_a_role_without_the_right_commits_its_own_changes_only(site, answer):
    site.world.assumptions.set(commit_for_others_right=answer)
    load(site)
    change(site, initial_config.OPERATOR)

    for command in (FOR_PLUGIN, "<commit></commit>"):
        refused = ask(site.vendor, type="commit", cmd=command)[1].get("code") == "16"
        assert refused is (answer == "required"), command


def test_a_role_with_the_right_commits_changes_of_others(site):
    load(site, webui=FOR_OTHERS)
    change(site, initial_config.OPERATOR)
    _, answer = ask(
        site.vendor, type="commit", cmd=FOR_PLUGIN.replace("__sw_fw_license", "operator")
    )
    assert answer.findtext("result/job")


def test_its_own_changes_need_no_right(site):
    load(site)
    change(site, initial_config.AUTOSCALE)
    _, answer = ask(site.vendor, type="commit", cmd=OWN)
    assert answer.findtext("result/job")


def test_the_role_of_the_lab_has_the_right(site):
    change(site, initial_config.OPERATOR)
    _, answer = ask(site.vendor, type="commit", cmd="<commit></commit>")
    assert answer.findtext("result/job")


@pytest.mark.parametrize("answer", ["allowed", "refused"])
def test_commands_to_firewalls_by_a_custom_role(site, answer):
    site.world.assumptions.set(target_by_custom_role=answer)
    firewall = Firewall("007951000100001")
    site.vendor.panorama.register(
        firewall, initial_config.VM_AUTH_KEY, group="autoscale", stack=None, logs=None
    )

    own = op(site.vendor, SYSTEM, target=firewall.serial)
    operators = op(site.vendor, SYSTEM, initial_config.OPERATOR, target=firewall.serial)

    assert (own.get("code") == "16") is (answer == "refused")
    assert text(operators) == f"{firewall.serial} obeys"


def test_a_role_of_type_device_group_and_template_has_no_xml_api(site):
    lab_settings.configure(site.vendor.panorama, role_xml=GROUP_ROLE)

    status, answer = ask(site.vendor, type="op", cmd=SYSTEM)
    assert (status, text(answer)) == (403, "Type [op] not authorized for user role.")
    credentials = {"user": "autoscale", "password": "autoscale-password"}
    assert ask(site.vendor, type="keygen", **credentials)[0] == 403


def test_a_role_file_grants_what_it_says(site):
    load(site, xmlapi="<op>enable</op><config>disable</config>")

    assert op(site.vendor, SYSTEM).get("status") == "success"
    assert ask(site.vendor, type="config", action="show", xpath=MANAGED)[0] == 403


@pytest.mark.parametrize("content", ["no XML", "<entry name='x'/>", "<a/>"])
def test_a_file_without_one_role_is_an_error(site, content):
    with pytest.raises(ValueError, match=r"not XML|0 role profiles"):
        lab_settings.configure(site.vendor.panorama, role_xml=content)
