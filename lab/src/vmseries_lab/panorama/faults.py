"""The log of XML API requests, and their faults.

In the log and in faults, a request is a call of service ``panorama`` or ``firewall``. The action is
that of a configuration request (``delete``), the first word of a command (``show``) or ``commit``.
The subject is the rest, in names that are the same in every run.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring

from vmseries_lab.aws.requests import Fault, RequestPipeline, role_of
from vmseries_lab.net.held_responses import delay
from vmseries_lab.net.https import Intercept, Request, Response
from vmseries_lab.panorama import request_log
from vmseries_lab.panorama.responses import ApiError, render
from vmseries_lab.panorama.service import Panorama

SERVICE = "panorama"
BUSY = "Timed out while getting config lock. Please try again."
"""Response to a request with the fault ``throttle``; Panorama has no throttling of its own."""
_PLACES = re.compile("template-stack|device-group|log-collector-group|mgt-config")


def name_of(parameters: dict[str, str]) -> tuple[str, str]:
    """Return action and subject of an XML API request."""
    kind = parameters.get("type", "")
    if kind == "config":
        place = _PLACES.search(parameters.get("xpath", ""))
        return parameters.get("action", ""), place[0] if place else ""
    if kind != "op":
        return kind, ""
    try:
        words = list(request_log.words(fromstring(parameters.get("cmd", ""))))
    except ParseError:
        return kind, ""
    return words[0], " ".join(words[1:])


def install(panorama: Panorama, pipeline: RequestPipeline) -> None:
    """Log Panorama's requests and apply faults to them."""
    panorama.intercept(interceptor(pipeline, SERVICE))


def interceptor(pipeline: RequestPipeline, service: str) -> Intercept:
    """Return an intercept that logs XML API requests as calls of ``service`` and applies faults."""

    def note(action: str, sent: int, subject: str) -> None:
        pipeline.world.timeline.add(
            service, "response-replaced", f"{action} {subject}".strip(), sent=sent
        )

    def intercept(
        request: Request, connection: socket.socket, effect: Callable[[], Response]
    ) -> Response | None:
        action, subject = name_of(request.parameters)
        access_key = pipeline.caller(connection.getpeername()[1])
        role = role_of(access_key)
        call = pipeline.vendor_calls.add(
            service, action, {}, subject=subject, access_key=access_key, role=role
        )
        hits = pipeline.faults.take(service, action, role, subject)
        response: Response | None
        for when in ("before", "after"):
            if when == "after":
                response = effect()
                call.status = response.status
            for fault in (fault for fault in hits if fault.when == when):
                if fault.kind == "late":
                    clock = pipeline.world.clock
                    pipeline.late.hold(connection, request.headers, fault.seconds, clock)
                elif fault.kind == "delay":
                    delay(connection, request.headers, fault.seconds, pipeline.world.clock)
                elif fault.kind == "crash":
                    pipeline.crash(access_key)
                    return None
                elif fault.kind == "replace":
                    return _replaced(fault, lambda sent: note(action, sent, subject))
                else:
                    return _faulty_response(fault)
        return response

    return intercept


def _replaced(fault: Fault, sent: Callable[[int], None]) -> Response:
    return Response(
        fault.body.encode(),
        fault.content_type,
        fault.status,
        headers=fault.headers,
        repeat=fault.repeat,
        seconds_per_byte=fault.seconds_per_byte,
        sent=sent,
    )


def _faulty_response(fault: Fault) -> Response | None:
    """Return the response of a fault, ``None`` for a connection reset."""
    if fault.kind == "throttle":
        return Response(render(ApiError(BUSY, code=13).answer()))
    if fault.kind == "http-500":
        return Response(b"<html><body>Internal Server Error</body></html>", "text/html", 500)
    if fault.kind == "error":
        return Response(render(ApiError(fault.message).answer()))
    return None
