"""The lab's Panorama, as pan-os-python and plain HTTPS see it."""

import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from xml.etree import ElementTree as ET

import panos.errors
import panos.panorama
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from vmseries_lab import panorama
from vmseries_lab.panorama import initial, references
from vmseries_lab.panorama.answers import result
from vmseries_lab.panorama.store import Change, Store
from vmseries_lab.world import World

HOST = "panorama.example.com"
MANAGED = "/config/mgt-config/devices"
GROUP = references.members_path("device-group", "autoscale")
STACK = references.members_path("template-stack", "autoscale-stack")
LOGS = references.members_path("log-collector-group", "autoscale-logs")


class VerifiedPanorama(panos.panorama.Panorama):
    """pan-os-python, with the certificate verified and host names as in the lab."""

    def __init__(self, outside, **arguments):
        super().__init__(HOST, port=outside.panorama.server.port, **arguments)
        self._context = ssl.create_default_context(cadata=outside.authority.pem)
        self.timeout = 5

    def generate_xapi(self):
        xapi = super().generate_xapi()
        xapi.ssl_context = self._context
        return xapi


class Firewall:
    """Just enough of a firewall for Panorama to manage."""

    hostname = "i-0123"
    sw_version = "11.1.4-h7"
    ip_address = "10.0.1.7"

    def __init__(self, serial):
        self.serial = serial
        self.received = []
        self.commands = []

    def operate(self, command):
        self.commands.append(ET.tostring(command, encoding="unicode"))
        return result(text=f"{self.serial} obeys")

    def receive(self, configuration):
        self.received.append(configuration)


@pytest.fixture(autouse=True)
def _names_lead_to_the_lab(monkeypatch):
    real = socket.getaddrinfo
    names = {HOST, "panorama-2.example.com", "somebody-else.example.com"}
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: real("127.0.0.1" if host in names else host, *rest, **more),
    )


@pytest.fixture
def world():
    return World()


@pytest.fixture
def outside(world):
    outside = panorama.install(world)
    yield outside
    outside.stop()


@pytest.fixture
def device(outside):
    return VerifiedPanorama(outside, api_key=initial.AUTOSCALE.key)


@pytest.fixture
def operator(outside):
    return VerifiedPanorama(outside, api_key=initial.OPERATOR.key)


def ask(outside, *, header=None, **parameters):
    """One request without any client library: status, body."""
    url = f"https://{HOST}:{outside.panorama.server.port}/api/"
    request = urllib.request.Request(
        url, urllib.parse.urlencode(parameters).encode(), {"X-PAN-KEY": header} if header else {}
    )
    context = ssl.create_default_context(cadata=outside.authority.pem)
    try:
        with urllib.request.urlopen(request, context=context, timeout=5) as answer:  # noqa: S310
            assert answer.headers.get_content_type() == "application/xml"
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def job(device, number):
    return device.op(f"<show><jobs><id>{number}</id></jobs></show>", cmd_xml=False).find(
        "result/job"
    )


def commit(device, *admins):
    members = "".join(f"<member>{admin}</member>" for admin in admins)
    partial = f"<partial><admin>{members}</admin></partial>" if admins else ""
    return device.commit(cmd=f"<commit>{partial}</commit>", sync=False)


def add(device, xpath, *serials):
    for serial in serials:
        device.xapi.set(xpath, f"<entry name='{serial}'/>")


def serials(device, action, xpath):
    answer = getattr(device.xapi, action)(xpath)
    return [entry.get("name") for entry in answer.iterfind("result/devices/entry")]


