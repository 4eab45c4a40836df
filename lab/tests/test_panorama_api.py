"""Credentials and configuration in the lab's Panorama."""

from xml.etree import ElementTree as ET

import panos.errors
import pytest
from defusedxml.ElementTree import fromstring
from panorama_lab import (
    GROUP,
    LOGS,
    MANAGED,
    STACK,
    VerifiedPanorama,
    add,
    ask,
    commit,
    panorama_lab,
    serials,
)

from vmseries_lab.panorama import initial_config


@pytest.fixture
def site():
    with panorama_lab() as site:
        yield site


class TestCredentials:
    def test_keygen_returns_the_key_for_a_password(self, site):
        status, body = ask(
            site.vendor, type="keygen", user="autoscale", password="autoscale-password"
        )
        key = f"<result><key>{initial_config.AUTOSCALE.key}</key></result>"
        assert (status, body) == (200, f'<response status="success">{key}</response>')

    @pytest.mark.parametrize(
        "parameters",
        [
            {"type": "keygen", "user": "autoscale", "password": "wrong"},
            {"type": "op", "cmd": "<show><system><info/></system></show>", "key": "wrong"},
            {"type": "op", "cmd": "<show><system><info/></system></show>"},
        ],
    )
    def test_wrong_credentials_are_http_403(self, site, parameters):
        words = "<result><msg>Invalid Credential</msg></result>"
        body = f'<response status="error" code="403">{words}</response>'
        assert ask(site.vendor, **parameters) == (403, body)

    def test_the_key_may_be_a_header(self, site):
        command = "<show><system><info/></system></show>"
        status, body = ask(site.vendor, type="op", cmd=command, header=initial_config.AUTOSCALE.key)
        assert status == 200
        assert "<hostname>panorama</hostname>" in body

    def test_http_basic_and_a_query_string(self, site):
        command = "<show><system><info/></system></show>"
        basic = "operator:operator-password"
        status, body = ask(site.vendor, type="op", cmd=command, basic=basic, get=True)
        assert status == 200
        assert "<model>Panorama</model>" in body
        assert ask(site.vendor, type="op", cmd=command, basic="operator:wrong")[0] == 403

    def test_pan_os_python_logs_in_with_a_password(self, site):
        device = VerifiedPanorama(
            site.vendor, api_username="operator", api_password="operator-password"
        )
        assert device.api_key == initial_config.OPERATOR.key

    def test_a_reader_may_look_and_change_nothing(self, site):
        reader = VerifiedPanorama(site.vendor, api_key=initial_config.READER.key)
        assert reader.op("show system info").findtext("result/system/model") == "Panorama"
        for change in (lambda: add(reader, MANAGED, "1"), lambda: commit(reader)):
            with pytest.raises(panos.errors.PanDeviceXapiError, match="Unauthorized request"):
                change()
            assert reader.xapi.status_code == "16"


