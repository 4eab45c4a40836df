"""The firewalls' own XML API, at their management addresses.

Palo Alto Networks, PAN-OS and Panorama API guide: requests and responses are like Panorama's. All
firewalls share one certificate for one name, because their addresses are not known when it is
issued, and one administrator. The APIs are disabled at first. Once enabled, each firewall has a
port on loopback; :attr:`World.reach` maps its address to that port for the functions that the
network would admit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from vmseries_lab.core.world import Reach, World
from vmseries_lab.firewalls.firewall import Firewall
from vmseries_lab.internet import Paths
from vmseries_lab.net.certificates import FIREWALL_NAME, Authority
from vmseries_lab.net.http_server import PortListener
from vmseries_lab.net.https import LOOPBACK, HttpsServer, Intercept, Request, Response
from vmseries_lab.panorama.administrators import Admin, Administrators
from vmseries_lab.panorama.responses import ApiError, ForbiddenError, leaf, parsed, render, result

PORT = 443
ADMIN = Admin("autoscale", "firewall-password", "LUFRPT1maXJld2FsbC1rZXktb2YtdGhlLWxhYg")


class XmlApis:
    """The XML APIs of all firewalls: one server, with a port per firewall.

    Attributes:
        intercept: hook that sees each request and may break it.
    """

    def __init__(
        self,
        world: World,
        authority: Authority,
        firewalls: Mapping[str, Firewall],
        paths: Paths,
    ) -> None:
        self._world = world
        self._authority = authority
        self._firewalls = firewalls
        self._paths = paths
        self._accounts = Administrators(ADMIN)
        self._server: HttpsServer | None = None
        self._ports_listener: PortListener | None = None
        self._ports: dict[str, int] = {}
        self.intercept: Intercept = lambda _request, _connection, effect: effect()

    def configure(self, **settings: Any) -> None:
        """Change settings.

        Args:
            settings: ``served``, whether the APIs are enabled, and attributes of
                ``https.ServerBehavior``, for all firewalls.

        Raises:
            ValueError: for an unknown setting, or for a behavior while the APIs are disabled.
        """
        served = bool(settings.pop("served", self._ports_listener is not None))
        if served and self._ports_listener is None:
            self.start(served=True)
        elif not served:
            self.stop()
        if settings:
            if self._server is None:
                raise ValueError("the firewalls' APIs are not served")
            self._server.behave(**settings)

    def start(self, *, served: bool) -> None:
        """Serve on new ports, if the APIs are enabled."""
        if not served:
            return
        self._server = HttpsServer(
            self._authority, (FIREWALL_NAME,), self.respond, self._world.clock
        )
        self._server.intercept = self.intercept
        with self._world.lock:
            self._ports_listener = PortListener(self._server.take)
            self.tick(self._world.clock.now())

    def stop(self) -> bool:
        """Stop serving; return whether the APIs were enabled."""
        with self._world.lock:
            listener, self._ports_listener = self._ports_listener, None
            server, self._server = self._server, None
            self._ports.clear()
        if listener is None or server is None:
            return False
        listener.close()
        server.close()
        return True

    def tick(self, now: float) -> None:
        """Open a port for each firewall whose management web server runs, and close the others."""
        if self._ports_listener is None:
            return
        up = {name for name, firewall in self._firewalls.items() if firewall.web_server_up(now)}
        for instance_id in up - self._ports.keys():
            self._ports[instance_id] = self._ports_listener.open()
        for instance_id in self._ports.keys() - up:
            self._ports_listener.shut(self._ports.pop(instance_id))

    def address(self, instance_id: str) -> str | None:
        """Return ``host:port`` on loopback of an instance's firewall, ``None`` if it is down."""
        port = self._ports.get(instance_id)
        return None if port is None else f"{LOOPBACK}:{port}"

    def reach(self, vpc_config: dict[str, Any] | None) -> Reach:
        """Return what a function reaches: hosts on the internet, and firewalls in its VPC.

        Args:
            vpc_config: VPC settings of the function.
        """
        with self._world.lock:
            outside = self._paths.reach(vpc_config)
            function = self._paths.function(vpc_config)
            firewalls = {
                f"{management.private_ip}:{PORT}": f"{LOOPBACK}:{port}"
                for instance_id, port in self._ports.items()
                if (management := self._firewalls[instance_id].management) is not None
                and function.reaches_interface(management.interface_id, PORT)
            }
        return Reach(outside.hosts | firewalls, outside.timed_out)

    def respond(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            ConnectionError: if the firewall was terminated.
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
            # A firewall without bootstrap data does not have this administrator.
            raise ForbiddenError
        parameters = request.parameters
        kind = parameters.get("type", "")
        if kind == "keygen":
            key = self._accounts.key(parameters.get("user", ""), parameters.get("password", ""))
            return result(leaf("key", key))
        self._accounts.authenticate(request)
        if kind != "op":
            raise ApiError("The firewalls of the lab take only operational commands", code=17)
        left = firewall.left
        try:
            return firewall.operate(parsed(parameters.get("cmd", "")))
        except ApiError as error:
            if firewall.left and not left:
                raise ConnectionResetError("the firewall reboots or drops off") from error
            raise