class TestCredentials:
    def test_a_password_gives_the_key(self, outside):
        status, body = ask(outside, type="keygen", user="autoscale", password="autoscale-password")
        key = f"<result><key>{initial.AUTOSCALE.key}</key></result>"
        assert (status, body) == (200, f'<response status="success">{key}</response>')

    @pytest.mark.parametrize(
        "parameters",
        [
            {"type": "keygen", "user": "autoscale", "password": "wrong"},
            {"type": "op", "cmd": "<show><system><info/></system></show>", "key": "wrong"},
            {"type": "op", "cmd": "<show><system><info/></system></show>"},
        ],
    )
    def test_wrong_credentials_are_http_403(self, outside, parameters):
        words = "<result><msg>Invalid Credential</msg></result>"
        body = f'<response status="error" code="403">{words}</response>'
        assert ask(outside, **parameters) == (403, body)

    def test_the_key_may_be_a_header(self, outside):
        command = "<show><system><info/></system></show>"
        status, body = ask(outside, type="op", cmd=command, header=initial.AUTOSCALE.key)
        assert status == 200
        assert "<hostname>panorama</hostname>" in body

    def test_pan_os_python_logs_in_with_a_password(self, outside):
        device = VerifiedPanorama(
            outside, api_username="operator", api_password="operator-password"
        )
        assert device.api_key == initial.OPERATOR.key

    def test_a_reader_may_look_and_change_nothing(self, outside):
        reader = VerifiedPanorama(outside, api_key=initial.READER.key)
        assert reader.op("show system info").findtext("result/system/model") == "Panorama"
        for change in (lambda: add(reader, MANAGED, "1"), lambda: commit(reader)):
            with pytest.raises(panos.errors.PanDeviceXapiError, match="Unauthorized request"):
                change()
            assert reader.xapi.status_code == "16"


class TestConfiguration:
    def test_get_reads_the_candidate_and_show_what_runs(self, device):
        add(device, MANAGED, "1")
        assert serials(device, "get", MANAGED) == ["1"]
        assert serials(device, "show", MANAGED) == []

    def test_nothing_there(self, device):
        nowhere = f"{MANAGED}/entry[@name='1']"
        assert ET.tostring(device.xapi.get(nowhere)) == (
            b'<response status="success" code="7"><result /></response>'
        )
        with pytest.raises(panos.errors.PanNoSuchNode):
            device.xapi.show(nowhere)

    def test_deleting_what_is_not_there_succeeds(self, device):
        answer = device.xapi.delete(f"{GROUP}/entry[@name='1']")
        assert (answer.get("status"), answer.get("code")) == ("success", "7")
        assert answer.findtext("msg") == "Object doesn't exist"
        assert commit(device) is None

    def test_a_referenced_device_is_not_deleted(self, device):
        add(device, MANAGED, "1", "2")
        add(device, GROUP, "1")
        add(device, STACK, "1")
        with pytest.raises(panos.errors.PanDeviceXapiError) as refused:
            device.xapi.delete(f"{MANAGED}/entry[@name='1']")
        assert device.xapi.status_code == "10"
        assert str(refused.value).splitlines() == [
            "1 cannot be deleted because of references from:",
            "device-group -> autoscale -> devices",
            "template-stack -> autoscale-stack -> devices",
        ]
        device.xapi.delete(f"{MANAGED}/entry[@name='2']")
        assert serials(device, "get", MANAGED) == ["1"]

    def test_several_changes_are_made_together_or_not_at_all(self, device):
        add(device, MANAGED, "1")
        add(device, LOGS, "1")

        def several(*changes):
            element = f"<root>{''.join(changes)}</root>"
            return device.xapi.get(
                xpath=None, extra_qs={"action": "multi-config", "element": element}
            )

        managed = f"""<delete id="m" xpath="{MANAGED}/entry[@name='1']"/>"""
        logs = f"""<delete id="l" xpath="{LOGS}/entry[@name='1']"/>"""
        group = f"""<set id="g" xpath="{GROUP}"><entry name="9"/></set>"""
        with pytest.raises(panos.errors.PanDeviceXapiError):
            several(group, managed, logs)
        answers = fromstring(device.xapi.xml_document).findall("response")
        assert [(one.get("id"), one.get("code")) for one in answers] == [("g", "20"), ("m", "10")]
        assert serials(device, "get", GROUP) == []

        answer = several(logs, managed, managed.replace('"m"', '"again"'))
        codes = [(one.get("id"), one.get("code")) for one in answer.findall("response")]
        assert codes == [("l", "20"), ("m", "20"), ("again", "7")]
        assert serials(device, "get", MANAGED) == []

    @pytest.mark.parametrize(
        ("xpath", "code"), [("//entry", "6"), ("", "6"), ("/config/devices/entry[1]", "6")]
    )
    def test_a_path_that_pan_os_does_not_take(self, device, xpath, code):
        with pytest.raises(panos.errors.PanDeviceXapiError):
            device.xapi.get(xpath)
        assert device.xapi.status_code == code


