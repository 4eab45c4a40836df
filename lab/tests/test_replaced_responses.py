"""Responses of a hostile PAN-OS device."""

import http.client
import io
import ssl
import urllib.parse

import pytest
from panorama_lab import HOST, panorama_lab

from vmseries_lab.aws.lambda_ import runtime_bootstrap
from vmseries_lab.aws.requests import Calls, Fault, Faults, RequestPipeline
from vmseries_lab.net import https
from vmseries_lab.panorama import faults, initial_config

INFO = "<show><system><info/></system></show>"


@pytest.fixture
def site():
    with panorama_lab() as site:
        site.pipeline = RequestPipeline(site.world, Calls(site.world), Faults())
        faults.install(site.vendor.panorama, site.pipeline)
        yield site


def ask(site, read):
    """Send a request to Panorama; return the response and what ``read`` returns for it."""
    context = ssl.create_default_context(cadata=site.vendor.authority.pem)
    port = site.vendor.panorama.peers[0].server.port
    connection = http.client.HTTPSConnection(HOST, port, context=context)
    form = {"type": "op", "cmd": INFO, "key": initial_config.AUTOSCALE.key}
    connection.request("POST", "/api/", urllib.parse.urlencode(form))
    response = connection.getresponse()
    try:
        return response, read(response)
    finally:
        connection.close()


def sent(site):
    entries = site.world.timeline.since()
    return [entry.detail["sent"] for entry in entries if entry.kind == "response-replaced"]


def test_a_response_is_replaced_once(site):
    site.pipeline.faults.add(
        Fault(
            "panorama",
            "show",
            kind="replace",
            body="odd",
            status=302,
            content_type="text/plain",
            headers={"Location": "http://elsewhere.example.com/"},
        )
    )
    response, body = ask(site, http.client.HTTPResponse.read)
    assert (response.status, body) == (302, b"odd")
    assert response.headers["Content-Type"] == "text/plain"
    assert response.headers["Location"] == "http://elsewhere.example.com/"
    assert sent(site) == [3]
    assert b"success" in ask(site, http.client.HTTPResponse.read)[1]


def test_a_body_is_repeated(site):
    site.pipeline.faults.add(
        Fault("panorama", kind="replace", body="0123456789", repeat=3, status=200)
    )
    assert ask(site, http.client.HTTPResponse.read)[1] == b"0123456789" * 3
    assert sent(site) == [30]


def test_a_response_without_end_ends_with_the_connection(site, monkeypatch):
    monkeypatch.setattr(https, "ENDLESS_BYTES", 64 << 20)
    site.pipeline.faults.add(
        Fault("panorama", kind="replace", body="x", repeat=None, status=200, count=2)
    )
    response, body = ask(site, lambda response: response.read(1 << 20))
    assert response.headers["Content-Length"] is None
    assert len(body) == 1 << 20
    assert len(ask(site, http.client.HTTPResponse.read)[1]) == 64 << 20
    assert sent(site)[-1] == 64 << 20


def test_only_pan_os_devices_have_replaced_responses():
    with pytest.raises(ValueError, match="panorama and firewall only"):
        Fault("ec2", "DescribeInstances", kind="replace", body="odd")


def test_each_byte_of_a_slow_body_takes_lab_time():
    class Sleeping:
        until = []

        def sleep_until(self, instant):
            self.until.append(instant)

    body = io.BufferedReader(
        runtime_bootstrap.SlowBody(io.BytesIO(b"0123"), 1.0, Sleeping()), buffer_size=1
    )
    assert body.read1(100) == b"0"
    assert body.read(2) == b"12"
    assert len(Sleeping.until) == 3
    assert body.read() == b"3"