class TestConfiguration:
    def test_get_reads_the_candidate_and_show_the_running_configuration(self, site):
        add(site.device, MANAGED, "1")
        assert serials(site.device, "get", MANAGED) == ["1"]
        assert serials(site.device, "show", MANAGED) == []

    def test_nothing_there(self, site):
        nowhere = f"{MANAGED}/entry[@name='1']"
        assert ET.tostring(site.device.xapi.get(nowhere)) == (
            b'<response status="success" code="7"><result /></response>'
        )
        with pytest.raises(panos.errors.PanNoSuchNode):
            site.device.xapi.show(nowhere)

    def test_deleting_an_absent_object_succeeds(self, site):
        answer = site.device.xapi.delete(f"{GROUP}/entry[@name='1']")
        assert (answer.get("status"), answer.get("code")) == ("success", "7")
        assert answer.findtext("msg") == "Object doesn't exist"
        assert commit(site.device) is None

    def test_a_referenced_device_is_not_deleted(self, site):
        add(site.device, MANAGED, "1", "2")
        add(site.device, GROUP, "1")
        add(site.device, STACK, "1")
        with pytest.raises(panos.errors.PanDeviceXapiError) as caught:
            site.device.xapi.delete(f"{MANAGED}/entry[@name='1']")
        assert site.device.xapi.status_code == "10"
        assert str(caught.value).splitlines() == [
            "1 cannot be deleted because of references from:",
            "device-group -> autoscale -> devices",
            "template-stack -> autoscale-stack -> devices",
        ]
        site.device.xapi.delete(f"{MANAGED}/entry[@name='2']")
        assert serials(site.device, "get", MANAGED) == ["1"]

    def test_several_changes_are_made_together_or_not_at_all(self, site):
        add(site.device, MANAGED, "1")
        add(site.device, LOGS, "1")

        def several(*changes):
            element = f"<root>{''.join(changes)}</root>"
            return site.device.xapi.get(
                xpath=None, extra_qs={"action": "multi-config", "element": element}
            )

        managed = f"""<delete id="m" xpath="{MANAGED}/entry[@name='1']"/>"""
        logs = f"""<delete id="l" xpath="{LOGS}/entry[@name='1']"/>"""
        group = f"""<set id="g" xpath="{GROUP}"><entry name="9"/></set>"""
        with pytest.raises(panos.errors.PanDeviceXapiError):
            several(group, managed, logs)
        answers = fromstring(site.device.xapi.xml_document).findall("response")
        assert [(one.get("id"), one.get("code")) for one in answers] == [("g", "20"), ("m", "10")]
        assert serials(site.device, "get", GROUP) == []

        answer = several(logs, managed, managed.replace('"m"', '"again"'))
        codes = [(one.get("id"), one.get("code")) for one in answer.findall("response")]
        assert codes == [("l", "20"), ("m", "20"), ("again", "7")]
        assert serials(site.device, "get", MANAGED) == []

    def test_strictly_transactional_changes(self, site):
        add(site.device, MANAGED, "1")
        add(site.operator, MANAGED, "2")

        def strictly(serial):
            element = f"""<root><set xpath="{MANAGED}"><entry name="{serial}"/></set></root>"""
            query = {"action": "multi-config", "element": element, "strict-transactional": "yes"}
            return site.device.xapi.get(xpath=None, extra_qs=query)

        strictly("3")
        assert serials(site.device, "get", MANAGED) == ["2", "3"]
        commit(site.device)
        with pytest.raises(panos.errors.PanDeviceXapiError, match="A commit is pending"):
            strictly("4")
        assert site.device.xapi.status_code == "13"

    def test_a_rejected_request_changes_nothing(self, site):
        key = initial_config.AUTOSCALE.key
        malformed = ask(site.vendor, type="op", cmd="<show>", key=key)
        assert malformed[0] == 200
        assert 'code="18"' in malformed[1]
        entity = '<!DOCTYPE a [<!ENTITY b "c">]><show>&b;</show>'
        assert 'code="18"' in ask(site.vendor, type="op", cmd=entity, key=key)[1]
        assert 'code="17"' in ask(site.vendor, type="op", cmd="<fly/>", key=key)[1]
        assert 'code="17"' in ask(site.vendor, type="report", key=key)[1]
        change = {
            "type": "config",
            "action": "set",
            "xpath": MANAGED,
            "element": "<entry name='1'/>",
        }
        assert 'code="17"' in ask(site.vendor, **change, target="1", key=key)[1]
        assert serials(site.device, "get", MANAGED) == []

    def test_changes_by_administrator(self, site):
        add(site.device, MANAGED, "1")
        add(site.operator, MANAGED, "2")
        changes = (
            "<show><config><list><changes><partial><admin><member>operator</member></admin>"
            "</partial></changes></list></config></show>"
        )
        entries = site.device.op(changes, cmd_xml=False).findall("result/journal/entry")
        assert [entry.findtext("owner") for entry in entries] == ["operator"]

    @pytest.mark.parametrize(
        ("xpath", "code"), [("//entry", "6"), ("", "6"), ("/config/devices/entry[1]", "6")]
    )
    def test_a_path_that_pan_os_does_not_take(self, site, xpath, code):
        with pytest.raises(panos.errors.PanDeviceXapiError):
            site.device.xapi.get(xpath)
        assert site.device.xapi.status_code == code
