"""A served lab: the commands, and the client that attaches to it."""

from __future__ import annotations

import http.server
import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from account import Account
from defusedxml.ElementTree import fromstring
from typer.testing import CliRunner

from vmseries_lab import served, views
from vmseries_lab.cli import app
from vmseries_lab.client import DEPLOYMENT_TAG, Lab, LabError, Leftovers
from vmseries_lab.client.lab import STARTED
from vmseries_lab.core.timeline import Entry

pytestmark = pytest.mark.lab

SOURCE = Path(__file__).resolve().parents[1] / "src"
SERVE = """
import sys
from pathlib import Path
from vmseries_lab import served
from vmseries_lab.cli import app
served.FOLDER = Path(sys.argv[1])
app(["serve", "--pace", "-1"])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the served labs of these tests have their records."""
    return tmp_path_factory.mktemp("labs")


@pytest.fixture(autouse=True)
def own_records(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records of labs that a developer serves from this checkout stay out of the tests."""
    monkeypatch.setattr(served, "FOLDER", folder)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture(scope="module")
def introduction(folder: Path) -> Iterator[list[str]]:
    """What a lab prints that is served while the tests of this file run; its clock stands still."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder)],
        env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin", "AWS_REGION": "eu-west-1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield [server.stdout.readline() for _ in range(3)]
        server.terminate()
        assert server.wait(30) == 0
    assert list(folder.iterdir()) == [], "its record is gone with it"


@pytest.fixture
def endpoint(introduction: list[str]) -> str:
    """The endpoint of the served lab."""
    return introduction[0].split()[4].rstrip(",")


@pytest.fixture
def run(endpoint: str) -> Callable[..., str]:
    """Runs a command without naming the lab; returns what it prints."""

    def run(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == code, result.output
        return str(result.output)

    return run


def test_a_served_lab_says_where_it_is_and_how_to_use_it(introduction: list[str]) -> None:
    first, second, third = introduction
    assert first.startswith("The lab listens at http://127.0.0.1:")
    assert "as eu-west-1; its clock is stopped" in first
    assert "lab/bin/vmseries-lab environment" in second
    assert "Ctrl-C" in third


def test_the_environment_leads_a_shell_to_the_lab_only(
    run: Callable[..., str], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.com")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # a lab that has ended
    script = f"{run('environment')}\nenv"
    shell = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True)
    variables = dict(line.split("=", 1) for line in shell.stdout.splitlines() if "=" in line)
    assert variables["AWS_ENDPOINT_URL"] == endpoint
    assert variables["AWS_REGION"] == variables["TF_VAR_region"] == "eu-west-1"
    assert "AWS_PROFILE" not in variables
    assert "AWS_ENDPOINT_URL_S3" not in variables


def test_time_passes_by_commands(run: Callable[..., str], endpoint: str) -> None:
    before = Lab.at(endpoint).now()
    assert run("advance", "3600").endswith("UTC, stopped\n")
    assert Lab.at(endpoint).now() - before == pytest.approx(3600)
    try:
        assert run("pace", "59").endswith("UTC, 60 lab seconds per second\n")
        assert "60 lab seconds" in run("clock")
    finally:
        assert run("pace", "-1").endswith("UTC, stopped\n")
    assert "greater than or equal to 0" in run("advance", "--", "-5", code=2)


def test_faults_are_added_listed_and_cleared(run: Callable[..., str], endpoint: str) -> None:
    run("faults", "add", "ec2", "RunInstances", "code=Unavailable", "status=503", "count=null")
    run("faults", "add", "events", "Deliver", "kind=drop")
    ours, dropped = json.loads(run("faults", "list", "--json"))
    assert (ours["code"], ours["status"], ours["count"]) == ("Unavailable", 503, None)
    assert (dropped["kind"], dropped["count"]) == ("drop", 1)
    table = run("faults", "list").splitlines()
    assert table[1].split()[:5] == ["ec2", "RunInstances", "error", "all", "code=Unavailable,"]
    assert table[2].split() == ["events", "Deliver", "drop", "1"]
    run("faults", "clear")
    assert Lab.at(endpoint).faults.listed() == []
    assert "unknown kind of fault" in run("faults", "add", "ec2", "*", "kind=evil", code=1)
    assert "is not SETTING=VALUE" in run("faults", "add", "ec2", "*", "evil", code=2)


def test_the_curl_command_shows_the_configuration_of_panorama(run: Callable[..., str]) -> None:
    devices = run("panorama", "--xpath", "/config/mgt-config/devices")
    assert "--cacert" in devices
    answer = subprocess.run(shlex.split(devices), check=True, capture_output=True, text=True)
    assert fromstring(answer.stdout).get("status") == "success"
    answer = subprocess.run(
        shlex.split(run("panorama", "<show><system><info/></system></show>")),
        check=True,
        capture_output=True,
        text=True,
    )
    assert fromstring(answer.stdout).findtext("result/system/hostname") == "panorama"


def test_what_happened_and_what_is_there(run: Callable[..., str], endpoint: str) -> None:
    lab = Lab.at(endpoint)
    assert run("errors") == "The lab itself had no error.\n"
    assert "offered: 100, carried: 0" in run("sessions", "100")
    assert "offered: 100" in run("sessions")
    assert json.loads(run("firewalls", "--json")) == []
    lab.aws.client("cloudwatch").put_metric_alarm(
        AlarmName="quiet",
        AlarmDescription="Nobody speaks.",
        Namespace="Tests",
        MetricName="Words",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
    )
    lab.advance(120)
    assert run("alarms").splitlines()[1].split(maxsplit=2) == ["ALARM", "quiet", "Nobody speaks."]
    (alarm,) = json.loads(run("alarms", "--json"))
    assert alarm["state"] == "ALARM"
    lab.aws.client("cloudwatch").put_metric_data(
        Namespace="Tests", MetricData=[{"MetricName": "Words", "Value": 1.0}]
    )
    lab.advance(60)
    assert run("alarms") == "None of 1 alarms is in ALARM.\n"
    assert run("alarms", "--all").splitlines()[1].split()[:2] == ["OK", "quiet"]
    entries = json.loads(run("timeline", "--json"))
    assert [Entry(**entry) for entry in entries] == lab.timeline()
    assert json.loads(run("timeline", "--last", "1", "--json")) == entries[-1:]
    changes = run("timeline", "--kind", "alarm-state", "--subject", "quiet").splitlines()
    assert [line.rstrip().split(maxsplit=5)[3:] for line in changes[1:]] == [
        ["alarm-state", "quiet", f"from={before}, to={after}"]
        for before, after in (("INSUFFICIENT_DATA", "ALARM"), ("ALARM", "OK"))
    ]


def test_secrets_set_commands_and_invocations(run: Callable[..., str], endpoint: str) -> None:
    lab = Lab.at(endpoint)
    assert f"authcodes={lab.auth_code}" in run("secret", "bootstrap").splitlines()
    assert "vm-auth-key=wrong" in run("secret", "bootstrap", "vm-auth-key=wrong").splitlines()
    assert lab.aws.secret("bootstrap")["authcodes"] == lab.auth_code

    commands = ["set device-group second", "# a comment", "set device-group third"]
    for text in ("\n".join(commands), json.dumps(commands)):
        result = CliRunner().invoke(app, ["set-commands"], input=text)
        assert result.output == "Entered and committed 3 lines.\n", result.output
    lab.advance(120)  # a commit takes its time
    groups = lab.panorama.request(
        type="config",
        action="show",
        xpath="/config/devices/entry[@name='localhost.localdomain']/device-group",
    )
    assert {"second", "third"} <= {entry.get("name") for entry in groups.iter("entry")}

    account = Account(lab)
    echo = account.function("def handler(event, context):\n    return event['action']\n")
    assert run("invoke", echo.rpartition(":")[2], "report") == '"report"\n'
    assert "KeyError" in run(
        "invoke",
        account.function("def handler(event, context):\n    return event['none']\n").rpartition(
            ":"
        )[2],
        "report",
        code=1,
    )


def test_an_attached_client_counts_what_is_held(run: Callable[..., str], endpoint: str) -> None:
    with Lab.at(endpoint) as lab:
        ec2 = lab.aws.client("ec2")
        tags = [{"Key": DEPLOYMENT_TAG, "Value": "fw"}]
        address = ec2.allocate_address(
            Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}]
        )
        assert lab.leftovers() == Leftovers(0, 1, 0, 0)
        assert run("leftovers") == (
            "leftovers: 0 interfaces, 1 addresses, 0 licenses, 0 Panorama entries\n"
        )
        ec2.release_address(AllocationId=address["AllocationId"])
    assert set(json.loads(run("leftovers", "--json")).values()) == {0}


