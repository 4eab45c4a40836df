"""What a walk prints, and its exit status."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from xml.etree.ElementTree import tostring

import pytest
from rich.console import Console
from walk_models import NETWORK, SCOPE, running, site

from vmseries_scenarios.packet_walk import main, report
from vmseries_scenarios.packet_walk.flows import Result
from vmseries_scenarios.packet_walk.main import Read
from vmseries_scenarios.packet_walk.site import Site

Walk = Callable[..., tuple[int, str]]


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Walk:
    """Walk a site as `walk-account` does, and return the exit status and what it prints."""
    outputs, configuration = tmp_path / "outputs.json", tmp_path / "config.xml"
    outputs.write_text(json.dumps({"autoscaling_group": {"value": {"name": "edge"}}}))
    configuration.write_text("<config/>")

    def run(found: Site, panorama: IPv4Address | None = None) -> tuple[int, str]:
        monkeypatch.setattr(main, "read", lambda *_args, **_options: Read(found, SCOPE))
        text = io.StringIO()
        console = Console(file=text, width=240)
        status = main.run_account(
            outputs, configuration, overlay_routing=True, panorama=panorama, console=console
        )
        return status, text.getvalue()

    return run


def test_a_deployment_whose_flows_all_pass(walk: Walk) -> None:
    status, text = walk(site("two-arm"))
    assert status == 0
    assert "9 of 9" in text
    assert "spoke to internet" in text


def test_a_private_panorama_needs_a_route(walk: Walk) -> None:
    status, text = walk(site("two-arm"), panorama=IPv4Address("192.168.7.10"))
    assert status == 1
    assert "firewall to Panorama: i-a" in text


def test_the_region_is_that_of_terraform_and_the_aws_cli(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 alone ignores AWS_REGION."""
    regions = []
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(main.boto3, "Session", lambda **given: regions.append(given["region_name"]))
    walk(site("two-arm"))
    assert regions == ["eu-west-1"]


def test_a_failed_flow_is_named_and_sets_the_exit_status(walk: Walk) -> None:
    route = "virtual-router vr-untrust routing-table ip static-route private-10-0-0-0-8"
    status, text = walk(site("two-arm", f"delete {NETWORK} {route}"))
    assert status == 1
    assert "spoke to internet: a to internet, i-a" in text
    assert "0 of 9" in text


@pytest.mark.parametrize(
    ("outputs", "sentence"),
    [
        (None, "No such file or directory"),
        ("terraform: command not found", "Expecting value"),
        ('{"vpc_id": {"value": "vpc-1"}}', "is not of an example: it has no output 'autoscaling_"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    tmp_path: Path, outputs: str | None, sentence: str
) -> None:
    file, configuration = tmp_path / "outputs.json", tmp_path / "config.xml"
    if outputs is not None:
        file.write_text(outputs)
    configuration.write_bytes(tostring(running("two-arm")))
    text = io.StringIO()
    console = Console(file=text, width=240)
    assert main.run_account(file, configuration, overlay_routing=True, console=console) == 1
    assert sentence in text.getvalue()


def test_nothing_to_walk_is_a_failure(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Read, "walk", lambda _self: [])
    assert walk(site("two-arm"))[0] == 1


def test_the_markdown_table_names_virtual_routers_instead_of_firewalls() -> None:
    hops = ("app", "firewall i-1 (rule; vr-data: public-1, vr-untrust: DHCP default)", "internet")
    back = ("internet", "firewall i-1 (tunnel)", "app")
    table = report.markdown(
        [Result("flow", "one", hops, back), Result("flow", "two", hops, back, "dropped")]
    )
    assert table.splitlines()[2:] == [
        (
            "| flow | 1 of 2 | app → firewall (vr-data, vr-untrust) → internet "
            "| internet → firewall (tunnel) → app |"
        )
    ]


@pytest.mark.parametrize("plant", main.PLANTS)
def test_each_planted_fault_in_panorama_is_found_in_two_arm(walk: Walk, plant: str) -> None:
    assert walk(site("two-arm", main.PLANTS[plant]))[0] == 1
