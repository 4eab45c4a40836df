"""Other administrators' work on the lab's Panorama, and roles with limited rights."""

from functools import partial

import panos.errors
import pytest
from defusedxml.ElementTree import fromstring
from panorama_lab import (
    GROUP,
    MANAGED,
    add,
    ask,
    commit,
    job,
    panorama_lab,
    rejected,
    serials,
)

from vmseries_lab.panorama import (
    admin_roles,
    initial_config,
    lab_settings,
    operator_session,
    references,
)

USER = "/config/mgt-config/users/entry[@name='autoscale']/permissions/role-based/custom/profile"
CLOUDWATCH = (
    "/devices/entry[@name='localhost.localdomain']/deviceconfig/plugins/vm_series/aws-cloudwatch"
)


@pytest.fixture
def site():
    with panorama_lab() as site:
        yield site


@pytest.fixture
def configure(site):
    return partial(lab_settings.configure, site.vendor.panorama)


class TestOthers:
    def test_a_commit_lock(self, site, configure):
        add(site.device, MANAGED, "1")
        configure(locks=["commit"])
        with rejected(site.device, "holding device wide commit locks", "14"):
            commit(site.device, "autoscale")
        shown = site.device.op("show commit-locks").find("result/commit-locks/entry")
        facts = [shown.get("name"), *(shown.findtext(tag) for tag in ("type", "name", "comment"))]
        assert facts == ["operator", "shared", "shared", "(null)"]
        configure(locks=[])
        assert commit(site.device, "autoscale") == "1"

    def test_a_configuration_lock(self, site, configure):
        configure(locks=["config", "commit"])
        with rejected(site.device, "Config for scope shared is currently locked by operator", None):
            add(site.device, MANAGED, "1")
        configure(locks=["commit"])
        add(site.device, MANAGED, "1")

    def test_locks_that_come_with_each_change(self, site, configure):
        configure(automatic_commit_lock=True)
        site.operator.xapi.delete(f"{MANAGED}/entry[@name='not there']")
        assert len(site.device.op("show commit-locks").find("result/commit-locks")) == 0
        add(site.operator, MANAGED, "2")
        add(site.device, MANAGED, "1")
        with rejected(site.device, "holding device wide commit locks", "14"):
            commit(site.device, "autoscale")
        commit(site.operator, "operator")
        site.world.advance(31)
        assert commit(site.device, "autoscale") == "2"

    def test_a_commit_in_progress_and_a_full_queue(self, site, configure):
        add(site.device, MANAGED, "1")
        configure(queued_commits=11)
        with rejected(site.device, "queue is full", "13"):
            commit(site.device, "autoscale")
        site.world.advance(31)
        number = commit(site.device, "autoscale")
        assert job(site.device, number).findtext("positionInQ") == "10"

    def test_edits_that_are_not_finished(self, site):
        add(site.operator, GROUP, "2")
        add(site.device, MANAGED, "1")
        commit(site.device, "autoscale")
        site.world.advance(31)
        assert serials(site.device, "show", GROUP) == []
        assert serials(site.device, "get", GROUP) == ["2"]

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("A commit is pending. Please try again later.", 13),
            ("Another commit/validate is in progress. Please try again later", 13),
            ("Timed out while getting config lock. Please try again.", None),
        ],
    )
    def test_changes_that_are_temporarily_rejected(self, site, configure, text, code):
        configure(inject_errors=[{"text": text, "code": code, "kind": "config", "count": 2}])
        for _ in range(2):
            with rejected(site.device, text.split(".", maxsplit=1)[0], code and str(code)):
                add(site.device, MANAGED, "1")
            site.device.op("show system info")
        add(site.device, MANAGED, "1")

    def test_a_lock_that_does_not_exist(self, configure):
        with pytest.raises(ValueError, match="door"):
            configure(locks=["door"])