def test_an_attached_client_does_not_stop_the_lab(endpoint: str) -> None:
    started = list(STARTED)
    with Lab.at(f"{endpoint}/") as lab:
        assert (lab.region, lab.partition) == ("eu-west-1", "aws")
        calls = lab.validation().calls
    lab.stop()
    assert lab.validation().calls == calls, "the last report"
    assert lab.log() == ""
    with pytest.raises(LabError, match="not running"):
        lab.now()
    assert Lab.at(endpoint).now() > 0
    assert started == STARTED, "whoever started it checks what it refused"


def test_an_attached_client_finds_hosts_that_others_have_added(endpoint: str) -> None:
    first, second = Lab.at(endpoint), Lab.at(endpoint)
    first.panorama.make_pair()
    first.panorama.fail_over()
    second.advance(15)
    assert second.panorama.state()["active"] == "panorama-2.example.com"
    assert second.leftovers().panorama_entries == 0
    second.panorama.configure(peer="primary", available=True)
    second.panorama.fail_over("suspended")
    second.panorama.configure(peer="secondary", available=True)


def test_several_labs_must_be_told_apart(run: Callable[..., str], endpoint: str, lab: Lab) -> None:
    with served.recorded({"endpoint": lab.endpoint, "pid": lab._server.pid}):
        message = run("clock", code=1)
        assert "Several labs are served" in message
        assert endpoint in message
        assert lab.endpoint in message
        run("clock", "--endpoint", lab.endpoint)
    run("clock")