class TestCommits:
    def test_a_commit_is_a_job_that_takes_its_time(self, world, device):
        add(device, MANAGED, "1")
        number = commit(device)
        assert [job(device, number).findtext(tag) for tag in ("status", "result")] == [
            "PEND",
            "PEND",
        ]
        world.advance(15)
        running = job(device, number)
        assert running.findtext("status") == "ACT"
        assert 45 <= int(running.findtext("progress")) <= 55
        assert serials(device, "show", MANAGED) == []
        world.advance(16)
        done = job(device, number)
        facts = {
            tag: done.findtext(tag) for tag in ("status", "result", "progress", "type", "user")
        }
        assert facts == {
            "status": "FIN",
            "result": "OK",
            "progress": "100",
            "type": "Commit",
            "user": "autoscale",
        }
        assert done.findtext("details/line") == "Configuration committed successfully"
        assert serials(device, "show", MANAGED) == ["1"]

    def test_a_partial_commit_leaves_other_peoples_edits_alone(self, world, device, operator):
        add(device, MANAGED, "1")
        add(operator, MANAGED, "2")
        commit(device, "autoscale")
        world.advance(31)
        assert serials(device, "show", MANAGED) == ["1"]
        assert serials(device, "get", MANAGED) == ["1", "2"]
        assert device.op("check pending-changes").findtext("result") == "yes"
        commit(operator)
        world.advance(31)
        assert serials(device, "show", MANAGED) == ["1", "2"]
        assert device.op("check pending-changes").findtext("result") == "no"

    def test_changes_made_after_the_command_wait_for_the_next_commit(self, world, device):
        add(device, MANAGED, "1")
        commit(device, "autoscale")
        add(device, MANAGED, "2")
        world.advance(31)
        assert serials(device, "show", MANAGED) == ["1"]
        assert commit(device, "autoscale") == "2"

    def test_commits_are_worked_off_in_turn(self, world, device, operator):
        add(device, MANAGED, "1")
        first = commit(device, "autoscale")
        add(operator, MANAGED, "2")
        second = commit(operator, "operator")
        world.advance(20)
        assert (job(device, first).findtext("status"), job(device, second).findtext("status")) == (
            "ACT",
            "PEND",
        )
        assert job(device, second).findtext("positionInQ") == "1"
        world.advance(15)
        assert job(device, second).findtext("status") == "ACT"
        world.advance(30)
        assert job(device, second).findtext("result") == "OK"

    @pytest.mark.parametrize("as_line", [False, True])
    def test_nothing_to_commit_in_both_recorded_forms(self, outside, as_line):
        outside.panorama.configure(no_changes_as_line=as_line)
        _, body = ask(outside, type="commit", cmd="<commit></commit>", key=initial.AUTOSCALE.key)
        text = "There are no changes to commit."
        shown = f"<line>{text}</line>" if as_line else text
        assert body == f'<response status="success" code="19"><msg>{shown}</msg></response>'

    def test_a_commit_that_would_repeat_the_one_in_the_queue(self, outside, device):
        add(device, MANAGED, "1")
        commit(device, "autoscale")
        command = "<commit><partial><admin><member>autoscale</member></admin></partial></commit>"
        _, body = ask(outside, type="commit", cmd=command, key=initial.AUTOSCALE.key)
        assert "The result of this commit would be the same as the previous commit" in body

    def test_a_commit_that_fails_leaves_the_changes_to_be_committed(self, world, outside, device):
        outside.panorama.configure(fail_next_commit="Validation Error: disk full")
        add(device, MANAGED, "1")
        number = commit(device)
        world.advance(31)
        failed = job(device, number)
        assert (failed.findtext("status"), failed.findtext("result")) == ("FIN", "FAIL")
        lines = [line.text for line in failed.iterfind("details/line")]
        assert lines == ["Validation Error: disk full", "Commit failed"]
        number = commit(device)
        world.advance(31)
        assert job(device, number).findtext("result") == "OK"

    def test_a_commit_that_would_leave_a_reference_dangling_fails(self, world, device, operator):
        add(device, MANAGED, "1")
        add(device, GROUP, "1")
        commit(device)
        world.advance(31)
        operator.xapi.delete(f"{GROUP}/entry[@name='1']")
        device.xapi.delete(f"{MANAGED}/entry[@name='1']")
        number = commit(device, "autoscale")
        world.advance(31)
        lines = [line.text for line in job(device, number).iterfind("details/line")]
        assert "device-group -> autoscale -> devices '1' is not a valid reference" in lines
        assert serials(device, "show", MANAGED) == ["1"]

    def test_ten_commits_may_wait_and_no_more(self, world, device):
        for number in range(11):
            add(device, MANAGED, str(number))
            commit(device)
            world.tick()
        add(device, MANAGED, "one too many")
        with pytest.raises(panos.errors.PanDeviceXapiError, match="queue is full"):
            commit(device)
        assert device.xapi.status_code == "13"
        pending = device.op("<show><jobs><pending/></jobs></show>", cmd_xml=False)
        assert len(pending.findall("result/job")) == 11

    def test_an_unknown_job(self, device):
        with pytest.raises(panos.errors.PanDeviceXapiError, match="job 19 not found"):
            job(device, 19)
        assert device.xapi.status_code == "7"

    def test_pan_os_python_waits_for_a_commit(self, outside, device):
        outside.panorama.configure(commit_seconds=0)
        add(device, MANAGED, "1")
        world = outside.panorama.world
        number = commit(device)
        world.tick()
        report = device.syncjob(job_id=number, interval=0.01)
        assert (report["success"], report["messages"]) == (
            True,
            ["Configuration committed successfully"],
        )

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["autoscale", "operator"]),
                st.sampled_from(["set", "delete"]),
                st.sampled_from([GROUP, STACK, LOGS]),
                st.sampled_from("123"),
            )
        )
    )
    def test_a_full_commit_makes_both_configurations_equal(self, edits):
        store = Store(initial.configuration())
        for serial in "123":
            store.make(MANAGED, f"<entry name='{serial}'/>")
        for admin, action, xpath, serial in edits:
            if action == "set":
                store.apply([Change(admin, "set", xpath, f"<entry name='{serial}'/>")])
            else:
                store.apply([Change(admin, "delete", f"{xpath}/entry[@name='{serial}']")])
        store.commit(store.pending())
        assert ET.tostring(store.running) == ET.tostring(store.candidate)
        assert store.pending() == []


