"""Failures of the lab's Panorama as they occur on real servers."""

from concurrent.futures import ThreadPoolExecutor

import panos.errors
import pytest
from panorama_lab import HOST, ask, panorama_lab

from vmseries_lab.panorama import initial_config, lab_settings

INFO = "<show><system><info/></system></show>"


@pytest.fixture
def site():
    with panorama_lab() as site:
        yield site


class TestMisbehavior:
    @pytest.mark.parametrize(
        ("settings", "error", "text"),
        [
            ({"available": False}, panos.errors.PanURLError, "Connection refused"),
            ({"status": 502}, panos.errors.PanURLError, "code: 502"),
            ({"wrong_certificate": True}, panos.errors.PanURLError, "CERTIFICATE_VERIFY_FAILED"),
            ({"mode": "hanging"}, TimeoutError, "timed out"),
            # The second text is that of Python 3.13.
            ({"mode": "resetting"}, ConnectionError, "closed connection|reset by peer"),
            ({"mode": "truncating"}, Exception, "IncompleteRead"),
            (
                {"inject_errors": [{"text": "Session timed out", "code": 22}]},
                panos.errors.PanSessionTimedOut,
                "Session timed out",
            ),
        ],
    )
    def test_as_in_the_field_and_over_again(self, site, settings, error, text):
        site.device.timeout = 1
        lab_settings.configure(site.vendor.panorama, **settings)
        with pytest.raises(error, match=text):
            site.device.op("show system info")
        lab_settings.configure(
            site.vendor.panorama, available=True, status=200, wrong_certificate=False
        )
        assert site.device.op("show system info").get("status") == "success"

    def test_more_requests_at_once_than_it_answers(self, site):
        def status(_number):
            return ask(site.vendor, type="op", cmd=INFO, key=initial_config.AUTOSCALE.key)[0]

        assert status(0) == 200
        lab_settings.configure(site.vendor.panorama, delay_seconds=0.2, requests_at_once=2)
        with ThreadPoolExecutor(3) as three:
            statuses = sorted(three.map(status, range(3)))
        assert statuses == [200, 200, 502]
        assert site.vendor.panorama.state()["most_requests_at_once"] == 3

    def test_a_name_that_is_not_in_the_certificate(self, site):
        site.device.hostname = site.device.xapi.hostname = "other-host.example.com"
        site.device.xapi.uri = site.device.xapi.uri.replace(HOST, site.device.hostname)
        with pytest.raises(panos.errors.PanURLError, match="CERTIFICATE_VERIFY_FAILED"):
            site.device.op("show system info")

    def test_an_unknown_setting_is_rejected(self, site):
        with pytest.raises(ValueError, match="comit_seconds"):
            lab_settings.configure(site.vendor.panorama, comit_seconds=1)
