"""The log of requests to Panorama, and their faults.

They are calls of a service ``panorama``: the action is the configuration's (``delete``), the
command's first word (``show``) or ``commit``; the subject is what it is about, by names that are
the same in every run.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from vmseries_lab.aws.requests import Fault, RequestPipeline, role_of
from vmseries_lab.net.held_responses import delay
from vmseries_lab.net.https import Intercept, Request, Response
from vmseries_lab.panorama.responses import ApiError, render
from vmseries_lab.panorama.service import Panorama

SERVICE = "panorama"
BUSY = "Timed out while getting config lock. Please try again."
"""Panorama's response to too many requests: it has no throttling of its own."""
_PLACES = re.compile("template-stack|device-group|log-collector-group|mgt-config")


def name_of(parameters: dict[str, str]) -> tuple[str, str]:
    """Action and subject of a request of the XML API."""
    kind = parameters.get("type", "")
    if kind == "config":
        place = _PLACES.search(parameters.get("xpath", ""))
        return parameters.get("action", ""), place[0] if place else ""
    if kind != "op":
        return kind, ""
    try:
        words = list(_words(fromstring(parameters.get("cmd", ""))))
    except ParseError:
        return kind, ""
    return words[0], " ".join(words[1:])


def _words(command: Element) -> list[str]:
    """The command as one would type it, without its arguments."""
    words = [command.tag]
    while len(command) and not (command.text or "").strip():
        command = command[0]
        words.append(command.tag)
    return words


def install(panorama: Panorama, gate: RequestPipeline) -> None:
    """Let Panorama's requests pass through the gate, too."""
    panorama.intercept(interceptor(gate, SERVICE))


def interceptor(gate: RequestPipeline, service: str) -> Intercept:
    """What lets requests of the XML API pass through the gate, as calls of a service."""

    def intercept(
        request: Request, connection: socket.socket, effect: Callable[[], Response]
    ) -> Response | None:
        action, subject = name_of(request.parameters)
        access_key = gate.caller(connection.getpeername()[1])
        role = role_of(access_key)
        call = gate.outside.add(
            service, action, {}, subject=subject, access_key=access_key, role=role
        )
        hits = gate.faults.take(service, action, role, subject)
        response: Response | None
        for when in ("before", "after"):
            if when == "after":
                response = effect()
                call.status = response.status
            for fault in (fault for fault in hits if fault.when == when):
                if fault.kind == "late":
                    gate.late.hold(connection, request.headers, fault.seconds, gate.world.clock)
                elif fault.kind == "delay":
                    delay(connection, request.headers, fault.seconds, gate.world.clock)
                elif fault.kind == "crash":
                    gate.crash(access_key)
                    return None
                else:
                    return _struck(fault)
        return response

    return intercept


def _struck(fault: Fault) -> Response | None:
    if fault.kind == "throttle":
        return Response(render(ApiError(BUSY, code=13).answer()))
    if fault.kind == "http-500":
        return Response(b"<html><body>Internal Server Error</body></html>", "text/html", 500)
    if fault.kind == "error":
        return Response(render(ApiError(fault.message).answer()))
    return None
