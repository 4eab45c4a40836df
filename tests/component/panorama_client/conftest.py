"""The Panorama client, and the server that it talks to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from component.fakes.settings import of_server
from component.fakes.xml_server import Answer, XmlApi, credentials
from vmseries_autoscale.panorama.client import PanOsPanorama, connect_to_active


@pytest.fixture
def api() -> Iterator[XmlApi]:
    with XmlApi() as server:
        yield server


@pytest.fixture
def panorama(api: XmlApi, request: pytest.FixtureRequest) -> PanOsPanorama:
    callspec = getattr(request.node, "callspec", None)
    answer = callspec.params.get("answer") if callspec else None
    if isinstance(answer, Answer):
        api.answers(answer)  # Sets the timeout of the client.
    return connect_to_active(of_server(api), credentials(api))
