"""The Panorama client and the peers of a pair."""

from __future__ import annotations

import pytest

from component.fakes.panorama_api import (
    REMOVALS,
    always,
)
from component.fakes.settings import of_server
from component.fakes.xml_server import Answer, XmlApi, credentials, error
from vmseries_autoscale.errors import (
    DeviceAccessError,
    DeviceBusyError,
    DeviceUnavailableError,
)
from vmseries_autoscale.panorama.client import PanOsPanorama, connect_to_active

UNREACHABLE = "127.0.0.2"  # The server listens on 127.0.0.1 only.


def connect_to_pair(api: XmlApi, first: str = "localhost") -> PanOsPanorama:
    """Connect to the active peer of a pair; the second peer is the server."""
    return connect_to_active(of_server(api, hostnames=(first, "localhost")), credentials(api))


def ha(state: str) -> str:
    """The response that shows a peer in this state of high availability."""
    return (
        '<response status="success"><result><enabled>yes</enabled><local-info>'
        f"<state>{state}</state></local-info></result></response>"
    )


@pytest.mark.documents(id="failure-modes/D7")
@pytest.mark.documents(id="panorama/pair/active")
@pytest.mark.parametrize(
    ("states", "requests"),
    [
        (["primary-active"], 1),
        (["primary-passive", "secondary-active"], 2),
        (["primary-suspended", "secondary-active"], 2),
    ],
)
def test_the_active_peer_is_used(api: XmlApi, states: list[str], requests: int) -> None:
    api.answers(*(ha(state) for state in states))
    connect_to_pair(api)
    assert len(api.requests) == requests


def test_without_high_availability_the_first_host_is_used(api: XmlApi) -> None:
    api.answers('<response status="success"><result><enabled>no</enabled></result></response>')
    connect_to_pair(api)
    assert len(api.requests) == 1


@pytest.mark.documents(id="panorama/pair/active")
def test_a_peer_that_does_not_respond_is_skipped(api: XmlApi) -> None:
    api.answers(ha("secondary-active"))
    connect_to_pair(api, UNREACHABLE)
    assert len(api.requests) == 1


@pytest.mark.documents(id="panorama/pair/active")
@pytest.mark.parametrize(
    "answer",
    [Answer(status=403), Answer(error("Session timed out", "22")), Answer(status=502)],
    ids=["another key", "busy", "no answer"],
)
def test_a_peer_without_a_readable_state_is_skipped(api: XmlApi, answer: Answer) -> None:
    api.answers(answer, Answer(ha("secondary-active")))
    connect_to_pair(api)
    assert len(api.requests) == 2


@pytest.mark.documents(id="panorama/pair/only-passive")
def test_the_error_of_the_first_silent_peer_is_raised_if_none_is_active(api: XmlApi) -> None:
    api.answers(Answer(status=403), Answer(ha("secondary-passive")))
    with pytest.raises(DeviceAccessError):
        connect_to_pair(api)


@pytest.mark.documents(id="panorama/pair/turns-passive")
def test_after_a_failover_the_next_connection_is_to_the_other_peer(api: XmlApi) -> None:
    api.answers(ha("primary-active"), error("Operation denied", "15"))
    panorama = connect_to_pair(api)
    for write in (
        lambda: panorama.remove_all(REMOVALS, always),
        lambda: panorama.commit("description"),
        panorama.revert,
    ):
        with pytest.raises(DeviceBusyError):
            write()
    api.answers(ha("primary-passive"), ha("secondary-active"))
    api.requests.clear()
    connect_to_pair(api)
    assert len(api.requests) == 2


@pytest.mark.documents(id="panorama/pair/none-active")
def test_a_pair_without_an_active_peer_is_busy(api: XmlApi) -> None:
    api.answers(ha("primary-passive"))
    with pytest.raises(DeviceBusyError):
        connect_to_pair(api)


@pytest.mark.documents(id="failure-modes/D7")
@pytest.mark.documents(id="panorama/pair/only-passive")
def test_a_passive_peer_is_not_used_when_the_other_is_down(api: XmlApi) -> None:
    api.answers(ha("secondary-passive"))
    with pytest.raises(DeviceUnavailableError):
        connect_to_pair(api, UNREACHABLE)
