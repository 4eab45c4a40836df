"""The firewalls' own XML API, at their management addresses.

Palo Alto Networks, PAN-OS and Panorama API guide: requests and answers are as Panorama's. All
firewalls have one certificate, for one name, since their addresses are not known when it is issued;
and one administrator, by whose key or password functions come. Nothing is served until it is
switched on: then each firewall has a port on loopback, to which :attr:`World.reach` leads the
functions that the real network would let in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from vmseries_lab.core.world import World
from vmseries_lab.firewalls import reachability
from vmseries_lab.firewalls.firewall import Firewall
from vmseries_lab.net.certificates import FIREWALL_NAME, Authority
from vmseries_lab.net.http_server import PortListener
from vmseries_lab.net.https import LOOPBACK, HttpsServer, Intercept, Request, Response
from vmseries_lab.panorama.administrators import Admin, Administrators
from vmseries_lab.panorama.responses import ApiError, ForbiddenError, leaf, parsed, render, result

PORT = 443
ADMIN = Admin("autoscale", "firewall-password", "LUFRPT1maXJld2FsbC1rZXktb2YtdGhlLWxhYg")


class XmlApis:
    """One server for all firewalls; each has ports of its own.

    Attributes:
        intercept: hook that sees each request and may break it.
    """

    def __init__(
        self, world: World, authority: Authority, firewalls: Mapping[str, Firewall]
    ) -> None:
        self._world = world
        self._authority = authority
        self._firewalls = firewalls
        self._accounts = Administrators(ADMIN)
        self._server: HttpsServer | None = None
        self._doors: PortListener | None = None
        self._ports: dict[str, int] = {}
        self.intercept: Intercept = lambda _request, _connection, effect: effect()

    def configure(self, **settings: Any) -> None:
        """Change settings.

        Args:
            settings: ``served``, whether the APIs are served, and those of
                ``https.ServerBehavior``, for all firewalls.

        Raises:
            ValueError: for a setting that does not exist.
        """
        served = bool(settings.pop("served", self._doors is not None))
        if served and self._doors is None:
            self.start(served=True)
        elif not served:
            self.stop()
        if settings:
            if self._server is None:
                raise ValueError("the firewalls' APIs are not served")
            self._server.behave(**settings)

    def start(self, *, served: bool) -> None:
        """Serve, at new ports, if they are to be served."""
        if not served:
            return
        self._server = HttpsServer(
            self._authority, (FIREWALL_NAME,), self.respond, self._world.clock
        )
        self._server.intercept = self.intercept
        with self._world.lock:
            self._doors = PortListener(self._server.take)
            self.tick(self._world.clock.now())

    def stop(self) -> bool:
        """Serve no more; whether they were served."""
        with self._world.lock:
            doors, self._doors = self._doors, None
            server, self._server = self._server, None
            self._ports.clear()
        if doors is None or server is None:
            return False
        doors.close()
        server.close()
        return True

    def tick(self, now: float) -> None:
        """Let every firewall have a port as long as its management web server runs."""
        if self._doors is None:
            return
        up = {name for name, firewall in self._firewalls.items() if firewall.web_server_up(now)}
        for instance_id in up - self._ports.keys():
            self._ports[instance_id] = self._doors.open()
        for instance_id in self._ports.keys() - up:
            self._doors.shut(self._ports.pop(instance_id))

    def address(self, instance_id: str) -> str | None:
        """``host:port`` on loopback where the firewall on an instance is played, if it is up."""
        port = self._ports.get(instance_id)
        return None if port is None else f"{LOOPBACK}:{port}"

    def reach(self, vpc_config: dict[str, Any] | None) -> dict[str, str]:
        """Where the addresses of firewalls lead that a function with these settings can reach."""
        if self._doors is None:
            return {}
        with self._world.lock:
            caller = reachability.function(vpc_config)
            return {
                f"{management.private_ip}:{PORT}": f"{LOOPBACK}:{port}"
                for instance_id, port in self._ports.items()
                if caller is not None
                and (management := self._firewalls[instance_id].management) is not None
                and reachability.admits(management.interface_id, caller, PORT)
            }

    def respond(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            ConnectionError: if there is no firewall any more.
        """
        if request.path.rstrip("/") != "/api":
            return Response(b"<html><body>Not Found</body></html>", "text/html", 404)
        with self._world.lock:
            firewall = self._at(request.port)
            try:
                answer = self._answer(request, firewall)
            except ForbiddenError as error:
                return Response(render(error.answer()), status=403)
            except ApiError as error:
                answer = error.answer()
        return Response(render(answer))

    def _at(self, port: int) -> Firewall:
        for instance_id, opened in self._ports.items():
            if opened == port and instance_id in self._firewalls:
                return self._firewalls[instance_id]
        raise ConnectionResetError("the firewall is gone")

    def _answer(self, request: Request, firewall: Firewall) -> Element:
        if firewall.phase == "bootstrap-failed":
            # Without bootstrap data it has no such administrator.
            raise ForbiddenError
        parameters = request.parameters
        kind = parameters.get("type", "")
        if kind == "keygen":
            key = self._accounts.key(parameters.get("user", ""), parameters.get("password", ""))
            return result(leaf("key", key))
        self._accounts.authenticate(request)
        if kind != "op":
            raise ApiError("The firewalls of the lab take only operational commands", code=17)
        return firewall.operate(parsed(parameters.get("cmd", "")))
