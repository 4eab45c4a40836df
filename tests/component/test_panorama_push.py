"""Pushes by the Panorama client."""

from __future__ import annotations

import pytest
from defusedxml.ElementTree import fromstring, tostring

from component.fakes.settings import of_panorama
from component.fakes.xml_server import XmlApi, credentials, error
from vmseries_autoscale.errors import DeviceBusyError
from vmseries_autoscale.panorama import Push
from vmseries_autoscale.panorama.client import connect_to_active

QUEUED = (
    '<response status="success" code="19"><result><msg><line>Job enqueued with jobid 23</line>'
    "</msg><job>23</job></result></response>"
)
JOBS = """<response status="success"><result>
<job><id>20</id><type>CommitAll</type><status>FIN</status><result>FAIL</result>
<description>fw: push to 001 002</description><devices>
  <entry><serial-no>001</serial-no><result>OK</result><details><line>done</line></details></entry>
  <entry><serial-no>002</serial-no><result>FAIL</result><details><msg><errors>
    <line>zone untrust is invalid</line><line>Commit failed</line></errors></msg></details></entry>
</devices></job>
<job><id>21</id><type>Commit</type><status>ACT</status></job>
<job><id>22</id><type>CommitAll</type><status>ACT</status><result>PEND</result>
<description>fw: push to 001 002</description></job>
<job><id>23</id><type>CommitAll</type><status>ACT</status><result>PEND</result></job>
</result></response>"""


@pytest.mark.documents(id="readiness/gate/push")
def test_a_push_names_only_its_firewalls() -> None:
    with XmlApi() as api:
        api.answers(QUEUED)
        panorama = connect_to_active(of_panorama(api.port), credentials(api))
        assert panorama.push({"002", "001"}, "fw") == "23"
        (request,) = api.requests
    assert (request["type"], request["action"]) == ("commit", "all")
    expected = (
        "<commit-all><shared-policy><description>fw: push to 001 002</description>"
        "<device-group><entry name='DG'><devices><entry name='001'/>"
        "<entry name='002'/></devices></entry></device-group><include-template>yes"
        "</include-template></shared-policy></commit-all>"
    )
    assert tostring(fromstring(request["cmd"])) == tostring(fromstring(expected))


def test_a_push_during_a_commit_is_a_busy_error() -> None:
    with XmlApi() as api:
        api.answers(error("A commit is pending. Please try again later.", "13"))
        with pytest.raises(DeviceBusyError):
            connect_to_active(of_panorama(api.port), credentials(api)).push({"001"}, "fw")


def test_pushes_are_read_from_the_job_list() -> None:
    with XmlApi() as api:
        api.answers(JOBS)
        pushes = connect_to_active(of_panorama(api.port), credentials(api)).pushes("fw")
    failures = {"002": "zone untrust is invalid Commit failed"}
    both = frozenset({"001", "002"})
    assert pushes == [Push("22", False, {}, both), Push("20", True, failures, both)]