class TestMultiConfig:
    @pytest.mark.documents(id="panorama/removal/no-multi-config")
    def test_a_version_without_it(self, site, configure):
        configure(multi_config=False)
        add(site.device, MANAGED, "1")
        query = {
            "action": "multi-config",
            "element": f"""<root><delete xpath="{MANAGED}/entry[@name='1']"/></root>""",
        }
        with rejected(site.device, "multi-config", "17"):
            site.device.xapi.get(xpath=None, extra_qs=query)
        assert serials(site.device, "get", MANAGED) == ["1"]
        configure(multi_config=True)
        site.device.xapi.get(xpath=None, extra_qs=query)
        assert serials(site.device, "get", MANAGED) == []

    def test_a_request_that_fails_on_an_absent_object(self, site, configure):
        configure(absent_rejected=True)
        add(site.device, MANAGED, "1")
        deletes = "".join(
            f"""<delete id="{serial}" xpath="{MANAGED}/entry[@name='{serial}']"/>"""
            for serial in "12"
        )
        query = {"action": "multi-config", "element": f"<root>{deletes}</root>"}
        with pytest.raises(panos.errors.PanDeviceXapiError):
            site.device.xapi.get(xpath=None, extra_qs=query)
        answers = fromstring(site.device.xapi.xml_document).findall("response")
        assert [(one.get("id"), one.get("code")) for one in answers] == [("1", "20"), ("2", "7")]
        assert serials(site.device, "get", MANAGED) == ["1"]


class TestRoles:
    def test_the_role_profile_can_be_read(self, site):
        profile = site.device.xapi.show(USER).findtext("result/profile")
        rights = site.device.xapi.show(admin_roles.rights_path(profile)).find("result/xmlapi")
        allowed = {right.tag for right in rights if right.text == "enable"}
        assert allowed == {"config", "op", "commit"}

    @pytest.mark.parametrize("missing", ["config", "op", "commit"])
    def test_a_type_of_request_that_the_role_does_not_allow(self, site, configure, missing):
        configure(rights=[kind for kind in ("config", "op", "commit") if kind != missing])
        requests = {
            "config": lambda: site.device.xapi.get(MANAGED),
            "op": lambda: site.device.op("show system info"),
            "commit": lambda: commit(site.device, "autoscale"),
        }
        with pytest.raises(panos.errors.PanURLError, match="code: 403"):
            requests.pop(missing)()
        for request in requests.values():
            request()

    def test_the_error_of_a_missing_right(self, site, configure):
        configure(rights=["op"])
        status, body = ask(
            site.vendor, type="commit", cmd="<commit></commit>", key=initial_config.AUTOSCALE.key
        )
        text = "Type [commit] not authorized for user role."
        assert (status, body) == (
            403,
            f'<response status="error" code="403"><result><msg>{text}</msg></result></response>',
        )

    def test_an_administrator_without_a_role(self, site):
        path = "/config/mgt-config/users/entry[@name='reader']/permissions"
        site.operator.xapi.delete(path)
        commit(site.operator)
        site.world.advance(31)
        command = "<show><system><info/></system></show>"
        assert ask(site.vendor, type="op", cmd=command, key=initial_config.READER.key)[0] == 403

    def test_a_right_that_does_not_exist(self, configure):
        with pytest.raises(ValueError, match="fly"):
            configure(rights=["op", "fly"])

    def test_show_admins_lists_the_caller(self, site):
        session = site.device.op("show admins").find("result/admins/entry")
        assert (session.findtext("admin"), session.findtext("type")) == ("autoscale", "Web")


class TestTemplates:
    def test_publishing_to_cloudwatch_can_be_read_from_the_stack_and_its_templates(self, site):
        stack = references.path("template-stack", "autoscale-stack")
        members = site.device.xapi.show(f"{stack}/templates").findall("result/templates/member")
        assert [member.text for member in members] == ["autoscale-network"]
        publishing = references.path("template", members[0].text) + "/config" + CLOUDWATCH
        with pytest.raises(panos.errors.PanNoSuchNode):
            site.device.xapi.show(publishing)
        start = (
            "set template autoscale-network config deviceconfig plugins vm_series aws-cloudwatch"
        )
        lines = [f"{start} enabled yes", f"{start} name edge", f"{start} timeout 1"]
        operator_session.run_commands(site.vendor.panorama, lines)
        site.world.advance(31)
        shown = site.device.xapi.show(publishing).find("result/aws-cloudwatch")
        assert {leaf.tag: leaf.text for leaf in shown} == {
            "enabled": "yes",
            "name": "edge",
            "timeout": "1",
        }