def test_the_record_of_a_lab_that_was_killed_is_removed(
    run: Callable[..., str], endpoint: str, folder: Path
) -> None:
    dead = {"endpoint": "http://127.0.0.1:1", "pid": 1}
    (folder / "1.json").write_text(json.dumps(dead))
    other = {"endpoint": endpoint, "pid": 1}  # its port was taken by another lab
    (folder / "2.json").write_text(json.dumps(other))
    run("clock")
    assert not (folder / "1.json").exists()
    assert not (folder / "2.json").exists()


def test_without_a_lab_a_command_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "FOLDER", tmp_path)
    result = CliRunner().invoke(app, ["firewalls"])
    assert result.exit_code == 1
    assert "No lab is served. Start one with `make serve`" in result.output
    result = CliRunner().invoke(app, ["environment"])
    assert result.exit_code == 1
    assert "export AWS_ENDPOINT_URL=http://no-lab-is-served.invalid" in result.stdout, (
        "what follows an eval must not reach an account"
    )
    result = CliRunner().invoke(app, ["firewalls"], env={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert "No lab answers at http://127.0.0.1:1" in result.output
    assert "no lab is served now" in result.output


@pytest.mark.parametrize("url", ["https://ec2.amazonaws.com", "http://localhost:port", "nonsense"])
def test_what_cannot_be_the_endpoint_of_a_lab_is_refused(url: str) -> None:
    with pytest.raises(LabError, match="is not the endpoint of a lab"):
        Lab.at(url)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"error": "none"}'])
def test_another_server_is_not_taken_for_a_lab(body: bytes) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with pytest.raises(LabError, match="is not a lab"):
            Lab.at(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


def test_the_table_of_firewalls_says_how_far_each_is(run: Callable[..., str]) -> None:
    firewall = {
        "instance_id": "i-1",
        "zone": "eu-west-1a",
        "lifecycle": "Pending:Wait",
        "serial": "",
        "licensed": False,
        "connected": False,
        "in_sync": False,
        "target": "initial",
        "sessions": 0,
    }
    serving = firewall | {"serial": "007", "licensed": True, "connected": True, "sessions": 1200}
    table = views.firewalls_table([firewall, serving, serving | {"in_sync": True}])
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert rows[0] == ("i-1", "eu-west-1a", "Pending:Wait", "-", "-", "-", "initial", "0")
    assert rows[1][3:] == ("007", "active", "connected", "initial", "1,200")
    assert rows[2][5] == "in sync"
