"""Responses of a hostile PAN-OS device."""

import http.client
import ssl
import time
import urllib.parse
from unittest import mock

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


class SlowSocket:
    """A socket whose response comes slowly."""

    lab_seconds_per_byte = 2.0

    def __init__(self, timeout):
        self._timeout = timeout

    def gettimeout(self):
        return self._timeout


@pytest.mark.parametrize(("timeout", "slept"), [(None, 2.0), (3.0, 2.0), (1.5, 1.5)])
def test_each_byte_of_a_slow_response_takes_lab_time(timeout, slept):
    sleeping, before = mock.Mock(), time.time()
    held = runtime_bootstrap.HeldResponses(sleeping)
    read = held._slowing(lambda _socket, length, _buffer: b"x" * length)
    if timeout == slept:
        with pytest.raises(TimeoutError):
            read(SlowSocket(timeout), 100)
    else:
        assert read(SlowSocket(timeout), 100) == b"x"
    (until,) = sleeping.sleep_until.call_args.args
    assert before <= until - slept <= time.time()


def test_other_responses_are_not_slow():
    held = runtime_bootstrap.HeldResponses(mock.Mock())
    assert held._slowing(lambda _socket, length, _buffer: length)(object(), 100) == 100