class TestDevices:
    @pytest.fixture
    def firewall(self, outside):
        firewall = Firewall("007951000100001")
        outside.panorama.register(
            firewall,
            initial.VM_AUTH_KEY,
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

    def test_a_firewall_with_a_valid_key_is_taken_in(self, device, firewall):
        for xpath in (MANAGED, GROUP, STACK, LOGS):
            assert serials(device, "show", xpath) == [firewall.serial]
            assert serials(device, "get", xpath) == [firewall.serial]
        entry = device.op("show devices all").find("result/devices/entry")
        facts = [entry.findtext(tag) for tag in ("connected", "hostname", "ip-address", "model")]
        assert facts == ["yes", "i-0123", "10.0.1.7", "PA-VM"]
        collectors = device.op(
            "<show><log-collector-group><all/></log-collector-group></show>", cmd_xml=False
        )
        member = collectors.find("result/log-collector-group/entry/device-list/entry")
        assert member.get("name") == firewall.serial
        assert commit(device) is None

    def test_a_firewall_without_a_valid_key_is_not(self, outside, device):
        with pytest.raises(panorama.service.RegistrationRefusedError):
            outside.panorama.register(Firewall("1"), "123", group=None, stack=None, logs=None)
        assert serials(device, "show", MANAGED) == []

    def test_one_that_never_connected_is_little_more_than_a_serial(self, world, device):
        add(device, MANAGED, "42")
        commit(device)
        world.advance(31)
        entry = device.op("show devices all").find("result/devices/entry")
        assert {child.tag: child.text for child in entry} == {
            "serial": "42",
            "connected": "no",
            "deactivated": "no",
        }
        assert len(device.op("show devices connected").find("result/devices")) == 0

    def test_in_sync_by_a_push_and_out_of_sync_by_a_commit(self, world, outside, device, firewall):
        assert self.statuses(device) == ("yes", "Out of Sync", "Out of Sync")
        outside.panorama.push([firewall.serial])
        world.advance(241)
        assert self.statuses(device) == ("yes", "In Sync", "In Sync")
        assert len(firewall.received) == 1
        line = "set template-stack autoscale-stack config deviceconfig system timezone UTC"
        outside.panorama.operator_session([line])
        world.advance(31)
        assert self.statuses(device) == ("yes", "In Sync", "Out of Sync")
        world.advance(241)
        assert self.statuses(device) == ("yes", "In Sync", "In Sync")

    def test_membership_changes_put_nobody_out_of_sync(self, world, outside, device, firewall):
        outside.panorama.push([firewall.serial])
        world.advance(241)
        add(device, MANAGED, "2")
        add(device, GROUP, "2")
        commit(device)
        world.advance(31)
        assert self.statuses(device) == ("yes", "In Sync", "In Sync")

    def test_a_push_command_is_a_job_with_a_result_for_each_device(self, world, device, firewall):
        entry = f"<devices><entry name='{firewall.serial}'/></devices>"
        command = (
            "<commit-all><shared-policy><device-group><entry name='autoscale'>"
            f"{entry}</entry></device-group></shared-policy></commit-all>"
        )
        number = device.xapi.commit(cmd=command, action="all").findtext("result/job")
        world.advance(241)
        done = job(device, number)
        assert (done.findtext("type"), done.findtext("result")) == ("CommitAll", "OK")
        assert done.findtext("devices/entry/serial-no") == firewall.serial

    def test_commands_reach_a_firewall_through_target(self, outside, device, firewall):
        command = "<request><license><info/></license></request>"
        answer = device.xapi.op(command, extra_qs={"target": firewall.serial})
        assert answer.findtext("result") == f"{firewall.serial} obeys"
        outside.panorama.disconnect(firewall.serial)
        with pytest.raises(
            panos.errors.PanDeviceXapiError, match=f"{firewall.serial} not connected"
        ):
            device.xapi.op(command, extra_qs={"target": firewall.serial})

    def test_a_licensing_key_set_on_panorama_reaches_the_firewalls(self, device, firewall):
        command = "<request><license><api-key><set><key>K</key></set></api-key></license></request>"
        device.op(command, cmd_xml=False)
        assert firewall.commands == [command]
        with pytest.raises(panos.errors.PanDeviceXapiError, match="API key is same as old"):
            device.op(command, cmd_xml=False)

    def test_a_commit_that_removes_a_firewall_cuts_it_off(self, world, outside, device, firewall):
        for xpath in (STACK, GROUP, LOGS, MANAGED):
            device.xapi.delete(f"{xpath}/entry[@name='{firewall.serial}']")
        assert outside.panorama.devices.connected(firewall.serial)
        commit(device, "autoscale")
        world.advance(31)
        assert outside.panorama.devices.connected(firewall.serial) is None
        assert len(device.op("show devices all").find("result/devices")) == 0
        kinds = [entry.kind for entry in world.timeline.since()]
        assert kinds == [
            "device-connected",
            "device-removed",
            "commit-queued",
            "commit-finished",
            "device-disconnected",
        ]

    def test_high_availability_is_off(self, device):
        state = device.op("show high-availability state")
        assert state.findtext("result/enabled") == "no"


class TestOperatorSession:
    SWITCH_ON = (
        "set template-stack autoscale-stack config deviceconfig plugins vm_series"
        " aws-cloudwatch enabled yes"
    )

    def test_lines_are_entered_committed_and_pushed(self, world, outside, device):
        name = self.SWITCH_ON.replace("enabled yes", "name 'my namespace'")
        numbers = outside.panorama.operator_session([self.SWITCH_ON, name])
        assert job(device, numbers["commit"]).findtext("user") == "operator"
        world.advance(31)
        cloudwatch = device.xapi.show(
            references.path("template-stack", "autoscale-stack")
            + "/config/devices/entry[@name='localhost.localdomain']/deviceconfig/plugins/vm_series"
        ).find("result/vm_series/aws-cloudwatch")
        values = {child.tag: child.text for child in cloudwatch}
        assert values == {"enabled": "yes", "name": "my namespace"}
        world.advance(241)
        assert job(device, numbers["push"]).findtext("result") == "OK"

    def test_the_same_lines_again_change_nothing(self, world, outside):
        outside.panorama.operator_session([self.SWITCH_ON])
        world.advance(31)
        assert outside.panorama.operator_session([self.SWITCH_ON]) == {
            "commit": None,
            "push": None,
        }

    def test_members_entries_and_deletions(self, world, outside, device):
        outside.panorama.operator_session(
            [
                "set template-stack second templates [ autoscale-network ]",
                "set mgt-config devices 77",
                "set device-group autoscale devices 77",
            ]
        )
        world.advance(31)
        member = device.xapi.show(references.path("template-stack", "second") + "/templates")
        assert member.findtext("result/templates/member") == "autoscale-network"
        assert serials(device, "show", GROUP) == ["77"]
        outside.panorama.operator_session(
            ["delete device-group autoscale devices 77", "delete mgt-config devices 77"]
        )
        world.advance(31)
        assert serials(device, "show", MANAGED) == []

    @pytest.mark.parametrize(
        "line", ["", "show jobs all", "set nonsense x y", "set template-stack"]
    )
    def test_a_line_that_makes_no_change_stops_the_session(self, outside, device, line):
        with pytest.raises(panorama.cli.BadLineError):
            outside.panorama.operator_session([self.SWITCH_ON, line])
        assert device.op("check pending-changes").findtext("result") == "no"


class TestMisbehaviour:
    @pytest.mark.parametrize(
        ("knobs", "error", "text"),
        [
            ({"available": False}, panos.errors.PanURLError, "Connection refused"),
            ({"status": 502}, panos.errors.PanURLError, "code: 502"),
            ({"wrong_certificate": True}, panos.errors.PanURLError, "CERTIFICATE_VERIFY_FAILED"),
            ({"mode": "hanging"}, TimeoutError, "timed out"),
            ({"mode": "resetting"}, ConnectionError, "closed connection"),
            ({"mode": "truncating"}, Exception, "IncompleteRead"),
            (
                {"refuse": [{"text": "Session timed out", "code": 22}]},
                panos.errors.PanSessionTimedOut,
                "Session timed out",
            ),
        ],
    )
    def test_as_in_the_field_and_over_again(self, outside, device, knobs, error, text):
        device.timeout = 1
        outside.panorama.configure(**knobs)
        with pytest.raises(error, match=text):
            device.op("show system info")
        outside.panorama.configure(available=True, status=200, wrong_certificate=False)
        assert device.op("show system info").get("status") == "success"

    def test_a_name_that_is_not_in_the_certificate(self, outside, device):
        device.hostname = device.xapi.hostname = "somebody-else.example.com"
        device.xapi.uri = device.xapi.uri.replace(HOST, device.hostname)
        with pytest.raises(panos.errors.PanURLError, match="CERTIFICATE_VERIFY_FAILED"):
            device.op("show system info")

    def test_a_knob_that_does_not_exist(self, outside):
        with pytest.raises(ValueError, match="comit_seconds"):
            outside.panorama.configure(comit_seconds=1)
